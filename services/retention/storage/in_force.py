"""Which pack is in force, and the lock by which nobody settles under another."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import NamedTuple

from shared.db import Connection, driver

LOCK = 7_900  # In the two-integer space: activation takes it, every settle shares it.

_SHARE = "SELECT pg_advisory_xact_lock_shared(hashtext(current_schema()), $1)"
_TAKE = "SELECT pg_advisory_xact_lock(hashtext(current_schema()), $1)"
_LATEST = "SELECT turn, pack_hash, bases, told FROM in_force ORDER BY turn DESC LIMIT 1"
_EVER = "SELECT EXISTS (SELECT FROM in_force WHERE pack_hash = $1)"
_AFTER = "SELECT EXISTS (SELECT FROM policy WHERE pack_hash = $1 AND effective_on > $2)"
_COMING = """
SELECT pack_hash FROM policy p
WHERE effective_on <= $2 AND effective_on > (SELECT effective_on FROM policy WHERE pack_hash = $1)
    AND NOT EXISTS (SELECT FROM in_force i WHERE i.pack_hash = p.pack_hash)
ORDER BY effective_on DESC, stored_at DESC LIMIT 1"""
_BEFORE = """
SELECT pack_hash FROM in_force WHERE turn < (SELECT max(turn) FROM in_force WHERE pack_hash = $1) ORDER BY turn"""
_ADD = "INSERT INTO in_force (pack_hash, bases, in_force_on, at) VALUES ($1, $2, $3, $4) RETURNING turn"
_TELL = "UPDATE in_force SET told = true WHERE turn = $1 AND NOT told RETURNING in_force_on"


class InForce(NamedTuple):
    """A pack that came into force, and the packs that schedules may still have been dated by then."""

    turn: int
    pack_hash: str
    bases: Sequence[str]
    told: bool = False


async def share(connection: Connection) -> InForce | None:
    """Keep the pack in force what it is until the end of the transaction; None: none ever came into force."""
    await (await driver(connection)).execute(_SHARE, LOCK)
    return await latest(connection)


async def take(connection: Connection) -> InForce | None:
    """Wait until nobody settles any more, and keep everybody from settling until the end of the transaction."""
    await (await driver(connection)).execute(_TAKE, LOCK)
    return await latest(connection)


async def latest(connection: Connection) -> InForce | None:
    """Find the pack in force, by a statement of its own: one that waited for the lock sees what was there before."""
    row = await (await driver(connection)).fetchrow(_LATEST)
    return InForce(*row) if row else None


async def ever(connection: Connection, pack_hash: str) -> bool:
    """Say whether a pack has come into force before."""
    return bool(await (await driver(connection)).fetchval(_EVER, pack_hash))


async def counts_after(connection: Connection, pack_hash: str, day: date) -> bool:
    """Say whether a stored pack's first day is after a day."""
    return bool(await (await driver(connection)).fetchval(_AFTER, pack_hash, day))


async def coming(connection: Connection, pack_hash: str, today: date) -> str | None:
    """Find a stored pack that never was in force, whose first day has come and is later than the one's that is."""
    found: str | None = await (await driver(connection)).fetchval(_COMING, pack_hash, today)
    return found


async def before(connection: Connection, pack_hash: str) -> list[str]:
    """List the packs that were in force before one came, the first of them first."""
    return [row[0] for row in await (await driver(connection)).fetch(_BEFORE, pack_hash)]


async def add(connection: Connection, pack_hash: str, bases: Sequence[str], today: date, now: datetime) -> int:
    """Bring a pack into force."""
    turn: int = await (await driver(connection)).fetchval(_ADD, pack_hash, list(bases), today, now)
    return turn


async def tell(connection: Connection, turn: int) -> date | None:
    """Note that others are told of it, and give the day on which it came into force; None: somebody told them."""
    found: date | None = await (await driver(connection)).fetchval(_TELL, turn)
    return found
