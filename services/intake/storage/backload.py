"""Whether an operator has paused the back-load."""

from datetime import datetime
from typing import NamedTuple

from shared.db import Connection, driver

_READ = "SELECT paused, version, changed_by, changed_at FROM backload"
_TURN = """
UPDATE backload SET paused = $1, version = version + 1, changed_by = $2, changed_at = $3 WHERE paused <> $1
RETURNING version"""


class Switch(NamedTuple):
    """The back-load's switch, and who last turned it."""

    paused: bool
    version: int
    changed_by: str | None
    changed_at: datetime | None


async def read(connection: Connection) -> Switch:
    """Give the switch as it stands."""
    row = await (await driver(connection)).fetchrow(_READ)
    assert row is not None, "the migration puts the one row there"
    return Switch(*row)


async def turn(connection: Connection, paused: bool, by: str, now: datetime) -> int | None:
    """Turn the switch; gives its version, None where it stood so already."""
    version: int | None = await (await driver(connection)).fetchval(_TURN, paused, by, now)
    return version
