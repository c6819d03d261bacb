"""Facts with boring defaults, for tests of retention's rules."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from itertools import count
from pathlib import Path
from uuid import UUID

from services.retention.domain import (
    Aged,
    Fact,
    Linked,
    Person,
    Schedule,
    counts_from,
    derivation,
    of_record,
    of_schedule,
    person_of,
    together,
)
from services.retention.domain.fold import counting
from shared.calendar_rules import Period
from shared.ids import nominal_ref
from shared.policy import Age, Children, Floor, Pack, Pending, Stage, Start, read_pack

POLICY_TEXT = (Path(__file__).parents[1] / "policy" / "demonstration.toml").read_bytes()
PACK = read_pack(POLICY_TEXT, "demonstration.toml")
RECEIVED = date(2022, 8, 3)
N42 = ("crime", "N-42")
N43 = ("crime", "N-43")
RECORD, NOMINAL = 1, 2

_numbers = count(1)


def day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)


def uid() -> UUID:
    return UUID(int=next(_numbers))


def link(nominal=N42, role="suspect"):
    return {"nominal_source": nominal[0], "nominal_id": nominal[1], "role": role}


def _fact(kind, subject, data, *, type="", source="urn:demo:crime", **more):
    canonical = json.dumps({"type": type, "source": source, "data": data}).encode()
    return Fact(**{"event_uid": uid(), "kind": kind, "subject": subject, "canonical": canonical, **more})


def state(sequence=1, *, received_on=RECEIVED, event_uid=None, **changes):
    """A crime report of a burglary with one suspect, reported on 1 August 2022."""
    data = {
        "source_system": "crime",
        "source_record_id": "01/12345/22",
        "record_type": "crime_report",
        "occurred_on": "2022-08-01",
        "reported_at": "2022-08-01T22:10:00+01:00",
        "offences": ["28/11"],
        "links": [link()],
        **changes,
    }
    fact = _fact("record_state", RECORD, data, sequence=sequence, received_on=received_on)
    return fact if event_uid is None else Fact(**{**fact_fields(fact), "event_uid": event_uid})


def fact_fields(fact):
    return {name: getattr(fact, name) for name in fact.__struct_fields__}


def undetected(sequence=1, **changes):
    return state(sequence, **{"links": [], **changes})


def stop(**changes):
    return state(**{"record_type": "stop_and_search", "links": [], "offences": [], "reported_at": None, **changes})


def intelligence(**changes):
    return state(
        **{
            "record_type": "intelligence_report",
            "recorded_at": "2022-08-02T01:00:00+01:00",
            "links": [link(role="subject")],
            "offences": [],
            **changes,
        }
    )


def entered_in_error(sequence=2):
    return _fact(
        "record_state",
        RECORD,
        {"reason": "error"},
        type="tenure.record.withdrawn.v1",
        sequence=sequence,
        received_on=RECEIVED,
    )


def trigger(name="charged", on="2024-05-06", nominal=None, value=None, offence=None, **more):
    named = {"nominal_source": nominal[0], "nominal_id": nominal[1]} if nominal else {}
    told = {key: word for key, word in (("value", value), ("offence", offence)) if word}
    return _fact("trigger", RECORD, {"trigger": name, "on": on, **named, **told}, **more)


def contact(kind="new_offence", on="2024-05-06", **more):
    return _fact("contact", NOMINAL, {"kind": kind, "on": on}, **more)


def person_state(sequence=1, *, received_on=RECEIVED, source="urn:demo:crime", **data):
    return _fact("nominal_state", NOMINAL, data, sequence=sequence, received_on=received_on, source=source)


def withdrawal(of: Fact, subject=None):
    return _fact("withdrawal", of.subject if subject is None else subject, {}, withdraws=of.event_uid)


def decided(on="2028-06-01", outcome="retain", next_on=None, subject=NOMINAL):
    return _fact("decision", subject, {"outcome": outcome, "on": on, "next_on": next_on})


def amended(group, own=(), on="2024-01-01"):
    """A review that puts the person in a group, on the states of theirs that it had before it."""
    basis = [str(fact.event_uid) for fact in own]
    return _fact("decision", NOMINAL, {"outcome": "amend", "on": on, "group": group, "basis": basis})


def regrouped(states, *nominals):
    """What the record knows of that review: the states that it had before it."""
    refs = [str(nominal_ref(*nominal)) for nominal in nominals or [N42]]
    return _fact("regrouped", RECORD, {"nominals": refs, "basis": [str(fact.event_uid) for fact in states]})


def person(facts: Sequence[Fact], nominal=N42, own: Sequence[Fact] = (), pack: Pack = PACK) -> Person:
    """The person whose only link is to this record."""
    given = of_record(facts, pack).gives[nominal]
    return person_of(own, counting([given], counts_from(own, pack)), pack)


def schedule(facts: Sequence[Fact], own: Sequence[Fact] = (), pack: Pack = PACK) -> Schedule | None:
    """A record's schedule, where each of its persons has these facts and no other record."""
    record = of_record(facts, pack)
    if record is None:
        return None
    people = [(given, person(facts, nominal, own, pack)) for nominal, given in record.gives.items()]
    offending = [each for given, each in people if given.offending]
    return of_schedule(record.side, offending, pack, [Aged(given.aged, each) for given, each in people if given.aged])


