"""What was so on any day, as known at any instant: worked out again from the facts that counted then."""

from collections.abc import Collection, Mapping
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from services.retention.actions.announce import shown_state
from services.retention.actions.packs import cited_pack
from services.retention.actions.people import of_one
from services.retention.domain import (
    Fact,
    Folded,
    Given,
    Holdable,
    Linked,
    Schedule,
    derivation,
    fold,
    matches,
    together,
)
from services.retention.domain.as_of import Done, Held, Move, When, in_force, no_pack, stood, then_counting
from services.retention.domain.derivation import WHOLE
from services.retention.domain.derivation.sources import sources_of
from services.retention.domain.fold import aged, counting, counts_from, offenders
from services.retention.domain.history import read_history
from services.retention.domain.lifecycle import GONE
from services.retention.domain.opening import flags_of, openings
from services.retention.domain.schedule import kept_by_hold
from services.retention.storage import past
from services.retention.storage.moves import moves_of
from services.retention.storage.past import World
from services.retention.storage.schedules import schedules_stored
from shared.db import Connection
from shared.errors import NotFound, TooLarge
from shared.ids import nominal_ref
from shared.policy import Pack

RECORDS_MAX = 20_000
RECORDS_NOW_MAX = 5_000  # Of more, what their links give together is enough to explain a date as it stands.
Shown = dict[str, Any]


class Look(NamedTuple):
    """How one looks: at which day, knowing what, under which pack."""

    when: When
    pack: Pack
    today: date

    @property
    def on(self) -> date:
        """The day that is looked at."""
        return self.when.on or self.today


async def look(connection: Connection, when: When, running: Pack, today: date) -> Look:
    """Find the pack that was in force; without a day or an instant it is the one that runs."""
    if when == When():
        return Look(when, running, today)
    issued = await past.packs(connection)
    found = in_force(issued, when, today)
    if found is None:
        raise NotFound(no_pack(issued, when, today), "no_pack_then")
    return Look(when, await cited_pack(connection, found.hash, running), today)


class Then(NamedTuple):
    """What facts came to then: only those that counted, and all that follows from them."""

    look: Look
    records: dict[UUID, list[Fact]]
    nominals: dict[UUID, list[Fact]]
    folded: Folded
    gone: list[UUID]


def fold_then(world: World, look: Look, went: Done | None = None) -> Then:
    """Fold the facts that counted; what had gone by then, and before the record asked for went, gives nothing."""
    records = {key: then_counting(facts, look.when, look.pack) for key, facts in world.records.items()}
    nominals = {ref: then_counting(facts, look.when, look.pack) for ref, facts in world.nominals.items()}
    gone = [key for key, done in world.executed.items() if done.by(look.when) and (not went or done.at < went.at)]
    return Then(look, records, nominals, fold(records, nominals, look.pack, world.family, gone), gone)


async def load(connection: Connection, records: Collection[int], nominals: Collection[int]) -> World:
    """Load all that dates records and persons, or refuse what is too much for one answer."""
    found = await past.world(connection, records, nominals, RECORDS_MAX)
    if found is None:
        message = f"More than {RECORDS_MAX} records hang together with this; ask for its schedule as it stands."
        raise TooLarge(message, "too_much_then")
    return found


async def record_then(
    connection: Connection, record_id: UUID, when: When, running: Pack, today: date
) -> tuple[Shown, Then]:
    """Give a record's schedule as it was on a day, as known at an instant, with all that it followed from."""
    found = await past.find_record(connection, record_id)
    if found is None:
        raise NotFound("Nothing about this record is held here.")
    key, version = found
    world = await load(connection, [key], [])
    went = world.executed.get(record_id)
    went = went if went and went.by(when) else None
    # What went keeps the dates that it had when it went, under the pack of that day.
    seen = await look(connection, when.earlier(went.on, went.at) if went else when, running, today)
    then = fold_then(world, seen, went)
    schedule = then.folded.schedules.get(record_id)
    if schedule is None:
        raise NotFound(
            "By then nothing of this record had happened, as far as was known. Ask for a later day or instant.",
            "not_known_then",
        )
    life = Life(await moves_of(connection, [key]), await past.holds(connection), when)
    shown = life.show(then, record_id, key, schedule)
    return {**shown, "version": version, "unsettled": False}, then


async def stands(connection: Connection, key: int, record_id: UUID, pack: Pack) -> Then | None:
    """Fold a record as it stands, by all that is known; what went stands as it was when it went. None: too much."""
    world = await past.world(connection, [key], [], RECORDS_NOW_MAX)
    if world is None:
        return None
    went = world.executed.get(record_id)
    when = When(went.on, went.at) if went else When()
    return fold_then(world, Look(when, pack, date.max), went)


def derive_then(then: Then, record_id: UUID) -> Shown:
    """Derive a record's date from what counted then."""
    folded, people = then.folded, people_of(then, record_id)
    facts = folded.facts.get(record_id, then.records[record_id])
    dated = folded.schedules.get(record_id)
    return derivation(facts, people, then.look.pack, WHOLE, dated, folded.dated.filed(record_id))


