"""What retention measures of itself: what is dirty, due, held and on its way out; by partial index, up to a bound."""

from datetime import date, datetime

from services.retention.storage import backlog, redate
from shared.db import Connection, driver
from shared.measuring import age
from shared.metrics import (
    COUNTED_MAX,
    DIRTY,
    DISPOSALS_IN_HAND,
    DUE,
    DUE_OLDEST,
    HOLDS,
    NEWS_AGE,
    PAUSED,
    QUEUE_AGE,
    QUEUE_ROWS,
    UNCONFIRMED,
    Reading,
)

UNCONFIRMED_MAX = 10_000
DUE_STATES = ("due", "in_review", "ordered")
HOLD_STATES = ("in_force", "release_proposed")
_DAY_SECONDS = 86_400


def _count(rows: str) -> str:
    return f"(SELECT count(*) FROM (SELECT FROM {rows} LIMIT {COUNTED_MAX}) c)"


_DIRTY = f"""
SELECT count(*) AS marks, count(DISTINCT (record_key, nominal_key)) AS subjects, min(marked_at) AS since
FROM (SELECT record_key, nominal_key, marked_at FROM dirty ORDER BY mark_id LIMIT {COUNTED_MAX}) d"""
_DUE = f"""
SELECT {_count("schedule WHERE lifecycle = 'due'")} AS due,
    {_count("schedule WHERE lifecycle = 'in_review'")} AS in_review,
    {_count("schedule WHERE lifecycle = 'ordered'")} AS ordered,
    {_count("schedule WHERE announced_version < version")} AS unannounced"""
_LEAVING = f"""
SELECT {_count("disposal_order WHERE state = 'cooling'")} AS cooling,
    {_count("disposal_state WHERE state = 'executed'")} AS executed,
    {_count("disposal_state WHERE state = 'shredded'")} AS shredded,
    (SELECT min(executed_at) FROM (SELECT disposal_id FROM disposal_state WHERE state = 'executed'
        LIMIT {UNCONFIRMED_MAX}) d JOIN disposal USING (disposal_id)) AS unconfirmed_since,
    (SELECT count(*) FROM pause WHERE state <> 'over') AS paused,
    (SELECT min(upto) FROM watermark) AS news_of"""
_HOLDS = "SELECT state, count(*) AS n FROM hold WHERE state <> 'released' GROUP BY state"


async def read(connection: Connection, today: date, now: datetime) -> list[Reading]:
    """Give what retention measures of itself."""
    return [
        *await _settling(connection, now),
        *await _due(connection),
        *await _backlog(connection, today),
        *await _leaving(connection, now),
    ]


async def _settling(connection: Connection, now: datetime) -> list[Reading]:
    row = await (await driver(connection)).fetchrow(_DIRTY)
    assert row is not None, "an aggregate gives one row"
    left = await redate.left(connection)
    return [
        Reading(DIRTY, row["subjects"]),
        Reading(QUEUE_ROWS, row["marks"], ("dirty",)),
        Reading(QUEUE_AGE, age(now, row["since"]), ("dirty",)),
        Reading(QUEUE_ROWS, left.items, ("redate",)),
        Reading(QUEUE_AGE, age(now, left.since), ("redate",)),
    ]


async def _due(connection: Connection) -> list[Reading]:
    row = await (await driver(connection)).fetchrow(_DUE)
    assert row is not None, "a query without FROM gives one row"
    return [
        *(Reading(DUE, row[state], (state,)) for state in DUE_STATES),
        Reading(QUEUE_ROWS, row["unannounced"], ("unannounced",)),
    ]


async def _backlog(connection: Connection, today: date) -> list[Reading]:
    """Give what is due and waits for its turn; held records are due for as long as they are held, and wait for nobody.

    A review that is asked for is opened by the next tick that has room.
    """
    found = await backlog.read(connection, today)
    days = max((today - found.oldest_on).days, 0) if found.oldest_on else 0
    return [
        Reading(DUE, found.records, ("waiting",)),
        Reading(DUE, found.wanted, ("asked_for",)),
        Reading(DUE_OLDEST, days * _DAY_SECONDS),
    ]


async def _leaving(connection: Connection, now: datetime) -> list[Reading]:
    raw = await driver(connection)
    row = await raw.fetchrow(_LEAVING)
    assert row is not None, "a query without FROM gives one row"
    holds = dict.fromkeys(HOLD_STATES, 0) | {each["state"]: each["n"] for each in await raw.fetch(_HOLDS)}
    return [
        *(Reading(DISPOSALS_IN_HAND, row[state], (state,)) for state in ("cooling", "executed", "shredded")),
        Reading(UNCONFIRMED, age(now, row["unconfirmed_since"])),
        Reading(PAUSED, row["paused"]),
        Reading(NEWS_AGE, age(now, row["news_of"]) if row["news_of"] else float("inf")),  # It never spoke.
        *(Reading(HOLDS, n, (state,)) for state, n in holds.items()),
    ]
