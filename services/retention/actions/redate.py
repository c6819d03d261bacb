"""Bring schedules to the pack that came into force: what did not change is not read, what moves is announced.

A row whose period changed is dated anew from its records' sides, by the function that settling carries records along
with; what facts say otherwise under the new pack is marked, and settled. Each chunk is a transaction with the point to
go on from in it, so that whoever is killed leaves nothing half done and nothing is done twice.
"""

from collections.abc import Awaitable, Callable, Mapping
from datetime import date, datetime

from services.retention.actions.packs import whole_pack
from services.retention.actions.settle import carry
from services.retention.domain.packs import EVERY, Reached, compare, together
from services.retention.storage import in_force, marks, redate
from services.retention.storage.in_force import InForce
from services.retention.storage.redate import Did, Item
from shared.db import Connection
from shared.events import POLICIES, PolicyActivated, encode
from shared.ids import named
from shared.in_force import stored_by, text_of
from shared.log import Entry, put
from shared.policy import Pack, read_pack

CHUNK = 2_000  # Each record holds a lock or two until its chunk's end.
MARKS_MAX = 10_000  # More are not marked before these are settled: what comes in meanwhile is settled between them.


async def follow(connection: Connection, file: Pack, today: date, now: datetime, *, starting: bool) -> InForce:
    """Give what is in force, having brought another into force where its day has come, and told of it.

    What a process starts with decides; later its file, or a pack that was stored meanwhile, counts if it never did.
    None replaces one that counts from a later day: a process that is started again must not undo what was stored.
    """
    newest = await in_force.latest(connection)
    wanted = await _wanted(connection, file, today, newest, starting=starting)
    if newest is None or wanted != newest.pack_hash:
        newest = await _activate(connection, wanted, file, today, now)
    if not newest.told:
        await _tell(connection, newest, now)
    return newest


async def _wanted(connection: Connection, file: Pack, today: date, newest: InForce | None, *, starting: bool) -> str:
    """Name the pack to go by: the file's, or another stored one, from its first day; until then the one before."""
    begun = file.effective_on <= today
    if newest is None:  # Before the first day of the first pack there is nothing else to go by.
        return file.hash if begun else await stored_by(connection, today) or file.hash
    comes = begun and (starting or not await in_force.ever(connection, file.hash))
    if comes and not await in_force.counts_after(connection, newest.pack_hash, file.effective_on):
        return file.hash
    return await in_force.coming(connection, newest.pack_hash, today) or newest.pack_hash


async def _tell(connection: Connection, newest: InForce, now: datetime) -> None:
    """Tell intake and review by which pack they go from now on; one whose text is not stored waits until it is."""
    text = await text_of(connection, newest.pack_hash)
    on = await in_force.tell(connection, newest.turn) if text else None
    if text is None or on is None:
        return
    pack = read_pack(text.encode(), newest.pack_hash)
    event = PolicyActivated(pack.hash, pack.effective_on, on, text, newest.turn)
    subject = named(f"pack\n{pack.hash}")
    await put(connection, [Entry(POLICIES, pack.hash, event.type, subject, newest.turn, encode(event))], now)


async def _activate(connection: Connection, wanted: str, file: Pack, today: date, now: datetime) -> InForce:
    """Bring a pack into force, and write down what that changes, while nobody settles."""
    newest = await in_force.take(connection)
    if newest is not None and newest.pack_hash == wanted:
        return newest
    unfinished = await redate.give_up(connection, now)
    bases = [] if newest is None else [*(newest.bases if unfinished else ()), newest.pack_hash]
    turn = await in_force.add(connection, wanted, bases, today, now)
    pack = await whole_pack(connection, wanted, file)
    changed = together([await _since(connection, base, pack) for base in bases if base != wanted])
    await redate.add(connection, turn, changed.ways(), now)
    await redate.mark_decided(connection)
    return InForce(turn, wanted, bases)


async def _since(connection: Connection, base: str, pack: Pack) -> Reached:
    text = await text_of(connection, base)
    return compare(await whole_pack(connection, base, pack), pack) if text else Reached(facts=frozenset({EVERY}))


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
