"""Is an event sound? Shape, subject, dates, what the pack requires: everything wrong with it is told at once."""

import re
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from hashlib import sha256
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from services.intake.domain.names import name_reasons
from services.intake.domain.reading import Refused, Sent, canonical
from services.intake.domain.shapes import (
    SHAPES,
    Contact,
    ContactWithdrawn,
    NominalState,
    RecordState,
    Trigger,
    TriggerWithdrawn,
)
from shared.events import Reason
from shared.ids import event_uid, nominal_ref, record_id
from shared.policy import Pack, Source

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_MONTH = re.compile(r"\d{4}-\d{2}")
_INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}([.,]\d{1,9})?)?(Z|[+-]\d{2}:\d{2})")
_ZONES_APART = timedelta(days=3)  # No two zones' days are: an instant so long past is not ahead in any of them.
_HIDDEN = frozenset({"content", "objects", "places", "metadata"})


History = UUID | tuple[UUID, str]
"""Whose states are one after another: a record's, or a nominal's of one source."""


class Sound(NamedTuple):
    """A sound event, and what it is about; `kind` is record, nominal, contact, trigger or withdrawal."""

    sent: Sent
    event_uid: UUID
    kind: str
    subject: UUID
    nominal: UUID | None
    sequence: int
    withdraws: UUID | None
    source_system: str
    history: History


class _Told(NamedTuple):
    pack: Pack
    source: Source
    last: date  # The last day that the pack lets a date lie on.


def check(sent: Sent, pack: Pack, today: date) -> Sound | tuple[Reason, ...]:
    """Give the sound event, or every reason why it is quarantined."""
    source = pack.sources.get(sent.source)
    if source is None:
        return (
            Reason("source_not_registered", "/source", "The source is not registered in the policy pack; register it."),
        )
    shape = SHAPES.get(sent.type)
    if shape is None:
        return (
            Reason("type_not_yet_known", "/type", "This type of event is not known here yet; replay it once it is."),
        )
    told = _Told(pack, source, today + timedelta(days=pack.limits.future_days_max))
    try:
        value = msgspec.convert(sent.data, shape)
        sound = _READ[shape](sent, value, told)
    except msgspec.ValidationError as error:
        return (_misshapen(str(error)),)
    except Refused as refused:
        return (refused.reason,)
    reasons = tuple(_all_reasons(sent, value, sound, told))
    return reasons or sound


def _misshapen(message: str) -> Reason:
    what, _, where = message.partition(" - at ")
    found = re.search(r"`\$(.*)`$", where)
    # Of what is under a key of the sender's own, the place of the whole map is told: the key is not ours to repeat.
    path = found[1].partition("[...]")[0] if found else ""
    pointer = "/data" + re.sub(r"\[(\d+)\]", r"/\1", path).replace(".", "/")
    missing = re.search(r"missing required field `(\w+)`", what)
    if missing:
        return Reason("field_missing", f"{pointer}/{missing[1]}", "A required field is missing; send it.")
    return Reason("field_invalid", pointer, "A field has the wrong type, length or value; see the type's schema.")


def _subject(sent: Sent, computed: UUID | None) -> UUID:
    if sent.subject is None:
        if computed is None:
            raise Refused(
                "no_subject", "/subject", "The event names no subject; send the record's or nominal's id as subject."
            )
        return computed
    try:
        subject = UUID(sent.subject)
    except ValueError:
        raise Refused("bad_subject", "/subject", "The subject is not a UUID; compute it as docs/ids.md says.") from None
    if computed is not None and subject != computed:
        raise Refused(
            "subject_mismatch", "/subject", "The subject is not the id of what the data names; compute it anew."
        )
    return subject


