"""Bring schedules to the pack that came into force: what did not change is not read, what moves is announced.

A row whose period changed is dated anew from its records' sides, by the function that settling carries records along
with; what facts say otherwise under the new pack is marked, and settled. Each chunk is a transaction with the point to
go on from in it, so that whoever is killed leaves nothing half done and nothing is done twice.
"""

from collections.abc import Awaitable, Callable, Mapping
from datetime import date, datetime

from services.retention.actions.settle import carry
from services.retention.domain.packs import EVERY, Reached, compare, together
from services.retention.storage import in_force, marks, redate
from services.retention.storage.in_force import InForce
from services.retention.storage.redate import Did, Item
from shared.db import Connection
from shared.policy import Pack, read_pack

CHUNK = 2_000  # Each record holds a lock or two until its chunk's end.
MARKS_MAX = 10_000  # More are not marked before these are settled: what comes in meanwhile is settled between them.


async def follow(connection: Connection, file: Pack, today: date, now: datetime, *, starting: bool) -> Pack:
    """Give the pack in force, having brought the file's into force where its day has come.

    What a process starts with decides; later its file counts only if its first day has come since.
    """
    newest = await in_force.latest(connection)
    wanted = await _wanted(connection, file, today, newest)
    new = newest is None or (wanted != newest.pack_hash and (starting or not await in_force.ever(connection, wanted)))
    if new:
        newest = await _activate(connection, wanted, file, today, now)
    assert newest is not None, "a pack is in force"
    return await pack_of(connection, newest.pack_hash, file)


async def _wanted(connection: Connection, file: Pack, today: date, newest: InForce | None) -> str:
    """Name the pack to go by: the file's from its first day, until then the one before."""
    if file.effective_on <= today:
        return file.hash
    before = newest.pack_hash if newest else await in_force.stored_by(connection, today)
    return before or file.hash  # Before the first day of the first pack there is nothing else to go by.


async def _activate(connection: Connection, wanted: str, file: Pack, today: date, now: datetime) -> InForce:
    """Bring a pack into force, and write down what that changes, while nobody settles."""
    newest = await in_force.take(connection)
    if newest is not None and newest.pack_hash == wanted:
        return newest
    unfinished = await redate.give_up(connection, now)
    bases = [] if newest is None else [*(newest.bases if unfinished else ()), newest.pack_hash]
    turn = await in_force.add(connection, wanted, bases, today, now)
    pack = await pack_of(connection, wanted, file)
    changed = together([await _since(connection, base, pack) for base in bases if base != wanted])
    await redate.add(connection, turn, changed.ways(), now)
    await redate.mark_decided(connection)
    return InForce(turn, wanted, bases)


async def _since(connection: Connection, base: str, pack: Pack) -> Reached:
    text = await in_force.text_of(connection, base)
    return compare(read_pack(text.encode(), base), pack) if text else Reached(facts=frozenset({EVERY}))


async def pack_of(connection: Connection, pack_hash: str, file: Pack) -> Pack:
    """Read a pack by its hash: the file's own, or one that was stored."""
    if pack_hash == file.hash:
        return file
    text = await in_force.text_of(connection, pack_hash)
    return read_pack(text.encode(), pack_hash) if text else file


async def through(connection: Connection, pack: Pack) -> bool:
    """Say whether every schedule goes by this pack, and keep it so until the end of the transaction."""
    newest = await in_force.share(connection)
    if newest is None:
        return True
    return newest.pack_hash == pack.hash and not (await redate.left(connection)).items


async def chunk(connection: Connection, pack: Pack, now: datetime) -> Did | None:
    """Do the next chunk of what is left; None: nothing is, or others have it in hand, or marks wait to be settled."""
    newest = await in_force.share(connection)
    if newest is None or newest.pack_hash != pack.hash:
        return None
    item = await redate.claim(connection, newest.turn)
    if item is None:
        return None
    did = await _WAYS[item.way](connection, item, pack, now)
    if did is not None:
        await redate.done(connection, item, did, now)
    return did


async def _dates(connection: Connection, item: Item, pack: Pack, now: datetime) -> Did:
    keys = await redate.records(connection, item, CHUNK)
    carried = await carry(connection, pack, set(keys), now)
    return Did(max(keys, default=item.upto), len(keys), carried.written, carried.marked, len(keys) < CHUNK)


async def _facts(connection: Connection, item: Item, pack: Pack, now: datetime) -> Did | None:
    if await redate.marks(connection, MARKS_MAX) >= MARKS_MAX:
        return None
    keys = await redate.records(connection, item, CHUNK)
    made = await marks.mark_with_persons(connection, keys, [])
    return Did(max(keys, default=item.upto), len(keys), 0, len(made), len(keys) < CHUNK)


async def _persons(connection: Connection, item: Item, pack: Pack, now: datetime) -> Did | None:
    if await redate.marks(connection, MARKS_MAX) >= MARKS_MAX:
        return None
    keys = await redate.persons(connection, item, CHUNK)
    made = await marks.insert_marks(connection, [], keys)
    return Did(max(keys, default=item.upto), len(keys), 0, len(made), len(keys) < CHUNK)


_WAYS: Mapping[str, Callable[[Connection, Item, Pack, datetime], Awaitable[Did | None]]] = {
    "dates": _dates,
    "facts": _facts,
    "persons": _persons,
}
