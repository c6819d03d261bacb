"""Every move of a record in its life, kept: where it stood then does not follow from facts."""

from collections.abc import Iterable

from services.retention.domain.as_of import Instant, Move
from shared.db import Connection, driver

# The end of a statement whose `moved` gives record_key, lifecycle and reason of what it updated. The instant is the
# real one, as of every row that is stored; the day that policy had then follows from it and from the offset.
KEEP = """kept AS (INSERT INTO schedule_moved (record_key, lifecycle, reason, offset_days)
    SELECT m.record_key, m.lifecycle, m.reason, c.offset_days FROM moved m, clock c)
SELECT record_key FROM moved"""
_MOVES = """
SELECT record_key, lifecycle, reason, moved_at, offset_days FROM schedule_moved
WHERE record_key = ANY($1::bigint[]) ORDER BY moved_id"""


async def moves_of(connection: Connection, records: Iterable[int]) -> dict[int, list[Move]]:
    """Load all moves of records, each record's in their order."""
    found: dict[int, list[Move]] = {key: [] for key in records}
    if found:
        for key, lifecycle, reason, at, offset in await (await driver(connection)).fetch(_MOVES, list(found)):
            found[key].append(Move(lifecycle, reason, Instant(at, offset)))
    return found
