"""Registered events with boring defaults, and the fold of facts from nothing that settling must agree with."""

from collections import defaultdict
from datetime import UTC, date, datetime

import msgspec

from services.retention import domain as rules
from services.retention.actions.take_in import fresh
from services.retention.domain import Fact
from shared.events import FactRegistered, NominalRegistered, RecordRegistered
from shared.ids import event_uid, nominal_ref, record_id
from tests.make_facts import PACK

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
RECEIVED = date(2022, 8, 3)
CRIME = "urn:tenure:tests:crime"


def _told(event_id, sequence=0):
    return {
        "event_uid": event_uid(CRIME, event_id),
        "source": CRIME,
        "time": "2022-08-02T01:00:00Z",
        "sequence": sequence,
        "known_at": NOW,
        "received_on": RECEIVED,
    }


def ref(person: str):
    return nominal_ref("crime", person)


def uid(record: str):
    return record_id("crime", record)


def suspect(person: str, role="suspect"):
    return {"nominal_source": "crime", "nominal_id": person, "role": role}


def record_state(record="r1", sequence=1, change="captured", **state):
    """A burglary reported on 1 August 2022, nobody suspected."""
    whole = {
        "source_system": "crime",
        "source_record_id": record,
        "record_type": "crime_report",
        "occurred_on": "2022-08-01",
        "reported_at": "2022-08-01T22:10:00+01:00",
        "created_on": "2022-08-02",
        "offences": ["28/11"],
        "links": [],
        **state,
    }
    return RecordRegistered(
        **_told(f"{record}/{sequence}", sequence),
        record_id=uid(record),
        source_system="crime",
        change=change,
        version=sequence,
        state=None if change == "withdrawn" else whole,
    )


def nominal_state(person="p1", sequence=1, **state):
    whole = {"nominal_source": "crime", "nominal_id": person, **state}
    return NominalRegistered(
        **_told(f"{person}/{sequence}", sequence), nominal_ref=ref(person), version=sequence, state=whole
    )


def contact(event_id="c1", person="p1", on="2024-05-06", kind="new_offence"):
    data = {"nominal_source": "crime", "nominal_id": person, "kind": kind, "on": on}
    return FactRegistered(
        **_told(event_id), kind="contact", record_id=None, nominal_ref=ref(person), withdraws=None, data=data
    )


def trigger(event_id="t1", record="r1", on="2024-05-06", name="charged", person=None):
    named = {"nominal_source": "crime", "nominal_id": person} if person else {}
    return FactRegistered(
        **_told(event_id),
        kind="trigger",
        record_id=uid(record),
        nominal_ref=ref(person) if person else None,
        withdraws=None,
        data={"trigger": name, "on": on, **named},
    )


def withdrawal(of: FactRegistered, event_id=None):
    return FactRegistered(
        **_told(event_id or f"w/{of.event_uid}"),
        kind="withdrawal",
        record_id=of.record_id,
        nominal_ref=of.nominal_ref,
        withdraws=of.event_uid,
        data={},
    )


def fold(events, pack=PACK):
    """Work out every schedule from nothing, in memory: {record id: Schedule}, {nominal: Person}."""
    of, on = defaultdict(dict), defaultdict(dict)
    for event in events:
        fact = fresh(event, pack)
        subject = str(fact.record or fact.nominal)
        kept = Fact(
            event.event_uid,
            fact.kind,
            subject,
            fact.canonical,
            event.sequence,
            fact.on_date,
            fact.withdraws,
            event.received_on,
        )
        (of if fact.record else on)[fact.record or fact.nominal][event.event_uid] = kept
        if fact.other:
            on[fact.other][event.event_uid] = msgspec.structs.replace(kept, subject=str(fact.other))
    folded = rules.fold(
        {key: list(facts.values()) for key, facts in of.items()},
        {key: list(facts.values()) for key, facts in on.items()},
        pack,
    )
    return folded.schedules, folded.persons


def _of_index(event_id, kind, subject, other, data, withdraws=None):
    return FactRegistered(
        **_told(event_id),
        kind=kind,
        record_id=None,
        nominal_ref=ref(subject),
        withdraws=withdraws,
        data=data,
        other_ref=ref(other) if other else None,
    )


def merged(event_id="m1", gone="p2", into="p1"):
    """The index says that `gone` is `into`."""
    data = {name: {"nominal_source": "crime", "nominal_id": who} for name, who in (("from", gone), ("into", into))}
    return _of_index(event_id, "merged", into, gone, data)


def unmerged(event_id="u1", merge_id="m1", into="p1"):
    return _of_index(event_id, "unmerged", into, None, {"merge_event_id": merge_id}, event_uid(CRIME, merge_id))


def distinguished(event_id="d1", a="p1", b="p2"):
    data = {"a": {"nominal_source": "crime", "nominal_id": a}, "b": {"nominal_source": "crime", "nominal_id": b}}
    return _of_index(event_id, "distinguished", a, b, data)


def on_day(event, day: int):
    """The same event as intake received it on that day of March 2023."""
    return msgspec.structs.replace(event, received_on=date(2023, 3, day))


def activity(event_id="a1", record="r1", person=None, on="2024-05-06", kind="visit", result="seen"):
    return FactRegistered(
        **_told(event_id),
        kind="activity",
        record_id=uid(record) if record else None,
        nominal_ref=ref(person) if person else None,
        withdraws=None,
        data={"kind": kind, "result": result, "on": on, "fields": {"announced": False}},
    )
