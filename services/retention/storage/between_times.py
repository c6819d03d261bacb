"""Who is to be reviewed though nothing falls due: by a cadence, by the backstop, or as another keeps what is shared."""

from datetime import date
from typing import NamedTuple

from services.retention.storage.reviews import CLEAN
from shared.db import Connection, driver

# One review of a person: of whoever stands for all whom they are.
_PERIODIC = """
SELECT p.nominal_key, p.review_on FROM person_schedule p WHERE p.review_on <= $1 AND p.root = p.nominal_key
    AND NOT EXISTS (SELECT FROM review v WHERE v.nominal_key = p.nominal_key AND v.state = 'open')
    AND NOT EXISTS (SELECT FROM person_schedule b JOIN dirty d USING (nominal_key) WHERE b.root = p.root)
    AND EXISTS (SELECT FROM person_schedule b JOIN link l USING (nominal_key) JOIN record r USING (record_key)
        WHERE b.root = p.root AND l.offending AND r.executed_by IS NULL)
ORDER BY p.review_on, p.nominal_key LIMIT $2"""
# A cadence that is a person's is asked for with them, and their records are many; what is left is the row's own, of a
# record in no group, or a day that a decision about the record named.
_OWN = f"""
SELECT s.record_key, s.review_on, s.review_kind = 'periodic',
    EXISTS (SELECT FROM decision d WHERE d.record_key = s.record_key AND d.next_on = s.review_on)
FROM schedule s WHERE s.review_on <= $1 AND s.review_kind IN ('periodic', 'backstop') AND s.lifecycle = 'current'
    AND {CLEAN} AND NOT EXISTS (SELECT FROM review_member m JOIN review v USING (review_id)
        WHERE m.record_key = s.record_key AND v.state = 'open')
    AND (s.review_kind = 'backstop' OR s.grp IS NULL
        OR EXISTS (SELECT FROM decision d WHERE d.record_key = s.record_key AND d.next_on = s.review_on))
    AND (s.review_kind = 'backstop' OR NOT EXISTS (SELECT FROM link l JOIN person_schedule p USING (nominal_key)
        WHERE l.record_key = s.record_key AND l.offending AND p.review_on <= $1))
ORDER BY s.review_on, s.record_key LIMIT $2"""

# Wider than the rule, which the caller asks.
_OWN_ENDS = f"""
SELECT p.root FROM schedule s JOIN link l ON l.record_key = s.record_key AND l.offending
    JOIN person_schedule p ON p.nominal_key = l.nominal_key
WHERE s.review_on <= $2 AND s.review_kind = 'own_end' AND s.lifecycle = 'current' AND s.open_on > $1
    AND {CLEAN} AND p.grp IS NOT NULL AND p.keep_until < $2
    AND NOT EXISTS (SELECT FROM review v WHERE v.nominal_key = p.root AND v.state = 'open')
    AND NOT EXISTS (SELECT FROM unlink_order o
        WHERE o.record_key = s.record_key AND o.nominal_key = p.root AND o.state = 'cooling')
GROUP BY p.root ORDER BY min(s.review_on), p.root LIMIT $3"""


class Own(NamedTuple):
    """A record that is to be looked at between times: by a cadence, or else the backstop."""

    record_key: int
    on: date
    by_cadence: bool
    alone: bool
    """A decision about it alone named the day: nobody's review but its own answers that."""


async def periodic(connection: Connection, today: date, limit: int) -> dict[int, date]:
    """Find persons whose cadence calls for a review, and since when."""
    return {row[0]: row[1] for row in await (await driver(connection)).fetch(_PERIODIC, today, limit)}


async def own(connection: Connection, today: date, limit: int) -> list[Own]:
    """Find records whose own cadence calls for a look, or that nothing has brought before a person for too long."""
    return [Own(*row) for row in await (await driver(connection)).fetch(_OWN, today, limit)]


async def own_ends(connection: Connection, today: date, ahead: date, limit: int) -> list[int]:
    """Find persons whose own last day is before `ahead`, on records that others keep beyond today."""
    return [row[0] for row in await (await driver(connection)).fetch(_OWN_ENDS, today, ahead, limit)]
