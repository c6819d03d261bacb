"""The same life through the program: the events as they are registered, and the functions that the services call."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import msgspec

from services.retention.actions.take_in import fresh
from services.retention.domain import Fact, Schedule, decision_fact, fold
from services.retention.domain.decided import regrouped_fact
from services.retention.domain.overrides import Move, Override, canonical
from shared.events import FactRegistered, NominalRegistered, RecordRegistered
from shared.ids import event_uid, nominal_ref, record_id
from tests.make_facts import day
from tests.make_registered import NOW
from tests.oracle.lives import Event, Life
from tests.oracle.verdict import Verdict, judge

RULE_CHANGES = {"override": Override, "moved": Move}
DECIDED = ("decision", *RULE_CHANGES)
Registered = RecordRegistered | NominalRegistered | FactRegistered


def registered(life: Life) -> list[Registered]:
    """Write a life down as intake passes it on."""
    return [_registered(event, life) for event in life.events if event.kind not in DECIDED]


def _registered(event: Event, life: Life) -> Registered:
    told = {
        "event_uid": _uid(event),
        "source": "urn:" + event.source,
        "time": "2022-08-02T01:00:00Z",
        "sequence": event.sequence,
        "known_at": NOW,
        "received_on": day(event.received),
    }
    if event.kind in ("state", "error"):
        return _record(event, told)
    if event.kind == "person":
        state = {"nominal_source": "crime", "nominal_id": event.person, **event.data}
        return NominalRegistered(
            **told, nominal_ref=nominal_ref("crime", event.person), version=event.sequence, state=state
        )
    return FactRegistered(
        **told,
        kind=event.kind,
        record_id=record_id("crime", event.record) if event.record else None,
        nominal_ref=nominal_ref("crime", event.person) if event.person else None,
        withdraws=event_uid("urn:crime", event.of) if event.of else None,
        data={**event.data, **_names(event)},
        other_ref=nominal_ref("crime", event.other) if event.other else None,
    )


def _names(event: Event) -> dict[str, Any]:
    """Name whom a fact is about, as its type does: a merge says who is into whom."""
    if event.person is None or event.kind == "unmerged":
        return {"merge_event_id": event.of} if event.kind == "unmerged" else {}
    one, other = ({"nominal_source": "crime", "nominal_id": each} for each in (event.person, event.other))
    if event.kind == "merged":
        return {"into": one, "from": other}
    return {"a": one, "b": other} if event.kind == "distinguished" else one


def _record(event: Event, told) -> RecordRegistered:
    withdrawn = event.kind == "error"
    return RecordRegistered(
        **told,
        record_id=record_id("crime", event.record),
        source_system="crime",
        change="withdrawn" if withdrawn else "captured",
        version=event.sequence,
        state=None if withdrawn else {"source_record_id": event.record, **event.data},
    )


def decided(life: Life) -> Iterator[tuple[UUID, Fact]]:
    """Give what people decided as the facts that it is kept as, with their subjects."""
    for event in life.events:
        if event.kind in DECIDED:
            yield _decided(event, life)
        if event.data.get("group") and event.kind == "decision":
            yield from _regrouped(event, life)


def _regrouped(event: Event, life: Life) -> Iterator[tuple[UUID, Fact]]:
    """Give the facts by which each record knows what a review of a person had before it."""
    for record in life.records:
        basis = [_uid(each) for each in life.events if each.record == record and each.id in event.data["basis"]]
        if basis:
            subject, nominal = record_id("crime", record), nominal_ref("crime", event.person)
            uid = event_uid("urn:crime", f"{event.id} {record}")
            yield subject, regrouped_fact(uid, str(subject), day(event.data["on"]), [nominal], basis)


def _uid(event: Event) -> UUID:
    return event_uid("urn:" + event.source, event.id)


def _decided(event: Event, life: Life) -> tuple[UUID, Fact]:
    uid = _uid(event)
    if event.kind in RULE_CHANGES:
        subject = record_id("crime", event.record)
        told = canonical(msgspec.convert({"authority": "D-HIM1", **event.data}, RULE_CHANGES[event.kind]))
        return subject, Fact(uid, event.kind, str(subject), told, event.sequence, day(event.data["on"]))
    subject = record_id("crime", event.record) if event.record else nominal_ref("crime", event.person)
    on, next_on = day(event.data["on"]), day(event.data.get("next_on"))
    own = [_uid(each) for each in life.events if each.kind == "person" and each.id in event.data.get("basis", ())]
    regrouped = (event.data["group"], own) if "group" in event.data else None
    return subject, decision_fact(uid, str(subject), on, event.data["outcome"], next_on, regrouped)


def _kept(event: Registered, life: Life) -> Iterator[tuple[UUID, Fact]]:
    """Give the facts that an event is: a merge and a distinction are about both nominals."""
    new = fresh(event, life.pack)
    fact = Fact(
        event_uid=event.event_uid,
        kind=new.kind,
        subject=str(new.record or new.nominal),
        canonical=new.canonical,
        sequence=event.sequence,
        on_date=new.on_date,
        withdraws=new.withdraws,
        received_on=event.received_on,
    )
    yield new.record or new.nominal, fact
    if new.other:
        yield new.other, msgspec.structs.replace(fact, subject=str(new.other))


def schedules(life: Life) -> dict[str, Schedule]:
    """Work out a life's schedules as the services do."""
    facts: dict[UUID, list[Fact]] = defaultdict(list)
    for subject, fact in [*(kept for event in registered(life) for kept in _kept(event, life)), *decided(life)]:
        facts[subject].append(fact)
    records = {record_id("crime", record) for record in life.named_records}
    found = fold(
        {key: each for key, each in facts.items() if key in records},
        {key: each for key, each in facts.items() if key not in records},
        life.pack,
    ).schedules
    return {record: found[record_id("crime", record)] for record in life.records}


def compared(schedule: Schedule) -> Verdict:
    """Take from a schedule what the oracle gives too."""
    return Verdict(schedule.state, schedule.keep_until, schedule.group, schedule.review_on)


def disagreements(life: Life) -> dict[str, tuple[Verdict, Verdict]]:
    """Give for each record on which they differ what the program says, and what the oracle says."""
    program, oracle = schedules(life), judge(life)
    both = {record: (compared(program[record]), oracle[record]) for record in life.records}
    return {record: pair for record, pair in both.items() if pair[0] != pair[1]}


def smallest(life: Life) -> Life:
    """Leave out of a life that is told in two ways whatever may be left out without ending that."""
    for event in life.events:
        rest = Life(life.pack, tuple(each for each in life.events if each is not event), life.told)
        if rest.records and disagreements(rest):
            return smallest(rest)
    return life


def explained(life: Life) -> str:
    """Tell a disagreement: the smallest life with it, and both answers."""
    least = smallest(life)
    lines = [
        f"{each.kind} {each.record or ''} {each.person or ''} {each.data} {each.sequence} received {each.received}"
        f" {each.source} {each.of or ''}"
        for each in least.events
    ]
    answers = [f"{record}:\n  program {one}\n  oracle  {two}" for record, (one, two) in disagreements(least).items()]
    return "\n".join([f"life {life.told}", *lines, *answers])
