"""Lags from report to record and from record to receipt: counted by length, the late ones listed."""

from collections.abc import Sequence
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg

from services.intake.domain.timeliness import RECORDED, REPORTED, REVERSED, UNTOLD
from shared.db import Connection, columns, driver, numbers
from shared.policy import Pack
from shared.policy.timeliness import lag_limits

# The first limit that fits counts, in the order of the pack; a record without both instants is never late. Of a length
# six binary digits are kept and the rest is rounded up: at most 3 % too much, never too little.
_STORE = f"""
WITH limits AS (
    SELECT u.n, s.source_key, u.source IS NULL AS anyones, u.record_type, u.lag, u.seconds
    FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[])
        WITH ORDINALITY u(source, record_type, lag, seconds, n)
    LEFT JOIN source s ON s.source = u.source),
came AS (
    SELECT '0001-01-01'::date + (c.ordinal - 1) AS received_on, c.record_key, c.source_key, c.record_type, c.unit,
        l.lag, l.seconds, d.beyond,
        (SELECT x.seconds FROM limits x WHERE x.lag = l.lag AND (x.anyones OR x.source_key = c.source_key)
            AND (x.record_type IS NULL OR x.record_type = c.record_type) ORDER BY x.n LIMIT 1) AS limit_seconds
    FROM unnest($5::text[], $6::text[], $7::text::integer[], $8::text::bigint[], $9::text::integer[],
            $10::text::bigint[], $11::text::bigint[])
            c(record_type, unit, ordinal, record_key, source_key, reported, recorded),
        LATERAL (VALUES ('{REPORTED}', c.reported), ('{RECORDED}', c.recorded)) l(lag, seconds),
        LATERAL (SELECT greatest(floor(ln(greatest(l.seconds, 1)::float8 + 0.5) / ln(2::float8))::integer - 5, 0)
            AS beyond) d),
listed AS (
    INSERT INTO late (record_key, source_key, record_type, unit, lag, seconds, limit_seconds, received_on)
    SELECT record_key, source_key, record_type, unit, lag, seconds, limit_seconds, received_on FROM came
    WHERE seconds > limit_seconds)
INSERT INTO lag_count (received_on, source_key, record_type, unit, lag, upto, n, late, longest)
SELECT received_on, source_key, record_type, unit, lag,
    CASE WHEN seconds IS NULL THEN {UNTOLD} WHEN seconds < 0 THEN {REVERSED}
        ELSE ((seconds + (1::bigint << beyond) - 1) >> beyond) << beyond END AS upto,
    count(*), count(*) FILTER (WHERE seconds > limit_seconds), greatest(max(seconds), 0)
FROM came GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY 1, 2, 3, 4, 5, 6
ON CONFLICT (received_on, source_key, record_type, unit, lag, upto) DO UPDATE SET n = lag_count.n + excluded.n,
    late = lag_count.late + excluded.late, longest = greatest(lag_count.longest, excluded.longest)"""
