"""Why a record has its date: the same functions as the date, told step by step, in codes, ids and dates."""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any
from uuid import UUID

import msgspec

from services.retention.domain.dates import floors_of
from services.retention.domain.facts import Fact, alive, happened_on, happening, of_kind
from services.retention.domain.persons import Person, known_of, of_person
from services.retention.domain.records import History, OfRecord, notice_facts, of_record, read_history
from services.retention.domain.schedule import Schedule, of_schedule
from shared.ids import nominal_ref
from shared.policy import Pack

Step = dict[str, Any]


class Linked(msgspec.Struct, frozen=True):
    """An offending person of the record: their own facts, and what all their links give together."""

    nominal_ref: UUID
    facts: tuple[Fact, ...] = ()
    group: str | None = None
    notice_on: date | None = None
    grouped_on: date | None = None


def derivation(facts: Sequence[Fact], people: Sequence[Linked], pack: Pack) -> dict[str, Any]:
    """Tell how a record's date follows from its facts, its people and the pack; no state yet gives no steps."""
    record, history = of_record(facts, pack), read_history(facts, pack)
    if record is None or history is None:
        return {"v": 1, "steps": []}
    ordered = sorted(people, key=lambda linked: str(linked.nominal_ref))
    persons = [of_person(each.facts, each.group, each.notice_on, pack, each.grouped_on) for each in ordered]
    schedule = of_schedule(record.side, persons, pack)
    steps = [*_class(history, pack), *_reason(history, record, schedule, pack)]
    if schedule.group:
        for linked, person in zip(ordered, persons, strict=True):
            steps += _person(linked, person, history, pack)
    steps += [*_floors(history, schedule, pack), *_end(record, schedule)]
    return {"v": 1, "steps": steps}


def _class(history: History, pack: Pack) -> Iterator[Step]:
    klass = history.shown.placed.klass
    if klass is None:
        yield {"code": "unclassified"}
        return
    step = {"code": "classified", "class": klass.id}
    yield step if klass.row_from == klass.id else step | {"row_from": klass.row_from}
    if history.withdrawn:
        yield {"code": "withdrawn"}


def _reason(history: History, record: OfRecord, schedule: Schedule, pack: Pack) -> Iterator[Step]:
    """Tell the row's own clock and period, where they give the date."""
    row, side = history.shown.placed.row, record.side
    if row is None or schedule.group or (history.withdrawn and row.is_mopi) or not row.retain:
        return
    if side.clock_on:
        yield {"code": "clock", "on": side.clock_on.isoformat(), "facts": [str(history.shown.fact.event_uid)]}
        yield {"code": "period", "row": row.id, **row.retain.parts()}


def _person(linked: Linked, person: Person, history: History, pack: Pack) -> Iterator[Step]:
    if person.group is None:
        return
    ref, known, rule = str(linked.nominal_ref), known_of(linked.facts, pack), pack.groups[person.group]
    by = "flag" if known.flagged == person.group and linked.group != person.group else "record"
    yield {"code": "person", "nominal": ref, "group": person.group, "by": by}
    if rule.until_age is not None:
        yield {"code": "age", "nominal": ref, "group": person.group, "years": rule.until_age}
    elif person.clock_on and rule.clear:
        uids = _clock_facts(linked, person.clock_on, history, pack)
        yield {"code": "clock", "nominal": ref, "on": person.clock_on.isoformat(), "facts": uids}
        yield {"code": "period", "group": person.group, **rule.clear.parts()}
    if known.decided.retained_on:
        yield {"code": "retained", "nominal": ref, "on": known.decided.retained_on.isoformat()}
    if person.keep_until:
        yield {"code": "person_until", "nominal": ref, "on": person.keep_until.isoformat()}


def _clock_facts(linked: Linked, clock_on: date, history: History, pack: Pack) -> list[str]:
    """Name the facts of this record and this person that fall on the clock's day; none: another record's."""
    contacts = [
        fact.event_uid
        for fact in of_kind(alive(linked.facts), "contact")
        if happened_on(fact, pack) == clock_on
        and (kind := pack.contacts.get(happening(fact).kind or ""))
        and kind.resets
    ]
    named = [
        uid
        for link in history.shown.placed.offenders
        if nominal_ref(link.nominal_source, link.nominal_id) == linked.nominal_ref
        for uid in notice_facts(history, (link.nominal_source, link.nominal_id), clock_on, pack)
    ]
    return sorted(map(str, {*contacts, *named}))


def _floors(history: History, schedule: Schedule, pack: Pack) -> Iterator[Step]:
    row = history.shown.placed.row
    for name, until in floors_of(row.floors if row else (), history.shown.dates, pack).items():
        if until:
            yield {"code": "floor", "name": name, "until": until.isoformat(), "binds": until == schedule.keep_until}


def _end(record: OfRecord, schedule: Schedule) -> Iterator[Step]:
    """Tell what is missing, and last of all the date and the row."""
    if record.side.retained_on:
        yield {"code": "retained", "on": record.side.retained_on.isoformat()}
    if schedule.problem:
        yield {"code": "problem", "problem": schedule.problem, "owner": schedule.owner}
    row = {"row": schedule.row}
    on = schedule.keep_until.isoformat() if schedule.keep_until else None
    if schedule.state == "permanent":
        yield {"code": "permanent", **row}
    elif on is None:
        yield {"code": "undated", **row}
    else:
        yield {"code": "at_least_until" if schedule.problem else "keep_until", "on": on, **row}
