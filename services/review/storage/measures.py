"""What review measures of itself: the tasks that are not done; by partial index, up to a bound."""

from datetime import date

from shared.db import Connection, driver
from shared.metrics import COUNTED_MAX, TASKS, TASKS_OVERDUE, Reading

STATES = ("open", "claimed", "awaiting_approval", "returned")
_LIVE = "FROM task WHERE state NOT IN ('completed', 'withdrawn')"
_TASKS = f"SELECT state, count(*) AS n FROM (SELECT state {_LIVE} LIMIT {COUNTED_MAX}) t GROUP BY state"
_OVERDUE = f"SELECT count(*) FROM (SELECT {_LIVE} AND due_on < $1 LIMIT {COUNTED_MAX}) t"


async def read(connection: Connection, today: date) -> list[Reading]:
    """Give the tasks that are not done by state, and how many are past their day."""
    raw = await driver(connection)
    tasks = dict.fromkeys(STATES, 0) | {row["state"]: row["n"] for row in await raw.fetch(_TASKS)}
    overdue = await raw.fetchval(_OVERDUE, today)
    return [*(Reading(TASKS, n, (state,)) for state, n in tasks.items()), Reading(TASKS_OVERDUE, overdue)]