def told(facts: Sequence[Fact], own: Sequence[Fact] = (), pack: Pack = PACK):
    """The derivation of the same."""
    given = of_record(facts, pack).gives
    people = [
        Linked(
            nominal_ref(*nominal),
            tuple(own),
            *together(counting([each], counts_from(own, pack)), pack),
            each.offending,
            each.aged,
        )
        for nominal, each in given.items()
        if each.offending or each.aged
    ]
    return derivation(facts, people, pack)


def with_row(id_: str = "R03", pack: Pack = PACK, **changes) -> Pack:
    """The pack with one row changed; an undetected burglary is under R03."""
    return replace(pack, rows={**pack.rows, id_: replace(pack.rows[id_], **changes)})


def with_trigger(name: str, pack: Pack = PACK, **changes) -> Pack:
    """The pack with one trigger changed."""
    return replace(pack, triggers={**pack.triggers, name: replace(pack.triggers[name], **changes)})


def with_floor(floor: Floor, row: str = "R03", pack: Pack = PACK) -> Pack:
    """The pack with one more floor, which a row names."""
    named = with_row(row, pack, floors=(*pack.rows[row].floors, floor.id))
    return replace(named, floors={**pack.floors, floor.id: floor})


def starts(*names) -> tuple[Start, ...]:
    return tuple(name if isinstance(name, Start) else Start(name) for name in names)


def rich(pack: Pack = PACK) -> Pack:
    """The pack with rows that read triggers, birth dates of victims, and the conduct of children."""
    claim = Floor("child_claim", age=Age(frozenset({"victim"}), 18), add=Period.parse("6y"))
    cpia = Floor(
        "cpia",
        latest=(Stage(Start("convicted"), Period.parse("6m")),),
        pending=(Pending(starts("convicted", "no_further_action"), Start("charged")),),
    )
    pack = with_floor(cpia, "R01", with_floor(claim, "R01", pack))
    pack = with_row("R03", pack, clock=starts("closed"), ages=(Age(frozenset({"victim"}), 25, under=18),))
    pack = with_trigger("closed", pack, undone_by=frozenset({"reopened"}))
    return replace(pack, children=Children(18, Period.parse("2y"), (18, 25)))


RICH = rich()


def override(sequence=1, on="2024-01-01", **rule):
    """A decision that gives the record a rule of its own; with none it ends the one before."""
    return _fact("override", RECORD, {"on": on, "authority": "D-HIM1", **rule}, sequence=sequence)


def moved(to, sequence=1, on="2024-01-01", was="crime.report.undetected"):
    """A decision that puts the record into another class."""
    return _fact("moved", RECORD, {"on": on, "authority": "D-HIM1", "to": to, "was": was}, sequence=sequence)


def marked(on):
    return _fact("marked", RECORD, {"on": on})
