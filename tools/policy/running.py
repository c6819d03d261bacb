"""Worked examples, run: what the rules that retention settles by give for a life that was worked out by hand."""

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from services.retention.domain import Fact, Schedule, fold
from services.retention.domain.derivation.end import outcome
from shared.calendar_rules import day_of
from shared.ids import nominal_ref, record_id
from shared.policy import Pack
from shared.sentences import PROBLEMS, sentence
from tools.policy.examples import Captured, Example, Happened, Named

_SOURCE = "crime"
_REFUSED = "Refused at the door: nothing of it is stored (row {})."


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that the rules give otherwise than the example says."""

    what: str
    expected: str
    found: str


@dataclass(frozen=True, slots=True)
class Came:
    """What a life came to."""

    row: str | None
    stands: str
    keep_until: date | None = None
    review_on: date | None = None
    group: str | None = None
    problem: str | None = None
    sentence: str = ""


def differences(example: Example, pack: Pack) -> list[Difference]:
    """Run an example, and give what came out otherwise; nothing where all of it came out as written."""
    came = run(example, pack)
    told: dict[str, Any] = {"row": example.row, "stands": example.stands, "sentence": example.sentence}
    told |= {"keep until": example.keep_until, "problem": example.problem}
    told |= {name: value for name, value in (("review on", example.review_on), ("group", example.group)) if value}
    found = [(name, value, getattr(came, name.replace(" ", "_"))) for name, value in told.items()]
    return [Difference(name, _word(value), _word(other)) for name, value, other in found if value != other]


def without_example(examples: Sequence[Example], pack: Pack) -> list[str]:
    """List the rows of a pack that no example is about."""
    shown = {each.row for each in examples}
    return [row for row in pack.rows if row not in shown]


def run(example: Example, pack: Pack) -> Came:
    """Work a life out as retention does, and say how the record stands on the day asked."""
    asked = example.records[0]
    for row in pack.rows.values():
        if asked.record_type in row.refuses:
            return Came(row.id, "refused", sentence=_REFUSED.format(row.id))
    records: dict[UUID, list[Fact]] = defaultdict(list)
    nominals: dict[UUID, list[Fact]] = defaultdict(list)
    for subject, fact, of_person in _facts(example, pack):
        (nominals if of_person else records)[subject].append(fact)
    schedule = fold(records, nominals, pack).schedules[_record(asked)]
    step = outcome(schedule)
    return Came(
        row=schedule.row,
        stands=_stands(schedule, example.asked_on),
        keep_until=schedule.keep_until,
        review_on=schedule.review_on,
        group=schedule.group,
        problem=schedule.problem,
        sentence=sentence(step),
    )


def _stands(schedule: Schedule, on: date) -> str:
    if schedule.state != "current":
        return schedule.state
    if schedule.actionable_from is None:
        return "waiting"
    return "due" if on >= schedule.actionable_from else "kept"


def _facts(example: Example, pack: Pack) -> Iterator[tuple[UUID, Fact, bool]]:
    number = iter(range(1, 10_000))
    systems = {each.id: each.system for each in example.records}
    for each in example.records:
        received = each.received_on or max(
            (day_of(text, pack.zone) for _, text in each.dates), default=example.asked_on
        )
        fact = _fact(next(number), "record_state", _state(each, systems), sequence=each.sequence, received_on=received)
        yield _record(each), fact, False
    for person in example.persons:
        yield _nominal(person.id), _fact(next(number), "nominal_state", _person(person), received_on=None), True
    for event in example.events:
        yield _event(event, example, next(number))


def _event(event: Happened, example: Example, number: int) -> tuple[UUID, Fact, bool]:
    if event.decision:
        subject, of_person = _subject(event, example, event.record is None and event.person is not None)
        next_on = event.next_on.isoformat() if event.next_on else None
        data = {"outcome": event.decision, "on": event.on.isoformat(), "next_on": next_on}
        return subject, _fact(number, "decision", data), of_person
    whom = {"nominal_source": _SOURCE, "nominal_id": event.person} if event.person else {}
    if event.contact:
        return _nominal(str(event.person)), _fact(number, "contact", _said(event, "contact", "kind") | whom), True
    subject, _ = _subject(event, example, False)
    return subject, _fact(number, "trigger", _said(event, "trigger", "trigger", "value", "offence") | whom), False


def _said(event: Happened, name: str, as_: str, *more: str) -> dict[str, Any]:
    said = {as_: getattr(event, name), "on": event.on.isoformat()}
    return said | {key: value for key in more if (value := getattr(event, key))}


def _subject(event: Happened, example: Example, of_person: bool) -> tuple[UUID, bool]:
    if of_person:
        return _nominal(str(event.person)), True
    named = next((each for each in example.records if each.id == event.record), example.records[0])
    return _record(named), False


def _fact(number: int, kind: str, data: dict[str, Any], **more: Any) -> Fact:
    canonical = json.dumps({"type": "", "source": "urn:example", "data": data}).encode()
    return Fact(event_uid=UUID(int=number), kind=kind, subject="", canonical=canonical, **more)


def _state(each: Captured, systems: dict[str, str]) -> dict[str, Any]:
    links = [{"nominal_source": _SOURCE, "nominal_id": person, "role": role} for person, role in each.links]
    related = [
        {"source_system": systems.get(named, each.system), "source_record_id": named, "kind": kind}
        for named, kind in each.related
    ]
    state: dict[str, Any] = {"source_system": each.system, "source_record_id": each.id, "record_type": each.record_type}
    state |= {"offences": list(each.offences), "group": each.group, "links": links, "related": related}
    state |= {"part_of": list(each.part_of), "metadata": dict(each.metadata)}
    evaluation = {"source": "1", "assessment": each.assessment, "handling": "P"} if each.assessment else None
    return state | {"evaluation": evaluation} | dict(each.dates)


def _person(person: Named) -> dict[str, Any]:
    dates = {"date_of_birth": person.date_of_birth, "died_on": person.died_on}
    return {name: on.isoformat() for name, on in dates.items() if on} | {"flags": list(person.flags)}


def _record(each: Captured) -> UUID:
    return record_id(each.system, each.id)


def _nominal(person: str) -> UUID:
    return nominal_ref(_SOURCE, person)


def _word(value: Any) -> str:
    if isinstance(value, date):
        return value.isoformat()
    return "none" if value is None else f"{value} ({PROBLEMS[value]})" if value in PROBLEMS else str(value)