def _uuid(text: str, pointer: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise Refused("bad_id", pointer, "The id is not a UUID; compute it as docs/ids.md says.") from None


def _sequence(sent: Sent) -> int:
    if sent.sequence is None:
        raise Refused("no_sequence", "/sequence", "A state needs a sequence; send a positive integer as a string.")
    return int(sent.sequence)


def _sound(sent: Sent, kind: str, subject: UUID, told: _Told, **more: Any) -> Sound:
    history = (subject, sent.source) if kind == "nominal" else subject
    facts: dict[str, Any] = {"nominal": None, "sequence": 0, "withdraws": None, "history": history, **more}
    return Sound(sent, sent.uid, kind, subject, source_system=told.source.source_system, **facts)


def _state(sent: Sent, value: RecordState, told: _Told) -> Sound:
    if value.source_system != told.source.source_system:
        raise Refused(
            "not_your_system", "/data/source_system", "This source may not send states of that source system."
        )
    subject = _subject(sent, record_id(value.source_system, value.source_record_id))
    return _sound(sent, "record", subject, told, sequence=_sequence(sent))


def _withdrawn(sent: Sent, _: Any, told: _Told) -> Sound:
    return _sound(sent, "record", _subject(sent, None), told, sequence=_sequence(sent))


def _nominal(sent: Sent, value: NominalState, told: _Told) -> Sound:
    subject = _subject(sent, nominal_ref(value.nominal_source, value.nominal_id))
    return _sound(sent, "nominal", subject, told, sequence=_sequence(sent), nominal=subject)


def _contact(sent: Sent, value: Contact, told: _Told) -> Sound:
    subject = _subject(sent, nominal_ref(value.nominal_source, value.nominal_id))
    return _sound(sent, "contact", subject, told, nominal=subject)


def _contact_withdrawn(sent: Sent, value: ContactWithdrawn, told: _Told) -> Sound:
    named = nominal_ref(value.nominal_source, value.nominal_id) if value.nominal_source and value.nominal_id else None
    subject = _subject(sent, named)
    withdraws = event_uid(sent.source, value.contact_event_id)
    return _sound(sent, "withdrawal", subject, told, nominal=subject, withdraws=withdraws)


def _trigger(sent: Sent, value: Trigger, told: _Told) -> Sound:
    subject = _subject(sent, _uuid(value.record_id, "/data/record_id"))
    named = nominal_ref(value.nominal_source, value.nominal_id) if value.nominal_source and value.nominal_id else None
    return _sound(sent, "trigger", subject, told, nominal=named)


def _trigger_withdrawn(sent: Sent, value: TriggerWithdrawn, told: _Told) -> Sound:
    subject = _subject(sent, _uuid(value.record_id, "/data/record_id") if value.record_id else None)
    return _sound(sent, "withdrawal", subject, told, withdraws=event_uid(sent.source, value.trigger_event_id))


_READ: dict[Any, Callable[[Sent, Any, _Told], Sound]] = {
    RecordState: _state,
    SHAPES["tenure.record.withdrawn.v1"]: _withdrawn,
    NominalState: _nominal,
    Contact: _contact,
    ContactWithdrawn: _contact_withdrawn,
    Trigger: _trigger,
    TriggerWithdrawn: _trigger_withdrawn,
}


def _all_reasons(sent: Sent, value: Any, sound: Sound, told: _Told) -> Iterator[Reason]:
    if sent.sequence is not None and not sound.sequence:
        yield Reason("sequence_not_allowed", "/sequence", "Only states carry a sequence; leave it out.")
    yield from name_reasons(sent, value, told.source)
    if sent.time is not None:
        yield from _instant(sent.time, "/time", told)
    if isinstance(value, RecordState):
        yield from _record_reasons(sent, value, told)
    elif isinstance(value, NominalState):
        yield from _nominal_reasons(value, told)
    elif isinstance(value, Contact):
        yield from _civil(value.on, "/data/on", value.precision, told)
    elif isinstance(value, Trigger):
        yield from _civil(value.on, "/data/on", value.precision, told)
        if value.trigger not in told.pack.triggers:
            yield Reason(
                "trigger_not_declared", "/data/trigger", "The policy pack declares no such trigger; declare it first."
            )


def _record_reasons(sent: Sent, value: RecordState, told: _Told) -> Iterator[Reason]:
    yield from _pack_reasons(sent, value, told.pack)
    for name in ("occurred_on", "created_on"):
        if (text := getattr(value, name)) is not None:
            yield from _civil(text, f"/data/{name}", value.precision, told)
    for name in ("reported_at", "recorded_at"):
        if (text := getattr(value, name)) is not None:
            yield from _instant(text, f"/data/{name}", told)
    if value.content_sha256 is not None and value.content_sha256 != _fixity(value.content):
        yield Reason("fixity_failed", "/data/content_sha256", "The content does not have this SHA-256; send it again.")


def _pack_reasons(sent: Sent, value: RecordState, pack: Pack) -> Iterator[Reason]:
    if value.record_type is not None and value.record_type not in pack.record_types:
        sentence = "The pack in force has no such record type; replay once it has."
        yield Reason("record_type_not_known", "/data/record_type", sentence)
    for pointer in pack.required_fields(value.source_system, value.record_type):
        if _empty(sent.data, pointer):
            yield Reason(
                "required_field_empty", f"/data{pointer}", "The pack requires this field of such a record; fill it in."
            )
    if value.policing_purpose is not None and value.policing_purpose not in pack.policing_purposes:
        yield Reason("purpose_not_known", "/data/policing_purpose", "The pack knows no such policing purpose.")


def _fixity(content: dict[str, Any]) -> str:
    return sha256(canonical(content, plain=False)).hexdigest()


def _nominal_reasons(value: NominalState, told: _Told) -> Iterator[Reason]:
    for name in ("date_of_birth", "died_on"):
        if (text := getattr(value, name)) is not None:
            yield from _civil(text, f"/data/{name}", None, told)
    for number, flag in enumerate(value.flags):
        if flag not in told.pack.flags:
            yield Reason(
                "flag_not_declared", f"/data/flags/{number}", "The policy pack declares no such flag; declare it first."
            )


def _empty(data: Any, pointer: str) -> bool:
    for part in pointer.split("/")[1:]:
        data = data.get(part) if isinstance(data, dict) else None
    return data is None or (isinstance(data, str) and not data.strip()) or data in ([], {})


def _civil(text: str, pointer: str, precision: str | None, told: _Told) -> Iterator[Reason]:
    if precision == "month" and _MONTH.fullmatch(text):
        text = f"{text}-01"
    elif precision == "month":
        yield Reason("precision_mismatch", pointer, "With precision month a date is YYYY-MM; send the month alone.")
        return
    if not _DAY.fullmatch(text):
        yield Reason(
            "partial_date", pointer, "A date needs year, month and day; for a month alone say precision month."
        )
        return
    try:
        day = date.fromisoformat(text)
    except ValueError:
        yield Reason("impossible_date", pointer, "There is no such day; correct it.")
        return
    if day > told.last:
        yield Reason("future_date", pointer, "The date lies further ahead than the pack allows; correct it.")


def _instant(text: str, pointer: str, told: _Told) -> Iterator[Reason]:
    if not _INSTANT.fullmatch(text):
        yield Reason("partial_instant", pointer, "An instant needs day, hour, minute and offset; send all of them.")
        return
    try:
        instant = datetime.fromisoformat(text.replace(",", "."))
        if instant.date() < told.last - _ZONES_APART and instant.year > 1:
            return  # Whatever the zone.
        day = instant.astimezone(told.pack.zone).date()
    except (ValueError, OverflowError):
        yield Reason("impossible_instant", pointer, "There is no such instant; correct it.")
        return
    if day > told.last:
        yield Reason("future_date", pointer, "The instant lies further ahead than the pack allows; correct it.")


def shown(sound: Sound, metadata_keys: frozenset[str]) -> dict[str, Any]:
    """Give the state without content, objects, places and those metadata that the pack does not name."""
    data = sound.sent.data
    state = {key: value for key, value in data.items() if key not in _HIDDEN}
    named = {key: value for key, value in data.get("metadata", {}).items() if key in metadata_keys}
    return state | {"metadata": named} if named else state
