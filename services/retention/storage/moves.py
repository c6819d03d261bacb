"""Every move of a record in its life, kept: where it stood then does not follow from facts."""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from shared.db import Connection, driver

# The end of a statement whose `moved` gives record_key, lifecycle and reason of what it updated. The instant is the
# real one, as of every row that is stored; the day that policy had then follows from it and from the offset.
KEEP = """kept AS (INSERT INTO schedule_moved (record_key, lifecycle, reason, offset_days)
    SELECT m.record_key, m.lifecycle, m.reason, c.offset_days FROM moved m, clock c)
SELECT record_key FROM moved"""
_MOVES = """
SELECT record_key, lifecycle, reason, moved_at, offset_days FROM schedule_moved
WHERE record_key = ANY($1::bigint[]) ORDER BY moved_id"""


class Move(NamedTuple):
    """Where a record came to stand, why, when, and how many days rehearsal was ahead."""

    lifecycle: str
    reason: str | None
    moved_at: datetime
    offset_days: int


async def moves_of(connection: Connection, records: Iterable[int]) -> dict[int, list[Move]]:
    """Load all moves of records, each record's in their order."""
    found: dict[int, list[Move]] = {key: [] for key in records}
    if found:
        for key, *move in await (await driver(connection)).fetch(_MOVES, list(found)):
            found[key].append(Move(*move))
    return found
