"""Manifests: the newest of each period of a source, and what came of the period, read from the arrivals."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg

from services.intake.domain.manifests import MANIFEST, PERIOD_DAYS_MAX, TOLD_IDS_MAX, Comparison, Period
from shared.db import Connection, columns, driver

# Of two for one period the one that was made later counts, whichever comes first.
_KEEP = """
INSERT INTO manifest (source_key, begins, ends, said_from, said_to, event_uid, sent_at, received_at, expected, digest,
    ids)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
ON CONFLICT (source_key, begins, ends) DO UPDATE SET said_from = excluded.said_from, said_to = excluded.said_to,
    event_uid = excluded.event_uid, sent_at = excluded.sent_at, received_at = excluded.received_at,
    expected = excluded.expected, digest = excluded.digest, ids = excluded.ids, state = 'open', stale = true,
    compared_at = NULL, arrived = NULL, missing_count = NULL, extra_count = NULL, missing = '{}', extra = '{}'
WHERE (manifest.sent_at, manifest.event_uid) < (excluded.sent_at, excluded.event_uid)"""
# What came touches the periods that it is counted in, a day around its own in whatever zone, and those that miss
# something: an id counts wherever it came.
_STALE = f"""
UPDATE manifest SET stale = true WHERE NOT stale AND manifest_key = ANY(ARRAY(
    SELECT m.manifest_key FROM unnest($1::integer[], $2::timestamptz[]) d(source_key, at)
    JOIN manifest m ON m.source_key = d.source_key AND m.begins < d.at + interval '2 days'
        AND m.begins > d.at - interval '{PERIOD_DAYS_MAX + 2} days' AND m.ends > d.at - interval '1 day'
    UNION ALL
    SELECT m.manifest_key FROM manifest m WHERE m.source_key = ANY($1::integer[]) AND m.missing_count > 0))"""
_WAITING = """
SELECT m.*, s.source FROM manifest m JOIN source s USING (source_key)
WHERE (m.stale OR (m.state = 'open' AND m.ends <= $1)) AND (m.compared_at IS NULL OR m.compared_at < $2)
ORDER BY m.compared_at NULLS FIRST, m.manifest_key LIMIT $3 FOR UPDATE OF m SKIP LOCKED"""
_OF_PERIOD = f"""
FROM arrival WHERE source_key = $1 AND counted_at >= $2 AND counted_at < $3 AND first AND event_id IS NOT NULL
    AND type IS DISTINCT FROM '{MANIFEST}'"""
_COUNT = f"SELECT count(*) {_OF_PERIOD}"
_DIGEST = f"""
SELECT encode(sha256(convert_to(coalesce(string_agg(event_id, E'\\n' ORDER BY event_id COLLATE "C"), ''), 'UTF8')),
    'hex') {_OF_PERIOD}"""
_EXTRA = f"""
SELECT event_id, count(*) OVER () AS n {_OF_PERIOD} AND event_uid <> ALL($4::uuid[])
ORDER BY event_id COLLATE "C" LIMIT {TOLD_IDS_MAX}"""
_THERE = "SELECT event_uid FROM arrival WHERE event_uid = ANY($1::uuid[]) AND first"
_COMPARED = """
UPDATE manifest SET state = $2, arrived = $3, missing_count = $4, extra_count = $5, missing = $6, extra = $7,
    compared_at = $8, version = version + $9, stale = false WHERE manifest_key = $1"""
_PAGE = """
SELECT m.manifest_key, s.source, m.said_from, m.said_to, m.event_uid, m.sent_at, m.received_at, m.expected, m.digest,
    m.ids IS NOT NULL AS named, m.state, m.version, m.arrived, m.missing_count, m.extra_count, m.missing, m.extra,
    m.compared_at
FROM manifest m JOIN source s USING (source_key)
WHERE ($1::text IS NULL OR s.source = $1) AND ($2::text IS NULL OR m.state = $2) AND m.manifest_key > $3
ORDER BY m.manifest_key LIMIT $4"""


class Kept(NamedTuple):
    """One manifest as it came."""

    source_key: int
    begins: datetime
    ends: datetime
    said_from: str
    said_to: str
    event_uid: UUID
    sent_at: datetime
    received_at: datetime
    expected: int
    digest: str
    ids: list[str] | None


async def keep(connection: Connection, kept: Sequence[Kept]) -> None:
    """Store manifests where they are the newest of their period."""
    raw = await driver(connection)
    in_order = sorted(kept, key=lambda each: (each.source_key, each.begins, each.ends))
    await raw.executemany(_KEEP, in_order)


async def make_stale(connection: Connection, days: Sequence[tuple[int, datetime]]) -> None:
    """Have the manifests compared again that (source, day that began at) may touch."""
    raw = await driver(connection)
    await raw.execute(_STALE, *columns(list(days), 2))


async def waiting(connection: Connection, now: datetime, before: datetime, limit: int) -> list[asyncpg.Record]:
    """Give manifests that wait to be compared and were not since `before`, locked."""
    raw = await driver(connection)
    return list(await raw.fetch(_WAITING, now, before, limit))


async def count(connection: Connection, source_key: int, period: Period) -> int:
    """Count the events of a period."""
    raw = await driver(connection)
    return int(await raw.fetchval(_COUNT, source_key, *period))


async def digest(connection: Connection, source_key: int, period: Period) -> str:
    """Give SHA-256 over the sorted ids of a period's events; there is room for those of `EVENTS_MAX`."""
    raw = await driver(connection)
    return str(await raw.fetchval(_DIGEST, source_key, *period))


async def beyond(
    connection: Connection, source_key: int, period: Period, named: Sequence[UUID]
) -> tuple[int, tuple[str, ...]]:
    """Count the events of a period that are not among those named; gives the first of their ids."""
    raw = await driver(connection)
    rows = await raw.fetch(_EXTRA, source_key, *period, named)
    return (rows[0]["n"] if rows else 0), tuple(row["event_id"] for row in rows)


async def there(connection: Connection, named: Sequence[UUID]) -> set[UUID]:
    """Give those of the events that came, whenever it was."""
    raw = await driver(connection)
    return {row["event_uid"] for row in await raw.fetch(_THERE, named)}


async def compared(connection: Connection, manifest_key: int, found: Comparison, at: datetime, announced: bool) -> None:
    """Store how a manifest compares; what is announced is a new version."""
    raw = await driver(connection)
    await raw.execute(_COMPARED, manifest_key, *found, at, int(announced))


async def read_sets(connection: Connection) -> None:
    """Let the statements of this transaction join sets, not look up by key, and read as long as a year takes."""
    raw = await driver(connection)
    await raw.execute(
        "SET LOCAL enable_hashjoin = on; SET LOCAL plan_cache_mode = auto; SET LOCAL statement_timeout = '10min'"
    )


async def states(connection: Connection) -> dict[str, int]:
    """Count manifests by state."""
    raw = await driver(connection)
    return {row["state"]: row["n"] for row in await raw.fetch("SELECT state, count(*) AS n FROM manifest GROUP BY 1")}


async def page(connection: Connection, *filters: Any) -> list[asyncpg.Record]:
    """List by (source, state, after manifest key, limit), the oldest first."""
    raw = await driver(connection)
    return list(await raw.fetch(_PAGE, *filters))
