"""Made-up people and what they are linked to: one for each fate that the story shows. Nobody here exists."""

from datetime import date, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from shared import ids

CRIME, INTELLIGENCE, NOMINALS = "urn:demo:crime", "urn:demo:intelligence", "urn:demo:nominals"
STATE, NOMINAL = "tenure.record.captured.v1", "tenure.nominal.recorded.v1"
CONTACT = "tenure.contact.recorded.v1"

MADE_UP = "made up for this demonstration; canary-demonstration"  # The verifier looks for such a word elsewhere (I12).

Event = dict[str, Any]


class Fate(NamedTuple):
    """A made-up suspect, the crime report about them, and what the story does with it."""

    nominal_id: str
    crime: str
    group: str
    offence: str
    reported_on: str
    words: str

    @property
    def nominal(self) -> UUID:
        """Give the nominal's reference."""
        return ids.nominal_ref("crime", self.nominal_id)

    @property
    def record(self) -> UUID:
        """Give the crime report's id."""
        return ids.record_id("crime", self.crime)


RETAINED = Fate("N-1", "C-1", "G3", "28/11", "2022-02-10", "a burglary suspect who still gives cause for concern")
DISPOSED = Fate("N-2", "C-2", "G3", "46", "2022-01-20", "a shoplifting suspect who never came to notice again")
APPROVED = Fate("N-3", "C-3", "G2", "34/1", "2018-04-05", "a robbery suspect, ten years clear")
LIFELONG = Fate("N-4", "C-4", "G1", "19/8", "2017-05-02", "a person convicted of a grave offence")
HELD = Fate("N-5", "C-5", "G3", "58/1", "2022-04-12", "a criminal damage suspect whom an inquiry will ask about")
FATES = (RETAINED, DISPOSED, APPROVED, LIFELONG, HELD)
MOVED = Fate("N-6", "C-6", "G3", "28/11", "2021-05-20", "a burglary suspect who will come to notice again")
MOVED_AGAIN = MOVED._replace(crime="C-7", reported_on="2022-06-11")
REPORT = ids.record_id("intelligence", "I-1")
EARLY_REPORT = ids.record_id("intelligence", "I-2")
MOVED_RECORDS = {
    "crime report C-6": str(MOVED.record),
    "crime report C-7": str(MOVED_AGAIN.record),
    "intelligence report I-3": str(ids.record_id("intelligence", "I-3")),
}
RECORDS = len(FATES) + len(MOVED_RECORDS) + 1  # Beside them the report I-1; I-2 waits in quarantine.


def by_topic() -> list[Event]:
    """Give the nominals and crime reports, as CloudEvents in structured form."""
    events = [event for fate in (*FATES, MOVED) for event in (_nominal(fate.nominal_id), _crime(fate))]
    report = _report("I-3", [_about(MOVED)], created_on="2021-06-01", recorded_at="2021-06-01T09:00:00+00:00")
    return [*events, _crime(MOVED_AGAIN), report, *(_nominal(_victim(fate)) for fate in (*FATES, MOVED))]


def by_http(today: date) -> list[Event]:
    """Give an intelligence report, one dated ahead of its time, and a type of event that is not known yet."""
    early = _report("I-2", [], created_on=today.isoformat(), occurred_on=(today + timedelta(days=30)).isoformat())
    known = _report("I-1", [_about(DISPOSED)], created_on="2022-03-01", recorded_at="2022-03-01T09:00:00+00:00")
    unknown = _event(CRIME, "crime-warrant-1", "tenure.warrant.recorded.v1", {"kind": "search"}, None)
    return [known, early, {**unknown, "subject": str(RETAINED.record)}]


def contact() -> Event:
    """Give a contact that counts: the person with several records is suspected of a new offence."""
    told = {"nominal_source": "crime", "nominal_id": MOVED.nominal_id, "kind": "new_offence", "on": "2024-09-03"}
    return _event(NOMINALS, f"contact-{MOVED.nominal_id}-1", CONTACT, told, None)


def _about(fate: Fate) -> Event:
    return {"nominal_source": "crime", "nominal_id": fate.nominal_id, "role": "subject"}


def _event(source: str, event_id: str, kind: str, data: Event, sequence: int | None = 1) -> Event:
    event = {"specversion": "1.0", "id": event_id, "source": source, "type": kind, "data": data}
    return event if sequence is None else {**event, "sequence": str(sequence)}


def _nominal(nominal_id: str) -> Event:
    state = {"nominal_source": "crime", "nominal_id": nominal_id, "date_of_birth": "1961-07-09", "flags": []}
    return _event(NOMINALS, f"nominal-{nominal_id}", NOMINAL, state)


def _victim(fate: Fate) -> str:
    return f"{fate.nominal_id}-V"


def _crime(fate: Fate) -> Event:
    links = [
        {"nominal_source": "crime", "nominal_id": fate.nominal_id, "role": "suspect"},
        {"nominal_source": "crime", "nominal_id": _victim(fate), "role": "victim"},
    ]
    return crime_state(fate, links, 1, MADE_UP)


def crime_state(fate: Fate, links: list[Event], sequence: int, summary: str) -> Event:
    """Give one state of a crime report."""
    state = {
        "source_system": "crime",
        "source_record_id": fate.crime,
        "record_type": "crime_report",
        "occurred_on": fate.reported_on,
        "reported_at": f"{fate.reported_on}T10:00:00+00:00",
        "created_on": fate.reported_on,
        "offences": [fate.offence],
        "links": links,
        "officers": [{"staff_id": "P-1001", "role": "investigating"}],
        "policing_purpose": "preventing_offences",
        "marking": "OFFICIAL-SENSITIVE",
        "content": {"summary": summary},
    }
    return _event(CRIME, f"crime-{fate.crime}-{sequence}", STATE, state, sequence)


def _report(name: str, links: list[Event], **dates: str) -> Event:
    state = {
        "source_system": "intelligence",
        "source_record_id": name,
        "record_type": "intelligence_report",
        "links": links,
        "evaluation": {"source": "2", "assessment": "B", "handling": "P"},
        "content": {"text": MADE_UP},
        **dates,
    }
    return _event(INTELLIGENCE, f"intelligence-{name}-1", STATE, state)