# The smallest length that half of the records, or 95 in 100, do not exceed: rounded up, yet never above the longest.
_SUMMARY = f"""
WITH counted AS (
    SELECT s.source, CASE WHEN $6 > 1 THEN c.record_type ELSE '' END AS record_type,
        CASE WHEN $6 > 2 THEN c.unit ELSE '' END AS unit, c.lag, c.upto, sum(c.n) AS n, sum(c.late) AS late,
        max(c.longest) AS longest
    FROM lag_count c JOIN source s USING (source_key)
    WHERE c.received_on >= $1 AND ($2::date IS NULL OR c.received_on <= $2) AND ($3::text IS NULL OR s.source = $3)
        AND ($4::text IS NULL OR c.record_type = $4) AND ($5::text IS NULL OR c.unit = $5)
    GROUP BY 1, 2, 3, 4, 5),
ranked AS (
    SELECT *, sum(n) FILTER (WHERE upto >= 0) OVER same AS told,
        sum(n) FILTER (WHERE upto >= 0) OVER (same ORDER BY upto) AS within
    FROM counted WINDOW same AS (PARTITION BY source, record_type, unit, lag))
SELECT source, record_type, unit, lag, sum(n)::bigint AS records,
    least(min(upto) FILTER (WHERE upto >= 0 AND within >= told * 0.5), max(longest))::bigint AS p50,
    least(min(upto) FILTER (WHERE upto >= 0 AND within >= told * 0.95), max(longest))::bigint AS p95,
    max(longest) FILTER (WHERE upto >= 0)::bigint AS longest, sum(late)::bigint AS late,
    coalesce(sum(n) FILTER (WHERE upto = {UNTOLD}), 0)::bigint AS untold,
    coalesce(sum(n) FILTER (WHERE upto = {REVERSED}), 0)::bigint AS reversed
FROM ranked WHERE (source, record_type, unit, lag) > ($7, $8, $9, $10)
GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4 LIMIT $11"""
_SPREAD = """
SELECT c.lag, c.upto, sum(c.n)::bigint AS n FROM lag_count c JOIN source s USING (source_key)
WHERE c.received_on >= $1 AND ($2::date IS NULL OR c.received_on <= $2) AND ($3::text IS NULL OR s.source = $3)
    AND ($4::text IS NULL OR c.record_type = $4) AND ($5::text IS NULL OR c.unit = $5)
GROUP BY 1, 2 ORDER BY 1, 2"""
_LATE = """
SELECT l.late_id, r.record_uid AS record_id, s.source, l.record_type, l.unit, l.lag, l.seconds, l.limit_seconds,
    l.received_on
FROM late l JOIN record r USING (record_key) JOIN source s ON s.source_key = l.source_key
WHERE r.executed_by IS NULL AND l.received_on >= $1 AND ($2::date IS NULL OR l.received_on <= $2)
    AND ($3::text IS NULL OR s.source = $3) AND ($4::text IS NULL OR l.record_type = $4)
    AND ($5::text IS NULL OR l.unit = $5) AND ($6::text IS NULL OR l.lag = $6) AND l.late_id < $7
ORDER BY l.late_id DESC LIMIT $8"""
_FORGET = "DELETE FROM late USING record r WHERE r.record_uid = ANY($1::uuid[]) AND late.record_key = r.record_key"


class Asked(NamedTuple):
    """Which records' lags are asked for, by the day they came; None: whatever there is."""

    since: date
    until: date | None = None
    source: str | None = None
    record_type: str | None = None
    unit: str | None = None


async def store(connection: Connection, tallies: Sequence[asyncpg.Record], pack: Pack) -> None:
    """Count the lags of tallies, and list those that are over the pack's limit."""
    if not tallies:
        return
    raw = await driver(connection)
    types, units, records, sources, reported, recorded = (
        [each for tally in tallies for each in tally[name]]
        for name in ("record_types", "units", "record_keys", "source_keys", "reported", "recorded")
    )
    days = [day for tally in tallies for day in [tally["received_on"].toordinal()] * len(tally["record_keys"])]
    longs = [numbers(each) for each in (days, records, sources, reported, recorded)]
    await raw.execute(_STORE, *columns(lag_limits(pack.timeliness), 4), types, units, *longs)


async def summary(
    connection: Connection, asked: Asked, depth: int, after: Sequence[Any], limit: int
) -> list[asyncpg.Record]:
    """Give each group's lags in order, after (source, type, unit, lag); depth 1 is by source, 2 by type, 3 by unit."""
    raw = await driver(connection)
    return list(await raw.fetch(_SUMMARY, *asked, depth, *after, limit))


async def spread(connection: Connection, asked: Asked) -> list[asyncpg.Record]:
    """Give how many records took how long, (lag, seconds rounded up, n)."""
    raw = await driver(connection)
    return list(await raw.fetch(_SPREAD, *asked))


async def late(connection: Connection, asked: Asked, lag: str | None, before: int, limit: int) -> list[asyncpg.Record]:
    """List the late ones that are still held, the newest first."""
    raw = await driver(connection)
    return list(await raw.fetch(_LATE, *asked, lag, before, limit))


async def forget(connection: Connection, records: Sequence[UUID]) -> None:
    """Take records that are disposed of from the list of late ones; the counts stay."""
    raw = await driver(connection)
    await raw.execute(_FORGET, records)
