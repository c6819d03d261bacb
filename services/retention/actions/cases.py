"""Settle records that name each other: what is passed on, what a part asks of its files, one date for a whole file.

A part's row is written under the part's lock and names what it asks; a file's date is worked out from all of them under
the file's, by aggregate and without their facts; the parts are dated last, each holding a share of its files.
"""

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

import msgspec

from services.retention.domain import Aged, Fact, OfRecord, Person, Side, of_schedule
from services.retention.domain.casefiles import Case, CaseFile, Share, bound_by, file_of
from services.retention.domain.filing import opened_again
from services.retention.domain.relations import Reference, passing
from services.retention.domain.schedule import asks
from services.retention.domain.walks import above, circles, from_the_top
from services.retention.storage import facts as stored_facts
from services.retention.storage import links as stored_links
from services.retention.storage import locks, parts, relations, schedules
from services.retention.storage.parts import Part
from services.retention.storage.schedules import Dated

if TYPE_CHECKING:
    from services.retention.actions.settle import Round

LEVELS_MAX = 8  # Files within files that one round follows; further ones are marked.
CARRIED_MAX = 2_000
_NOBODY = UUID(int=0)


class Ready(NamedTuple):
    """What dates a record apart from its case files, its persons shared."""

    side: Side
    persons: list[Person]
    aged: list[Aged]


Readier = Callable[["Round", set[int]], Awaitable[dict[int, Ready]]]


async def derive(work: "Round") -> dict[int, OfRecord]:
    """Derive what each record's facts say, with what is passed to it; write down whom it names, and what it passes."""
    own = await work.known.of(stored_facts.facts_of_records, work.connection, work.records)
    traits = await work.known.of(stored_links.traits_stored, work.connection, work.records)
    work.executed = {key for key, its in traits.items() if its.executed}
    passed = await work.known.of(relations.passed_to, work.connection, own)
    derived = _derived(own, passed, work)
    keys = await _named(work, derived)
    touched = await _file(work, derived, keys)
    more = await stored_facts.facts_of_records(work.connection, touched)
    work.executed |= await stored_links.executed_among(work.connection, touched)
    passed |= await relations.passed_to(work.connection, more)
    derived |= _derived(more, passed, work)
    work.facts = own | more
    await _pass_on(work, own, derived, keys)
    await _reopen(work, passed, derived)
    return derived


def _derived(own: Mapping[int, list[Fact]], passed: Mapping[int, list[Fact]], work: "Round") -> dict[int, OfRecord]:
    read = work.lately.of_record
    return {key: found for key, its in own.items() if (found := read([*its, *passed.get(key, ())], work.pack))}


async def _named(work: "Round", derived: Mapping[int, OfRecord]) -> dict[UUID, int]:
    """Find the keys of all records that these name, making those that have not come; a missing file is noted so."""
    files = {uid for record in derived.values() for uid in record.ties.ever}
    known = work.pack.relations
    related = {uid for record in derived.values() for uid, kind in record.ties.related_ever if kind in known}
    keys = await stored_facts.record_keys(work.connection, files | related)
    if early := [keys.of[uid] for uid in keys.made & files]:
        await stored_facts.note_early(work.connection, early, [], work.now)
    return keys.of


async def _file(work: "Round", derived: Mapping[int, OfRecord], keys: Mapping[UUID, int]) -> set[int]:
    """Write down who is part of what; the files so touched are settled too, or marked, and so is all above them."""
    before = await work.known.of(parts.parts_of, work.connection, derived)
    changed = [
        part
        for key, record in derived.items()
        for part in _parts_now(key, record, before[key], keys, gone=key in work.executed)
        if part != before[key].get(part.file_key)
    ]
    if not changed:
        return set()
    await _store_parts(work, changed)
    touched = {part.file_key for part in changed}
    over = await parts.files_above(work.connection, {part.part_key for part in changed} | touched)
    # Whoever closes or opens a circle must look again at everyone above, or two who do so at once both miss it.
    work.records_again |= above(over, *(touched | over.keys())) - work.records - work.claimed - touched
    return await join(work, touched - work.records)


async def _store_parts(work: "Round", changed: Sequence[Part]) -> None:
    if changed:
        await parts.store_parts(work.connection, changed)
        work.known.filed()


