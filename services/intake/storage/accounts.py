"""Accounts: counters as they come, the same counted from the rows, and when each source was last heard."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

import asyncpg

from services.intake.storage.arrivals import COUNT
from shared.db import Connection, columns, driver, numbers

TALLIES_MAX = 200
_TALLY = """
INSERT INTO tally (received_at, received_on, day_sources, days, day_events, record_keys, source_keys, record_types,
    units, reported, recorded) VALUES ({})"""
_LONG = "{}::text::bigint[], {}::text::integer[], {}, {}, {}::text::bigint[], {}::text::bigint[]"
_QUEUE = _TALLY.format("$1, $2, $3, $4, $5, " + _LONG.format("$6", "$7", "$8", "$9", "$10", "$11"))
_QUEUED_TOO = _TALLY.format("$6, $3, $7, $8, $9, " + _LONG.format("$10", "$11", "$12", "$13", "$14", "$15"))
_COUNT_AND_QUEUE = f"WITH q AS ({_QUEUED_TOO}) {COUNT}"
_TAKE = """
DELETE FROM tally WHERE tally_id = ANY(ARRAY(
    SELECT tally_id FROM tally ORDER BY tally_id LIMIT $1 FOR UPDATE SKIP LOCKED)) RETURNING *"""
_SEEN = """
INSERT INTO source_seen (source_key, events, last_at)
SELECT u.source_key, sum(u.n), max(u.at)
FROM unnest($1::integer[], $2::bigint[], $3::timestamptz[]) u(source_key, n, at)
GROUP BY 1 ORDER BY 1
ON CONFLICT (source_key) DO UPDATE SET events = source_seen.events + excluded.events,
    last_at = greatest(source_seen.last_at, excluded.last_at)"""


# Whose account has anything: events that came that day, records that were taken in.
_KEYS = """
SELECT k.source_key, s.source, k.day FROM (
    SELECT source_key, received_on AS day FROM account UNION SELECT source_key, received_on FROM lag_count
    UNION SELECT unnest(source_keys), received_on FROM tally) k JOIN source s USING (source_key)
WHERE ($1::date IS NULL OR k.day >= $1) AND ($2::date IS NULL OR k.day <= $2) AND ($3::text IS NULL OR s.source = $3)
    AND (k.day, s.source) > ($4, $5) ORDER BY k.day, s.source LIMIT $6"""
# One statement, so one snapshot: what the counters say, beside the rows that they count.
_EVENTS = """
WITH k AS (SELECT * FROM unnest($1::integer[], $2::date[]) k(source_key, received_on)),
counted AS (
    SELECT source_key, received_on, outcome, sum(n)::bigint AS n FROM account JOIN k USING (source_key, received_on)
    GROUP BY 1, 2, 3),
came AS (
    SELECT source_key, received_on, outcome, count(*) AS n FROM arrival
    WHERE received_on = ANY($2) AND source_key = ANY($1) GROUP BY 1, 2, 3)
SELECT source_key, received_on AS day, outcome, coalesce(counted.n, 0) AS counted, coalesce(came.n, 0) AS came
FROM counted FULL JOIN came USING (source_key, received_on, outcome)
WHERE (source_key, received_on) IN (SELECT source_key, received_on FROM k)"""
_RECORDS = """
WITH k AS (SELECT * FROM unnest($1::integer[], $2::date[]) k(source_key, received_on)),
captured AS (
    SELECT source_key, received_on, sum(n)::bigint AS n FROM (
        SELECT source_key, received_on, n FROM lag_count WHERE lag = 'reported_to_recorded'
        UNION ALL SELECT unnest(source_keys), received_on, 1 FROM tally) c JOIN k USING (source_key, received_on)
    GROUP BY 1, 2),
standing AS (
    SELECT r.source_key, r.accepted_on AS received_on, count(*) FILTER (WHERE gone) AS disposed,
        count(*) FILTER (WHERE NOT gone AND l.state = 'transferred') AS transferred,
        count(*) FILTER (WHERE NOT gone AND l.state IS DISTINCT FROM 'transferred' AND l.held) AS held,
        count(*) FILTER (WHERE NOT gone AND l.state IS DISTINCT FROM 'transferred' AND l.held IS NOT TRUE
            AND l.state = 'ordered') AS on_order,
        count(*) FILTER (WHERE NOT gone AND l.state IS DISTINCT FROM 'transferred' AND l.held IS NOT TRUE
            AND l.state IS DISTINCT FROM 'ordered') AS active
    FROM record r LEFT JOIN lifecycle l USING (record_uid),
        LATERAL (SELECT r.executed_by IS NOT NULL OR coalesce(l.state IN ('executed', 'shredded', 'disposed'), false)
            AS gone) g
    WHERE r.kind = 'record' AND r.accepted_on = ANY($2) AND r.source_key = ANY($1) GROUP BY 1, 2)
