"""What a tick sees before it does anything: when one last ran, and whether there is anything to do at all."""

from datetime import date, datetime
from typing import NamedTuple

from shared.db import Connection, driver

# Each claim, seen from its index; wider than the claims, never narrower: what these do not see no claim would find.
# Where there is nothing the tick has only its own time to write down, which need not be on the disk at once: after a
# crash an older one stands for it.
_LOOK = """
WITH ran AS (
    INSERT INTO tick (job, ran_at, ran_on) VALUES ('lifecycle', $1, $2)
    ON CONFLICT (job) DO UPDATE SET ran_at = greatest(tick.ran_at, excluded.ran_at), ran_on = excluded.ran_on
    RETURNING old.ran_at AS before)
SELECT (SELECT before FROM ran) AS before,
    CASE WHEN EXISTS (SELECT FROM schedule WHERE state = 'current' AND lifecycle = 'current' AND open_on <= $2)
    OR EXISTS (SELECT FROM schedule WHERE lifecycle IN ('due', 'in_review', 'ordered'))
    OR EXISTS (SELECT FROM schedule WHERE review_on <= $2 AND review_kind IN ('periodic', 'backstop')
        AND lifecycle = 'current')
    OR EXISTS (SELECT FROM schedule WHERE review_on <= $3 AND review_kind = 'own_end' AND lifecycle = 'current')
    OR EXISTS (SELECT FROM person_schedule WHERE review_on <= $2)
    OR EXISTS (SELECT FROM review_wanted) OR EXISTS (SELECT FROM review WHERE state = 'open')
THEN true ELSE set_config('synchronous_commit', 'off', true) IS NULL END AS anything"""


class Seen(NamedTuple):
    """When the schedule last ran, if ever, and whether anything falls due, waits to be asked for or is in hand."""

    ran_at: datetime | None
    anything: bool


async def look(connection: Connection, now: datetime, today: date, ahead: date) -> Seen:
    """Write down that the schedule runs, and say what it finds; own ends are looked for up to `ahead`."""
    row = await (await driver(connection)).fetchrow(_LOOK, now, today, ahead)
    assert row is not None, "it asks for one row"
    return Seen(row["before"], row["anything"])