def _parts_now(
    key: int, record: OfRecord, before: Mapping[int, Part], keys: Mapping[UUID, int], *, gone: bool
) -> Iterable[Part]:
    """Give a record's place in each file that any of its states named."""
    for uid in record.ties.ever:
        was = before.get(keys[uid]) or Part(key, keys[uid], uid, now=False, on=None)
        now, withdrawn = uid in record.ties.files, record.side.withdrawn
        yield was._replace(now=now, on=record.ties.on, gone=gone or was.gone, withdrawn=withdrawn)


async def join(work: "Round", wanted: Collection[int]) -> set[int]:
    """Try to take more records into this round; those not got are marked, those claimed and missed keep their mark."""
    free = set(wanted) - work.records - work.claimed
    got = await locks.try_records(work.connection, sorted(free)[:CARRIED_MAX])
    work.records |= got
    work.records_again |= free - got
    return got


async def _pass_on(
    work: "Round", own: Mapping[int, list[Fact]], derived: Mapping[int, OfRecord], keys: Mapping[UUID, int]
) -> None:
    """Write down who refers to whom and which triggers so pass; whoever gets or loses one is marked."""
    mine = own.keys() & derived.keys() - work.executed
    if not work.pack.relations or not mine:
        return
    stored = await work.known.touching(work.connection, mine)
    ties = {key: derived[key].ties for key in mine}
    wanted = {Reference(key, keys[uid], kind) for key in mine for uid, kind in ties[key].related if uid in keys}
    ever = {Reference(key, keys[uid], kind) for key in mine for uid, kind in ties[key].related_ever if uid in keys}
    had = {each for each in stored if each.namer in mine}
    await relations.store_references(work.connection, had - wanted, wanted - had, ever - wanted - had)
    work.marked |= {each.named for each in had ^ wanted}
    references = (stored - had) | wanted
    before = await work.known.of(relations.passed_by, work.connection, mine)
    gone, new = set(), set()
    for key in mine:
        told = [] if derived[key].side.withdrawn else own[key]
        now = passing(key, told, [each for each in references if key in each[:2]], work.pack)
        gone |= {(key, *each) for each in before[key] - now}
        new |= {(key, *each) for each in now - before[key]}
    await relations.store_passed(work.connection, gone, new)
    work.marked |= {to for _, to, _ in gone | new}


async def _reopen(work: "Round", passed: Mapping[int, list[Fact]], derived: dict[int, OfRecord]) -> None:
    """Let the files that late parts open again forget that they were closed before."""
    opening = [key for key, record in derived.items() if record.ties.reopens]
    for key, last in (await parts.last_dated(work.connection, opening)).items():
        derived[key] = opened_again(derived[key], [*work.facts[key], *passed.get(key, ())], last, work.pack)


@dataclass(slots=True)
class Desk:
    """The records being dated, their places in case files, and what is known of either so far."""

    work: "Round"
    ready: Readier
    mine: dict[int, Ready]
    parts: dict[int, dict[int, Part]] = field(default_factory=dict)
    cases: dict[int, Case] = field(default_factory=dict)
    dated: dict[int, Dated] = field(default_factory=dict)
    circle: dict[int, str] = field(default_factory=dict)

    def files(self, key: int) -> list[Part]:
        """List the files that a record is part of, apart from those round a circle with it."""
        return [part for part in self.parts[key].values() if part.counts and not self.cut(part)]

    def cut(self, part: Part) -> bool:
        """Say whether a part and its file go round in one circle: then neither asks the other."""
        return part.part_key in self.circle and part.file_key in self.circle


async def date(work: "Round", mine: dict[int, Ready], ready: Readier) -> dict[int, Dated]:
    """Date records with their case files: first what each asks of its files, then what these ask of it."""
    desk = Desk(work, ready, mine)
    await _upwards(desk)
    return await _downwards(desk)


async def _look(desk: Desk, keys: Collection[int]) -> None:
    """Read the places of records in case files, and what their own parts ask of them."""
    connection, known = desk.work.connection, desk.work.known
    desk.parts |= await known.of(parts.parts_of, connection, keys)
    in_files = [key for key in keys if any(part.counts for part in desk.parts[key].values())]
    desk.circle |= circles(await parts.files_above(connection, in_files))
    files = {key: desk.mine[key].side.bars_after for key in keys if key not in known.bare}
    asked = await parts.asked_of(connection, files)
    for key in keys:
        on = next((part.on for part in desk.parts[key].values() if part.now), None)
        desk.cases[key] = Case(on, (), asked.get(key), desk.circle.get(key))


