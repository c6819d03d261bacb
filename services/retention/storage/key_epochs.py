"""On which epochs of the holders' keys older backups of a disposed record hang, and which of those keys are gone."""

from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from shared.db import Connection, driver

_HANGS_ON = """
SELECT holder, epoch, epoch_began_at FROM confirmation
WHERE disposal_id = $1 AND epoch IS NOT NULL AND epoch_began_at IS NOT NULL ORDER BY holder"""
_ENDED = """
INSERT INTO epoch_end (holder, epoch, destroyed_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING RETURNING true"""
# Only of those that hang on no other epoch any more: until then the planned date stands.
_SETTLE = """
UPDATE disposal_state d SET irrecoverable_from = u.since, version = version + 1
FROM (SELECT c.disposal_id, greatest(max(greatest(c.at, x.executed_at)) + $3, max(e.destroyed_at)) AS since
    FROM confirmation c JOIN disposal x USING (disposal_id) LEFT JOIN epoch_end e USING (holder, epoch)
    WHERE c.epoch IS NOT NULL
        AND c.disposal_id IN (SELECT disposal_id FROM confirmation WHERE holder = $1 AND epoch = $2)
    GROUP BY c.disposal_id HAVING count(*) = count(e.destroyed_at)) u
WHERE d.disposal_id = u.disposal_id AND d.state = 'shredded'"""


class HangsOn(NamedTuple):
    """An epoch of a holder under which a backup may still hold the record's wrapped keys."""

    holder: str
    epoch: int
    began_at: datetime


async def of_disposal(connection: Connection, disposal_id: UUID) -> list[HangsOn]:
    """Give the epochs that the answers so far have named."""
    return [HangsOn(*row) for row in await (await driver(connection)).fetch(_HANGS_ON, disposal_id)]


async def keep_end(connection: Connection, holder: str, epoch: int, destroyed_at: datetime) -> bool:
    """Keep that an epoch's key is gone; says whether that is news."""
    return bool(await (await driver(connection)).fetchval(_ENDED, holder, epoch, destroyed_at))


async def settle_dates(connection: Connection, holder: str, epoch: int, after: timedelta) -> None:
    """Put the real date in the planned one's place, of what hung on this epoch and on no other."""
    await (await driver(connection)).execute(_SETTLE, holder, epoch, after)
