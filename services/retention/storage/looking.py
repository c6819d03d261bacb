"""Whether a tick has anything to do at all: each of its claims, seen from its index, in one statement."""

from datetime import date

from shared.db import Connection, driver

# Wider than the claims, never narrower: what these do not see no claim would find. Where there is nothing the tick has
# only its own time to write down, which need not be on the disk at once: after a crash an older one stands for it.
_ANYTHING = """
SELECT CASE WHEN EXISTS (SELECT FROM schedule WHERE state = 'current' AND lifecycle = 'current' AND open_on <= $1)
    OR EXISTS (SELECT FROM schedule WHERE lifecycle IN ('due', 'in_review', 'ordered'))
    OR EXISTS (SELECT FROM schedule WHERE review_on <= $1 AND review_kind = 'backstop' AND lifecycle = 'current')
    OR EXISTS (SELECT FROM person_schedule WHERE review_on <= $1)
    OR EXISTS (SELECT FROM review_wanted) OR EXISTS (SELECT FROM review WHERE state = 'open')
THEN true ELSE set_config('synchronous_commit', 'off', true) IS NULL END"""


async def anything(connection: Connection, today: date) -> bool:
    """Say whether anything falls due, waits to be asked for or is in hand."""
    found: bool = await (await driver(connection)).fetchval(_ANYTHING, today)
    return found