async def _upwards(desk: Desk) -> None:
    work, keys = desk.work, set(desk.mine)
    for _ in range(LEVELS_MAX):
        await _look(desk, keys)
        changed = [part for key in keys for part in _asking(desk, key)]
        await _store_parts(work, changed)
        touched = {part.file_key for part in changed}
        for part in changed:
            desk.parts[part.part_key][part.file_key] = part
        desk.mine |= await desk.ready(work, await join(work, touched - work.records))
        keys = touched & desk.mine.keys()
        if not keys:
            return
    work.later(keys)
    for key in keys:
        del desk.mine[key]


def _asking(desk: Desk, key: int) -> Iterable[Part]:
    """Give a record's places in its files where what it asks of them has changed."""
    if not desk.parts[key]:
        return
    side, persons, aged = desk.mine[key]
    share = asks(side, persons, desk.work.pack, aged, desk.cases[key])
    for part in desk.parts[key].values():
        now = share if part.counts and not desk.cut(part) else Share()
        if now != part.share:
            yield part._replace(share=now)


async def _downwards(desk: Desk) -> dict[int, Dated]:
    work, keys = desk.work, set(desk.mine)
    # Of one that went the parts must hear as well.
    moved = work.executed & work.claimed
    for _ in range(LEVELS_MAX):
        moved |= await _finally(desk, keys)
        under = await parts.parts_under(work.connection, [key for key in moved if key not in work.known.bare])
        # One that is dated already was dated by a file that has moved since, by the one above it.
        again = under & work.records & desk.mine.keys()
        fresh = await desk.ready(work, await join(work, under - work.records - work.claimed))
        desk.mine |= fresh
        keys, moved = again | fresh.keys(), set()
        if not keys:
            return desk.dated
        await _look(desk, keys)
    work.later(keys)
    return desk.dated


async def _finally(desk: Desk, keys: set[int]) -> set[int]:
    """Date records whose files can be shared, files before their parts; gives those of which parts see a change."""
    work, places = desk.work, {key: desk.files(key) for key in keys}
    needed = {part.file_key for its in places.values() for part in its}
    held = work.records | await locks.try_records(work.connection, needed - work.records, shared=True)
    work.later({key for key, its in places.items() if any(part.file_key not in held for part in its)})
    work.before |= await schedules.schedules_stored(work.connection, needed - work.before.keys())
    gone = await stored_links.executed_among(work.connection, needed)
    moved, bound = set[int](), list[Part]()
    over = {key: [part.file_key for part in its] for key, its in places.items()}
    for key in from_the_top([key for key in keys if key in work.records], over):
        seen = {part.file_key: _seen(desk, part, gone) for part in places[key]}
        case = msgspec.structs.replace(desk.cases[key], files=tuple(seen.values()))
        if _date_one(desk, key, case):
            moved.add(key)
        bound += _bound(desk, key, seen)
    await _store_parts(work, bound)
    return moved


def _seen(desk: Desk, part: Part, gone: Collection[int]) -> CaseFile:
    dated = desk.dated.get(part.file_key) or desk.work.before.get(part.file_key)
    schedule, side = (dated.schedule, dated.side) if dated else (None, None)
    return file_of(part.file_uid, schedule, side, desk.work.pack, gone=part.file_key in gone)


def _date_one(desk: Desk, key: int, case: Case) -> bool:
    """Date one record; says whether parts of it would see a change."""
    (side, persons, aged), work = desk.mine[key], desk.work
    was = work.before.get(key)
    known = desk.dated.pop(key, was)  # By which its parts were dated so far.
    now = Dated(of_schedule(side, persons, work.pack, aged, case), side, work.pack.hash)
    if now != was:
        desk.dated[key] = now
    return now != known and (known is None or _shown(now, work) != _shown(known, work))


def _shown(dated: Dated, work: "Round") -> CaseFile:
    return file_of(_NOBODY, dated.schedule, dated.side, work.pack, gone=False)


def _bound(desk: Desk, key: int, seen: Mapping[int, CaseFile]) -> Iterable[Part]:
    """Give a record's places where whether it waits for the whole has changed."""
    side, on = desk.mine[key].side, desk.cases[key].on
    for part in desk.parts[key].values():
        file = seen.get(part.file_key)
        binds = file is not None and bound_by(side, file, on, desk.work.pack)
        if binds != part.binds:
            yield part._replace(binds=binds)