def people_of(then: Then, record_id: UUID) -> list[Linked]:
    """Give those who date a record, by offending or by their age, with what they were given then."""
    record = then.folded.records[record_id]
    offend, read = set(offenders(record)), dict(aged(record))
    found: list[Linked] = []
    for ref in sorted(offend | read.keys()):
        person = _person(then, ref)
        known = any(each.offending and each.nominal_ref == person.nominal_ref for each in found)
        offending = ref in offend and not known  # Of one person's several nominals, the person.
        if offending or ref in read:
            found.append(msgspec.structs.replace(person, offending=offending, aged=read.get(ref, "")))
    return found


def _person(then: Then, ref: UUID) -> Linked:
    folded, pack = then.folded, then.look.pack
    if ref in folded.ones:
        person = of_one(folded.ones[ref], pack)
    else:
        facts = tuple(then.nominals.get(ref, ()))
        totals = together(counting(folded.given[ref].values(), counts_from(facts, pack)), pack)
        person = Linked(ref, facts, *totals)
    given = [pair for each in person.members or (ref,) for pair in folded.given.get(each, {}).items()]
    return msgspec.structs.replace(person, sources=sources_of(person, given, then.records, pack))


class Life(NamedTuple):
    """What does not follow from facts: where records stood, and what held them."""

    moves: Mapping[int, list[Move]]
    holds: list[Held]
    when: When

    def show(self, then: Then, record_id: UUID, key: int, schedule: Schedule) -> Shown:
        """Give a record's schedule as lists show it, with what held it and who could open it."""
        pack, record = then.look.pack, then.folded.records[record_id]
        history = read_history(then.records[record_id], pack)
        assert history is not None, "what is dated has a state"
        lifecycle, reason = stood(self.moves[key], self.when, pack)
        names = frozenset(nominal_ref(*nominal) for nominal in record.gives)
        about = Holdable(record_id, names, record.traits)
        in_force = [each for each in self.holds if lifecycle not in GONE and each.stands(self.when, pack)]
        held = sorted(each.hold_id for each in in_force if matches(each.scope, about))
        restricted = record.side.restricted or kept_by_hold(schedule, bool(held), then.look.on)
        flags = flags_of(then.nominals.get(ref, ()) for ref in names)
        may = [] if lifecycle in GONE else openings(history.shown.body, flags, restricted, pack)
        stands = {"lifecycle": lifecycle, "reason": reason, "held": bool(held), "restricted": restricted}
        return {
            **dated(record_id, schedule, lifecycle, pack),
            **stands,
            "as_of": self.when.on,
            "known_at": self.when.known_at,
            "holds": held,
            "may_open": [each._asdict() for each in may],
        }


def dated(record_id: UUID, schedule: Schedule, lifecycle: str, pack: Pack) -> Shown:
    """Give a schedule's dates as lists show them."""
    given = msgspec.structs.asdict(schedule)
    renamed = {"class": given.pop("class_id"), "state": shown_state(schedule.state, lifecycle)}
    return {"record_id": record_id, **given, **renamed, "pack": pack.hash}


async def nominal_then(
    connection: Connection, ref: UUID, when: When, running: Pack, page: tuple[date, int, int]
) -> tuple[Shown, int | None]:
    """Give a person's schedule as it was, with a page of their records: (today, after which key, how many)."""
    today, after, limit = page
    found = await past.find_nominal(connection, ref)
    if found is None:
        raise NotFound("No fact about this nominal is held here.")
    seen = await look(connection, when, running, today)
    keys = await past.records_page(connection, found[0], after, limit)
    shown = keys[:limit]
    world = await load(connection, shown, [found[0]])
    ids = {world.keys[uid]: uid for uid in world.keys}
    then = fold_then(world, seen)
    person = then.folded.persons.get(ref)
    if person is None or not (then.nominals.get(ref) or then.folded.given.get(ref)):
        raise NotFound("By that day nothing about this nominal was known. Ask for a later one.", "not_known_then")
    life = Life(await moves_of(connection, shown), await past.holds(connection), when)
    # What went is never dated again: it stands as it was when it went.
    stored = await schedules_stored(connection, [key for key in shown if ids[key] in world.executed])
    schedules = then.folded.schedules | {
        ids[key]: each.schedule for key, each in stored.items() if world.executed[ids[key]].by(when)
    }
    records = [
        life.show(then, ids[key], key, schedules[ids[key]]) | _gave(then, ref, ids[key])
        for key in shown
        if ids[key] in schedules
    ]
    told = msgspec.structs.asdict(person)
    told["birth_known"] = told.pop("birth_on") is not None
    del told["died_on"]  # A person's day of death is told to nobody who asks for dates.
    one = then.folded.ones.get(ref)
    told |= {
        "root": one.root if one else ref,
        "members": list(one.members) if one else [ref],
        "waiting": [each.event_uid for each in one.waiting] if one else [],
    }
    head = {"nominal_ref": ref, "version": found[1], "as_of": when.on, "known_at": when.known_at}
    return {**told, **head, "records": records}, shown[-1] if len(keys) > limit else None


def _gave(then: Then, ref: UUID, record_id: UUID) -> Shown:
    given = then.folded.given[ref].get(record_id, Given())
    return {"version": 0, "offending": given.offending, "gives_group": given.group}
