"""The log of who looked at what, and why: append-only; and the other logs of one record."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg

from shared.db import Connection, driver

_INSERT = """
INSERT INTO access (at, record_uid, actor, purpose, reference, task_id, parts, allowed, refused, log_id)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) RETURNING access_id"""
_SHOWN = """
SELECT access_id, at, record_uid AS record_id, actor, purpose, reference, task_id, parts, allowed, refused
FROM access"""
# Nobody is told of what they asked for and was not shown to exist: what does not exist leaves no entry.
_PAGE = """
{shown} WHERE ($1::uuid IS NULL OR record_uid = $1) AND ($2::text IS NULL OR actor = $2)
    AND ($3::text IS NULL OR purpose = $3) AND ($4::timestamptz IS NULL OR at >= $4)
    AND ($5::timestamptz IS NULL OR at < $5) AND ($6::boolean IS NULL OR allowed = $6)
    AND NOT (actor = $7 AND refused IS NOT NULL AND refused IN ('hidden', 'own_file'))
    AND ($8::bigint IS NULL OR access_id {after} $8) ORDER BY access_id {order} LIMIT $9"""
# Each state came with a receipt and, if accepted, made a version of the record; what a version links is read from its
# sealed body, if that is still held. A shredding is the end of them.
_LOGS = """
WITH mine AS (SELECT record_key, record_uid FROM record WHERE record_uid = $1 AND kind = 'record'),
    states AS (SELECT s.version, s.sequence, s.body_id, s.arrival_key, a.received_at, a.receipt_id, a.outcome, c.source
        FROM mine JOIN record_state s USING (record_key) CROSS JOIN LATERAL (  -- One by one, by a few pages each.
            SELECT * FROM arrival a WHERE a.arrival_key = s.arrival_key OFFSET 0) a JOIN source c USING (source_key)),
    entries AS (
        SELECT received_at AS at, 1 AS rank, arrival_key AS n, 'collection' AS kind, jsonb_build_object(
            'receipt_id', receipt_id, 'source', source, 'sequence', sequence, 'outcome', outcome) AS told,
            NULL::bigint AS body_id, NULL::integer AS version FROM states
        UNION ALL SELECT received_at, 2, arrival_key, 'alteration', jsonb_build_object(
            'version', version, 'sequence', sequence), NULL, NULL FROM states WHERE version > 1
        UNION ALL SELECT received_at, 3, arrival_key, 'combination', '{}', body_id, version FROM states
            WHERE version IS NOT NULL AND body_id IS NOT NULL
        UNION ALL SELECT v.at, 4, v.access_id, 'consultation', jsonb_build_object('actor', v.actor,
            'purpose', v.purpose, 'reference', v.reference, 'task_id', v.task_id, 'parts', v.parts,
            'allowed', v.allowed, 'refused', v.refused), NULL, NULL FROM mine JOIN access v USING (record_uid)
        UNION ALL SELECT h.at, 5, h.sequence, 'erasure', jsonb_build_object('disposal_id', h.disposal_id,
            'sequence', h.sequence, 'bodies', h.bodies), NULL, NULL FROM mine JOIN shredding h USING (record_uid))
SELECT * FROM entries WHERE $2::timestamptz IS NULL OR (at, rank, n) > ($2, $3::int, $4::bigint)
ORDER BY at, rank, n LIMIT $5"""
_BEFORE = """
SELECT s.version, s.body_id FROM record_state s JOIN record r USING (record_key)
WHERE r.record_uid = $1 AND r.kind = 'record' AND s.version = ANY($2::integer[])"""


class Wanted(NamedTuple):
    """Which views, and attempts at them, a list is of."""

    record: UUID | None = None
    actor: str | None = None
    purpose: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    allowed: bool | None = None


async def log(connection: Connection, *row: Any) -> int:
    """Log (at, record, actor, purpose, reference, task, parts, allowed, refused, log id) before anything is shown."""
    raw = await driver(connection)
    access: int = await raw.fetchval(_INSERT, *row)
    return access


async def page(
    connection: Connection, wanted: Wanted, looker: str, part: tuple[int | None, int], *, latest_first: bool
) -> list[asyncpg.Record]:
    """List who looked, in the order of time or the other way, after a key and up to a limit."""
    raw = await driver(connection)
    after_is, order = ("<", "DESC") if latest_first else (">", "ASC")
    return list(await raw.fetch(_PAGE.format(shown=_SHOWN, after=after_is, order=order), *wanted, looker, *part))


async def logs(
    connection: Connection, record: UUID, after: tuple[datetime, int, int] | None, limit: int
) -> list[asyncpg.Record]:
    """Give a record's log entries in the order of time."""
    raw = await driver(connection)
    return list(await raw.fetch(_LOGS, record, *(after or (None, None, None)), limit))


async def bodies(connection: Connection, record: UUID, versions: Sequence[int]) -> dict[int, int | None]:
    """Give the sealed bodies of versions of a record."""
    raw = await driver(connection)
    return {row["version"]: row["body_id"] for row in await raw.fetch(_BEFORE, record, versions)}
