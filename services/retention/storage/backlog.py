"""What has fallen due and waits for its turn: counted by index, up to a bound, for everyone to see."""

from datetime import date, datetime
from typing import Any, NamedTuple

import asyncpg

from services.retention.storage.reviews import ASKED_FOR, UNDER_REVIEW
from shared.db import Connection, columns, driver
from shared.metrics import COUNTED_MAX

_LOCK = 73_103  # One process at a time tells; beside the locks of reviews' subjects.
_TOO_DUE_MAX = 10_000
# Fallen due and not brought up, then brought up and neither under review nor on order; what is held waits for nobody.
_READ = f"""
WITH risen AS (SELECT open_on FROM schedule WHERE state = 'current' AND lifecycle = 'current' AND open_on <= $1
    ORDER BY open_on LIMIT {COUNTED_MAX}),
asked AS (SELECT s.open_on FROM (SELECT record_key, open_on, reason FROM schedule WHERE lifecycle = 'due'
        AND state = 'current' AND open_on <= $1 AND NOT held ORDER BY open_on LIMIT {_TOO_DUE_MAX}) s
    WHERE NOT {UNDER_REVIEW} AND NOT {ASKED_FOR}),
wanted AS (SELECT at FROM review_wanted ORDER BY wanted_id LIMIT {COUNTED_MAX})
SELECT (SELECT count(*) FROM risen) + (SELECT count(*) FROM asked) AS records,
    least((SELECT min(open_on) FROM risen), (SELECT min(open_on) FROM asked)) AS oldest_on,
    (SELECT count(*) FROM wanted) AS wanted, (SELECT min(at) FROM wanted) AS wanted_since"""
_STORE = """
INSERT INTO measure (measure, version, payload) SELECT * FROM unnest($1::text[], $2::bigint[], $3::bytea[])
ON CONFLICT (measure) DO UPDATE SET version = excluded.version, payload = excluded.payload"""


class Backlog(NamedTuple):
    """How many records have fallen due and wait, since which day the oldest; how many reviews are asked for."""

    records: int
    oldest_on: date | None
    wanted: int
    wanted_since: datetime | None


async def read(connection: Connection, today: date) -> Backlog:
    """Count what waits for its turn."""
    row = await (await driver(connection)).fetchrow(_READ, today)
    assert row is not None, "a query without FROM gives one row"
    return Backlog(*row)


async def last(connection: Connection) -> dict[str, asyncpg.Record]:
    """Give what was last said of each measure, for this transaction alone to change."""
    raw = await driver(connection)
    await raw.execute("SELECT pg_advisory_xact_lock($1, 0)", _LOCK)
    return {row["measure"]: row for row in await raw.fetch("SELECT measure, version, payload FROM measure")}


async def store(connection: Connection, rows: list[tuple[Any, ...]]) -> None:
    """Store (measure, version, payload)."""
    await (await driver(connection)).execute(_STORE, *columns(sorted(rows), 3))