SELECT source_key, received_on AS day, coalesce(captured.n, 0) AS captured, coalesce(disposed, 0) AS disposed,
    coalesce(transferred, 0) AS transferred, coalesce(held, 0) AS held, coalesce(on_order, 0) AS on_order,
    coalesce(active, 0) AS active
FROM captured FULL JOIN standing USING (source_key, received_on)
WHERE (source_key, received_on) IN (SELECT source_key, received_on FROM k)"""
_SOURCES = """
SELECT s.source, seen.last_at,
    (SELECT max(received_at) FROM manifest m WHERE m.source_key = s.source_key) AS manifest_at
FROM source s LEFT JOIN source_seen seen USING (source_key) WHERE s.source = ANY($1::text[])"""
_WAITS_SINCE = "SELECT min(stored_at) FROM policy"

Captured = tuple[int, int, str, str, int | None, int | None]


class Tally(NamedTuple):
    """What a batch adds to the periods of its sources, and the lags of the records that it captured."""

    days: Sequence[tuple[int, int, int]] = ()
    """(source, ordinal of a day, how many events are counted in it by their own clock)"""
    captured: Sequence[Captured] = ()
    """(record, source, record type, unit, seconds from report to record, seconds from record to receipt)"""


async def count(
    connection: Connection,
    counted: Mapping[tuple[int, str], int],
    day: tuple[date, int],
    tally: Tally,
    received_at: datetime,
) -> None:
    """Add to the accounts of (source, outcome) on a (day, slot), and queue the tally."""
    rows = [(source, outcome, n) for (source, outcome), n in sorted(counted.items()) if n]
    if not rows:
        return
    raw = await driver(connection)
    sources, outcomes, counts = columns(list(rows), 3)
    values: list[Any] = [sources, outcomes, *day, counts]
    if not tally.days and not tally.captured:
        await raw.execute(COUNT, *values)
        return
    await raw.execute(_COUNT_AND_QUEUE, *values, received_at, *_columns(tally))


async def queue(connection: Connection, tally: Tally, received_at: datetime, received_on: date) -> None:
    """Queue a tally alone."""
    raw = await driver(connection)
    await raw.execute(_QUEUE, received_at, received_on, *_columns(tally))


def _columns(tally: Tally) -> list[Any]:
    records, sources, types, units, reported, recorded = columns(list(tally.captured), 6)
    days = columns(list(tally.days), 3)
    return [*days, numbers(records), numbers(sources), types, units, numbers(reported), numbers(recorded)]


async def take_tallies(connection: Connection) -> list[asyncpg.Record]:
    """Take the oldest tallies from their queue."""
    raw = await driver(connection)
    return list(await raw.fetch(_TAKE, TALLIES_MAX))


async def see_sources(connection: Connection, seen: Sequence[tuple[int, int, datetime]]) -> None:
    """Add (source, how many events, when they came) to what each source has sent."""
    raw = await driver(connection)
    await raw.execute(_SEEN, *columns(list(seen), 3))


async def keys(connection: Connection, *filters: Any) -> list[asyncpg.Record]:
    """Give (source, day) by (since, until, source, after day, after source, limit) in order of day and source."""
    raw = await driver(connection)
    return list(await raw.fetch(_KEYS, *filters))


async def events(connection: Connection, sources: Sequence[int], days: Sequence[date]) -> list[asyncpg.Record]:
    """Give, of each (source, day), what is counted of each outcome, and how many rows there are."""
    raw = await driver(connection)
    return list(await raw.fetch(_EVENTS, sources, days))


async def records(connection: Connection, sources: Sequence[int], days: Sequence[date]) -> list[asyncpg.Record]:
    """Give, of each (source, day), how many records are counted as captured, and how those that are there stand."""
    raw = await driver(connection)
    return list(await raw.fetch(_RECORDS, sources, days))


async def last_signs(connection: Connection, sources: Sequence[str]) -> dict[str, tuple[datetime | None, ...]]:
    """Give when each source's last event and last manifest came."""
    raw = await driver(connection)
    return {row["source"]: (row["last_at"], row["manifest_at"]) for row in await raw.fetch(_SOURCES, sources)}


async def waits_since(connection: Connection) -> datetime | None:
    """Give since when this database has had a pack, and so expects anything."""
    raw = await driver(connection)
    found: datetime | None = await raw.fetchval(_WAITS_SINCE)
    return found
