"""Objects and places by keyed digest: which records name the same thing, and nothing of what it is."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from shared.db import Connection, driver

_FIND = """
SELECT o.record_key, r.record_uid FROM object_ref o JOIN record r USING (record_key)
WHERE o.digest = $1 AND o.kind = $2 AND o.record_key > $3 ORDER BY o.record_key LIMIT $4"""
_LOG = """
INSERT INTO access (at, record_uid, actor, purpose, reference, parts, allowed, log_id)
SELECT $1, u.uid, $4, $5, $6, '{search}', true, u.log FROM unnest($2::uuid[], $3::bigint[]) u(uid, log)"""


class Thing(NamedTuple):
    """An object or a place: its kind, and the digest of its reference."""

    kind: str
    digest: bytes


async def relist(connection: Connection, listed: Mapping[int, frozenset[Thing]]) -> None:
    """Replace what is listed of records: it is what their latest accepted state names."""
    raw = await driver(connection)
    await raw.execute("DELETE FROM object_ref WHERE record_key = ANY($1::bigint[])", list(listed))
    rows = [(key, *each) for key, its in sorted(listed.items()) for each in sorted(its)]
    await raw.copy_records_to_table("object_ref", records=rows, columns=["record_key", "kind", "digest"])


async def find(connection: Connection, thing: Thing, after: int, limit: int) -> list[tuple[int, UUID]]:
    """Give (key, id) of the records that name a thing, in one order."""
    raw = await driver(connection)
    return [tuple(row) for row in await raw.fetch(_FIND, thing.digest, thing.kind, after, limit)]


async def log_hits(
    connection: Connection, hits: Sequence[tuple[UUID, int]], actor: str, why: tuple[str, str], now: datetime
) -> None:
    """Log each record that a search is about to show, with its log row; `why` is purpose and reference."""
    raw = await driver(connection)
    await raw.execute(_LOG, now, [record for record, _ in hits], [log for _, log in hits], actor, *why)
