"""Marks: which subjects are to be settled. They are inserted and deleted, never updated."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from services.retention.storage.in_force import LOCK
from shared.db import Connection, driver

# By the database's clock, which wrote them: how long a mark waits is no policy.
_OLDEST = """
SELECT mark_id, record_key, nominal_key FROM dirty WHERE marked_at <= clock_timestamp() - $2 * interval '1 second'
ORDER BY mark_id LIMIT $1 FOR UPDATE SKIP LOCKED"""
_THESE = """
SELECT mark_id, record_key, nominal_key FROM dirty WHERE mark_id = ANY($2::bigint[])
ORDER BY mark_id LIMIT $1 FOR UPDATE SKIP LOCKED"""
# What is claimed is counted before the pack in force is shared: nobody brings another into force until the end.
_SHARING = """
WITH claimed AS MATERIALIZED ({claim})
SELECT * FROM claimed WHERE (SELECT pg_advisory_xact_lock_shared(hashtext(current_schema()), {lock})
    FROM (SELECT count(*) FROM claimed) counted) IS NOT NULL"""
_CLAIM_OLDEST, _CLAIM_THESE = (_SHARING.format(claim=claim, lock=LOCK) for claim in (_OLDEST, _THESE))
_INSERT = """
INSERT INTO dirty (record_key, nominal_key)
SELECT k, NULL::bigint FROM unnest($1::bigint[]) k UNION ALL SELECT NULL::bigint, k FROM unnest($2::bigint[]) k
RETURNING mark_id"""
_INSERT_ALL = """
INSERT INTO dirty (record_key, nominal_key)
SELECT k, NULL::bigint FROM unnest($1::bigint[]) k
UNION ALL (SELECT NULL::bigint, k FROM unnest($2::bigint[]) k
    UNION SELECT NULL::bigint, nominal_key FROM unnest($1::bigint[]) k JOIN link ON record_key = k)
RETURNING mark_id"""


class Mark(NamedTuple):
    """One subject to be settled: a record or a person."""

    mark_id: int
    record_key: int | None
    nominal_key: int | None


async def claim_marks(connection: Connection, limit: int, these: Sequence[int] | None, seconds: float) -> list[Mark]:
    """Claim of `these` what nobody else has, or the oldest marks of those that have waited for so many seconds.

    With the first of them the pack in force is kept what it is, to the end of the transaction; which one it is must be
    read after this: whoever waited for the lock sees what was there before.
    """
    raw = await driver(connection)
    rows = await (raw.fetch(_CLAIM_OLDEST, limit, seconds) if these is None else raw.fetch(_CLAIM_THESE, limit, these))
    return [Mark(*row) for row in rows]


async def oldest(connection: Connection) -> datetime | None:
    """Give since when the oldest mark waits; None: none does."""
    raw = await driver(connection)
    found: datetime | None = await raw.fetchval("SELECT marked_at FROM dirty ORDER BY mark_id LIMIT 1")
    return found


async def insert_marks(connection: Connection, records: Iterable[int], persons: Iterable[int]) -> list[int]:
    """Mark records and persons to be settled; gives the marks' ids."""
    return await _insert(connection, _INSERT, records, persons)


async def mark_with_persons(connection: Connection, records: Iterable[int], persons: Iterable[int]) -> list[int]:
    """Mark records, everyone linked to them, and persons."""
    return await _insert(connection, _INSERT_ALL, records, persons)


async def _insert(connection: Connection, statement: str, records: Iterable[int], persons: Iterable[int]) -> list[int]:
    wanted = sorted(records), sorted(persons)
    if not any(wanted):
        return []
    raw = await driver(connection)
    return [row[0] for row in await raw.fetch(statement, *wanted)]


async def delete_marks(connection: Connection, mark_ids: Sequence[int]) -> None:
    """Delete marks whose subjects are settled."""
    await (await driver(connection)).execute("DELETE FROM dirty WHERE mark_id = ANY($1::bigint[])", mark_ids)
