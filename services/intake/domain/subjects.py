"""What is an event about? One reader per shape gives its subject, and what else the verdict needs."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import msgspec

from services.intake.domain.dates import Told
from services.intake.domain.manifests import manifest_id, period_of
from services.intake.domain.reading import Sent
from services.intake.domain.refused import Refused
from services.intake.domain.shapes import (
    SHAPES,
    Activity,
    ActivityWithdrawn,
    Contact,
    ContactWithdrawn,
    Distinguished,
    Manifest,
    Merged,
    NominalState,
    Party,
    RecordState,
    Trigger,
    TriggerWithdrawn,
    Unmerged,
)
from shared.ids import event_uid, nominal_ref, record_id

History = UUID | tuple[UUID, str]
"""Whose states are one after another: a record's, or a nominal's of one source."""


class Sound(msgspec.Struct, frozen=True):
    """A sound event, and what it is about.

    `kind` is record, nominal, or that of the fact: contact, trigger, activity, merged, unmerged, distinguished,
    withdrawal; or manifest. `record_type` is what the pack takes a record's state for.
    """

    sent: Sent
    event_uid: UUID
    kind: str
    subject: UUID
    source_system: str
    history: History
    nominal: UUID | None = None
    sequence: int = 0
    withdraws: UUID | None = None
    other: UUID | None = None
    record_type: str | None = None


def read(sent: Sent, value: Any, told: Told) -> Sound:
    """Say what an event of a sound shape is about, or raise `Refused`: it names nobody, or not its own."""
    return _READ[type(value)](sent, value, told)


def _subject(sent: Sent, computed: UUID | None) -> UUID:
    if sent.subject is None:
        if computed is None:
            raise Refused(
                "no_subject", "/subject", "The event names no subject; send the record's or nominal's id as subject."
            )
        return computed
    if computed is not None and sent.subject == str(computed):
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


def _person(value: Party | Contact | ContactWithdrawn | Trigger | Activity | ActivityWithdrawn) -> UUID | None:
    if value.nominal_source and value.nominal_id:
        return nominal_ref(value.nominal_source, value.nominal_id)
    return None


def _sound(sent: Sent, kind: str, subject: UUID, told: Told, **more: Any) -> Sound:
    history = (subject, sent.source) if kind == "nominal" else subject
    return Sound(sent, sent.uid, kind, subject, told.source.source_system, history, **more)


def _state(sent: Sent, value: RecordState, told: Told) -> Sound:
    if value.source_system != told.source.source_system:
        raise Refused(
            "not_your_system", "/data/source_system", "This source may not send states of that source system."
        )
    subject = _subject(sent, record_id(value.source_system, value.source_record_id))
    type_ = told.pack.type_of(value)
    return _sound(sent, "record", subject, told, sequence=_sequence(sent), record_type=type_)


def _withdrawn(sent: Sent, _: Any, told: Told) -> Sound:
    return _sound(sent, "record", _subject(sent, None), told, sequence=_sequence(sent))


def _nominal(sent: Sent, value: NominalState, told: Told) -> Sound:
    subject = _subject(sent, nominal_ref(value.nominal_source, value.nominal_id))
    return _sound(sent, "nominal", subject, told, sequence=_sequence(sent), nominal=subject)


def _contact(sent: Sent, value: Contact, told: Told) -> Sound:
    subject = _subject(sent, _person(value))
    return _sound(sent, "contact", subject, told, nominal=subject)


def _contact_withdrawn(sent: Sent, value: ContactWithdrawn, told: Told) -> Sound:
    subject = _subject(sent, _person(value))
    withdraws = event_uid(sent.source, value.contact_event_id)
    return _sound(sent, "withdrawal", subject, told, nominal=subject, withdraws=withdraws)


def _trigger(sent: Sent, value: Trigger, told: Told) -> Sound:
    subject = _subject(sent, _uuid(value.record_id, "/data/record_id"))
    return _sound(sent, "trigger", subject, told, nominal=_person(value))


def _trigger_withdrawn(sent: Sent, value: TriggerWithdrawn, told: Told) -> Sound:
    subject = _subject(sent, _uuid(value.record_id, "/data/record_id") if value.record_id else None)
    return _sound(sent, "withdrawal", subject, told, withdraws=event_uid(sent.source, value.trigger_event_id))


def _activity(sent: Sent, value: Activity, told: Told) -> Sound:
    record, person = _record_or_person(sent, value)
    return _sound(sent, "activity", _subject(sent, record or person), told, nominal=person)


def _activity_withdrawn(sent: Sent, value: ActivityWithdrawn, told: Told) -> Sound:
    record, person = _record_or_person(sent, value)
    about = None if record else person  # As the activity itself: about its record, where it names one.
    withdraws = event_uid(sent.source, value.activity_event_id)
    return _sound(sent, "withdrawal", _subject(sent, record or person), told, nominal=about, withdraws=withdraws)


def _record_or_person(sent: Sent, value: Activity | ActivityWithdrawn) -> tuple[UUID | None, UUID | None]:
    """Give both as the data names them: the subject alone does not tell a record from a nominal."""
    record, person = _uuid(value.record_id, "/data/record_id") if value.record_id else None, _person(value)
    if record is None and person is None and sent.subject is not None:
        raise Refused("field_missing", "/data/record_id", "Say in the data which record or nominal this is about.")
    return record, person


def _pair(sent: Sent, kind: str, pair: tuple[Party, Party, str], told: Told) -> Sound:
    about, other, pointer = pair
    subject, second = (nominal_ref(each.nominal_source, each.nominal_id) for each in (about, other))
    if subject == second:
        raise Refused("same_nominal", pointer, "Both are the same nominal; name two.")
    return _sound(sent, kind, _subject(sent, subject), told, nominal=subject, other=second)


def _merged(sent: Sent, value: Merged, told: Told) -> Sound:
    return _pair(sent, "merged", (value.into, value.from_, "/data/from"), told)


def _distinguished(sent: Sent, value: Distinguished, told: Told) -> Sound:
    return _pair(sent, "distinguished", (value.a, value.b, "/data/b"), told)


def _unmerged(sent: Sent, value: Unmerged, told: Told) -> Sound:
    subject, withdraws = _subject(sent, None), event_uid(sent.source, value.merge_event_id)
    return _sound(sent, "unmerged", subject, told, nominal=subject, withdraws=withdraws)


def _manifest(sent: Sent, value: Manifest, told: Told) -> Sound:
    if value.source_system != told.source.source_system:
        raise Refused("not_your_system", "/data/source_system", "This source may not speak for that source system.")
    return _sound(sent, "manifest", manifest_id(sent.source, period_of(value, told.pack.zone)), told)


_READ: dict[Any, Callable[[Sent, Any, Told], Sound]] = {
    RecordState: _state,
    SHAPES["tenure.record.withdrawn.v1"]: _withdrawn,
    NominalState: _nominal,
    Merged: _merged,
    Unmerged: _unmerged,
    Distinguished: _distinguished,
    Contact: _contact,
    ContactWithdrawn: _contact_withdrawn,
    Trigger: _trigger,
    TriggerWithdrawn: _trigger_withdrawn,
    Activity: _activity,
    ActivityWithdrawn: _activity_withdrawn,
    Manifest: _manifest,
}
