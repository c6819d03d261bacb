"""Records and nominals that facts named before they came."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from shared.db import Connection, driver

# A record has come when it is dated; a nominal when a state of theirs came or a record names them.
_CAME = """(EXISTS (SELECT FROM schedule s WHERE s.record_key = e.record_key)
    OR EXISTS (SELECT FROM record r WHERE r.record_key = e.record_key AND r.executed_by IS NOT NULL)
    OR EXISTS (SELECT FROM link l WHERE l.nominal_key = e.nominal_key)
    OR EXISTS (SELECT FROM fact f WHERE f.nominal_key = e.nominal_key AND f.kind = 'nominal_state'))"""
_PAGE = f"""
SELECT e.early_id, r.record_uid, n.nominal_ref, e.since,
    ARRAY(SELECT DISTINCT kind FROM fact f WHERE f.record_key = e.record_key
        UNION SELECT kind FROM fact f WHERE f.nominal_key = e.nominal_key
        UNION SELECT kind FROM fact f WHERE f.other_key = e.nominal_key ORDER BY 1) AS kinds
FROM named_early e LEFT JOIN record r USING (record_key) LEFT JOIN nominal n USING (nominal_key)
WHERE e.early_id > $1 AND NOT {_CAME} ORDER BY e.early_id LIMIT $2"""
_FORGET = f"""
DELETE FROM named_early WHERE early_id IN (
    SELECT e.early_id FROM named_early e WHERE {_CAME} ORDER BY e.early_id LIMIT $1)"""


class Early(NamedTuple):
    """A record or nominal that has not come, since when it is named, and by which kinds of fact."""

    early_id: int
    record_id: UUID | None
    nominal_ref: UUID | None
    since: datetime
    kinds: list[str]


async def page(connection: Connection, after: int, limit: int) -> list[Early]:
    """List who has not come, the longest named first."""
    raw = await driver(connection)
    return [Early(*row) for row in await raw.fetch(_PAGE, after, limit)]


async def forget(connection: Connection, limit: int) -> None:
    """Take those off the list who have come."""
    await (await driver(connection)).execute(_FORGET, limit)
