"""What intake says of an arrival: its receipt, and to the other services what it changed."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from msgspec.structs import replace

from services.intake.actions.cases import Case
from services.intake.domain import deciding
from services.intake.domain.checking import Sound
from services.intake.domain.deciding import Verdict, subject_of
from services.intake.domain.reading import Sent, Unsound
from services.intake.domain.refused import Refused
from services.intake.domain.waiting import known_of
from services.intake.storage.quarantine import Settled
from shared import events
from shared.events import encode
from shared.ids import event_uid
from shared.log import Entry

Receipted = events.ReceiptIssued


class Told(NamedTuple):
    """When it was received, by both clocks, and what may be shown of records' new states, as JSON, by case number."""

    now: datetime
    today: date
    states: Mapping[int, bytes]


def sequence_of(read: Sent | Unsound | Refused) -> int | None:
    """Give the sequence that an unsound event carries, if it is one."""
    text = None if isinstance(read, Refused) else read.sequence
    return int(text) if text and text.isdigit() and len(text) < 20 and 0 < int(text) < 2**63 else None


def corrected_uid(sent: Sent) -> UUID:
    """Give the event that this one corrects: `corrects` is its event_uid, or its id at the same source."""
    assert sent.corrects
    try:
        return UUID(sent.corrects)
    except ValueError:
        return event_uid(sent.source, sent.corrects)


def receipt(case: Case, verdict: Verdict, told: Told) -> Receipted:
    """Give the receipt of an arrival."""
    read, found = case.arrival.read, case.found
    about_record = isinstance(found, Sound) and found.nominal != found.subject and found.kind != "manifest"
    return Receipted(
        receipt_id=case.arrival.receipt_id,
        arrival=case.arrival.place,
        source=case.source,
        event_uid=None if isinstance(read, Refused) else case.event_uid,
        id=None if isinstance(read, Refused) else read.id,
        outcome=verdict.outcome,
        record_id=found.subject if about_record and isinstance(found, Sound) else None,
        reasons=verdict.reasons,
        received_at=told.now,
    )


def receipt_entry(issued: Receipted, trace: str | None = None) -> Entry:
    """Give the log entry of a receipt."""
    key = str(issued.event_uid or issued.receipt_id)
    return Entry(events.RECEIPTS, key, issued.type, issued.receipt_id, 1, encode(issued), trace)


def consequences(number: int, case: Case, verdict: Verdict, told: Told) -> list[Entry]:
    """Give what the other services are told: a registered event, or that one is parked."""
    told_of, trace = _consequences(number, case, verdict, told), case.arrival.trace
    return [replace(entry, trace=trace) for entry in told_of] if trace else told_of


def _consequences(number: int, case: Case, verdict: Verdict, told: Told) -> list[Entry]:
    if verdict.outcome in (deciding.ACCEPTED, deciding.SUPERSEDED) and isinstance(case.found, Sound):
        if case.found.kind == "manifest":
            return []  # Of a manifest intake tells once it has compared it.
        return [registered(number, case.found, verdict, told)]
    if verdict.outcome in (deciding.QUARANTINED, deciding.UNREADABLE):
        return parked(case, verdict, told.now)
    return []


def about(case: Case) -> UUID | None:
    """Give the record or nominal that an arrival is about, as far as it tells."""
    return case.found.subject if isinstance(case.found, Sound) else subject_of(case.arrival.read, case.arrival.key)


def parked_as(case: Case, verdict: Verdict) -> UUID:
    """Give the id under which an arrival waits: one whose event's id came before is another event, by its receipt."""
    return case.arrival.receipt_id if verdict.reasons[0].code == deciding.REUSED.code else case.event_uid


def parked(case: Case, verdict: Verdict, now: datetime, uid: UUID | None = None) -> list[Entry]:
    """Tell that an event waits, as which id: to the services once for each whom it names, to stewards without."""
    uid, reason, subject = uid or parked_as(case, verdict), verdict.reasons[0].code, about(case)
    public = events.EventParked(uid, events_nobody(), reason, now)
    entries = [Entry(events.QUARANTINE, case.source, public.type, uid, 1, encode(public))]
    named = known_of(case.arrival.read, verdict.reasons, subject).named
    for each in (subject, *named) if subject else named:
        told = events.EventParked(uid, each, reason, now)
        entries.append(Entry(events.REGISTERED, str(each), told.type, each, 1, encode(told)))
    return entries


def events_nobody() -> UUID:
    """Give the id that stands where no subject is said."""
    return UUID(int=0)


def resolved(items: Iterable[Settled], now: datetime) -> list[Entry]:
    """Tell that what waited is settled: to the services once for each whom it named, to stewards without."""
    entries = []
    for uid, subjects, source in items:
        public = events.EventResolved(uid, events_nobody(), now)
        entries.append(Entry(events.QUARANTINE, source, public.type, uid, 2, encode(public)))
        for subject in subjects:
            told = events.EventResolved(uid, subject, now)
            entries.append(Entry(events.REGISTERED, str(subject), told.type, subject, 2, encode(told)))
    return entries


def registered(number: int, sound: Sound, verdict: Verdict, told: Told) -> Entry:
    """Give the registered event of an accepted or superseded one."""
    sent, key = sound.sent, str(sound.subject)
    # By place, in the order of the fields: every event passes here, and keywords would take half as long again.
    head = (sound.event_uid, sent.source, sent.time, sound.sequence, told.now, told.today)
    event: events.Registered
    if sound.kind == "record":
        change: Any = sent.type.split(".")[2]
        state: Any = msgspec.Raw(told.states[number]) if number in told.states else None
        about = (sound.subject, sound.source_system, change, verdict.version, state)
        event = events.RecordRegistered(*head, *about)
    elif sound.kind == "nominal":
        event = events.NominalRegistered(*head, sound.subject, verdict.version, sent.data)
    else:
        record = None if sound.nominal == sound.subject else sound.subject
        kind: Any = sound.kind
        whom = (record, sound.nominal, sound.withdraws, sent.data, sound.other)
        event = events.FactRegistered(*head, kind, *whom)
    return Entry(events.REGISTERED, key, event.type, sound.subject, verdict.version or 0, encode(event))
