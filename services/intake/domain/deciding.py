"""What an event changes: one verdict per arrival, in the order of arrival, on what is known of its subject."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from services.intake.domain.checking import Sound
from services.intake.domain.names import nameable
from services.intake.domain.reading import Sent, Unsound
from services.intake.domain.refused import Refused
from shared.events import Reason
from shared.ids import nominal_ref, record_id
from shared.policy import Pack

ACCEPTED, DUPLICATE, SUPERSEDED = "accepted", "duplicate", "superseded"
QUARANTINED, UNREADABLE, FORBIDDEN = "quarantined", "unreadable", "forbidden"
WAITING = (QUARANTINED, UNREADABLE)
OUTCOMES = (ACCEPTED, DUPLICATE, SUPERSEDED, QUARANTINED, "discarded", UNREADABLE, FORBIDDEN)

_CONFLICT = Reason("sequence_conflict", "/sequence", "Another state came with this sequence; send a higher one.")
REUSED = Reason("id_reused", "/id", "Another event came with this id; send it under a new id.")
DISPOSED = Reason("disposed", "/subject", "The record was disposed of; nothing brings a record back.")
_FOREIGN = Reason("not_your_record", "/subject", "Another source captured this record; only that one may change it.")
_A_NOMINAL = Reason("not_a_record", "/subject", "The subject is a nominal; only a record is withdrawn. Send its state.")
_REPORTED = Reason(
    "may_not_report",
    "/subject",
    "This source may not report on that system's records; the pack's reports_on say whose.",
)


@dataclass(slots=True)
class Subject:
    """What is stored of a record or nominal, and moves as a batch goes through it."""

    key: int
    source_key: int
    sequence: int
    version: int
    state_mac: bytes | None
    executed: bool
    states: dict[int, bytes]  # sequence -> state MAC, of those asked for and those added here
    settled: dict[str, bytes] | None = None  # Pointer -> MAC of each field that stays as first accepted.
    shown: int = 0  # The sequence of the latest state that is no withdrawal: what is shown and found of it.
    things: bool = False  # Objects or places are listed of that state.
    is_nominal: bool = False  # Of a withdrawal that means a record and names a nominal.
    is_new: bool = False  # Stored with its first state.


class Captured(NamedTuple):
    """A record that is known: who captured it, and whether it is gone."""

    source: str
    executed: bool


class Verdict(msgspec.Struct, frozen=True):
    """What becomes of an arrival; `version` only where it made one."""

    outcome: str
    reasons: tuple[Reason, ...] = ()
    version: int | None = None


def quarantined(reason: Reason) -> Verdict:
    """Refuse for one reason."""
    return Verdict(QUARANTINED, (reason,))


def judge_again(mac: bytes, known_mac: bytes) -> Verdict:
    """Judge an id seen before: the same body is a duplicate, another body is refused."""
    return Verdict(DUPLICATE) if mac == known_mac else quarantined(REUSED)


def judge_state(
    state_mac: bytes,
    sequence: int,
    source_key: int,
    subject: Subject,
    settled: Mapping[str, tuple[bytes, ...]] | None = None,
) -> Verdict:
    """Judge a state against its subject's others, and move the subject on; the higher sequence wins.

    Of what is settled at acceptance the first state to come decides, whatever its sequence; any of the MACs that a
    value is given with may be the one that was kept, and of a new one the first is.
    """
    if subject.executed:
        return quarantined(DISPOSED)
    if subject.is_nominal:
        return quarantined(_A_NOMINAL)
    if subject.source_key != source_key:
        return quarantined(_FOREIGN)
    known = subject.states.get(sequence)
    if known is not None:
        return Verdict(DUPLICATE) if known == state_mac else quarantined(_CONFLICT)
    if settled:
        if reasons := _altered(settled, subject.settled or {}):
            return Verdict(QUARANTINED, reasons)
        kept = {pointer: macs[0] for pointer, macs in settled.items()}
        subject.settled = {**kept, **(subject.settled or {})}
    subject.states[sequence] = state_mac
    if sequence < subject.sequence:
        return Verdict(SUPERSEDED)
    changed = state_mac != subject.state_mac
    subject.sequence, subject.state_mac = sequence, state_mac
    subject.version += changed
    return Verdict(ACCEPTED, version=subject.version if changed else None)


def _altered(settled: Mapping[str, tuple[bytes, ...]], before: Mapping[str, bytes]) -> tuple[Reason, ...]:
    sentence = "This field was settled when the record was accepted, and is another here; send it as it was."
    return tuple(
        Reason("settled_field_altered", f"/data{pointer}", sentence)
        for pointer, macs in settled.items()
        if before.get(pointer, macs[0]) not in macs
    )


def judge_fact(sound: Sound, known: Mapping[UUID, Captured], pack: Pack) -> Verdict:
    """Judge what is no state: it counts by itself, unless its record is gone or none of its source's.

    Of a record that nobody has captured yet the system is not known, so a report about it is taken.
    """
    record = known.get(sound.subject)
    if record is None:
        return Verdict(ACCEPTED)
    if record.executed:
        return quarantined(DISPOSED)
    captor, teller = pack.sources.get(record.source), pack.sources[sound.sent.source]
    allowed = captor is not None and captor.source_system in teller.reports_on
    return Verdict(ACCEPTED) if allowed else quarantined(_REPORTED)


def subject_of(read: Sent | Unsound | Refused, key: str | None) -> UUID | None:
    """Give the subject that an unsound event names: by its attribute, else its data, else its Kafka key."""
    named = None if isinstance(read, Refused) else read.subject
    said = _named_by(read.data) if isinstance(read, Sent) else None
    for text in (named, said, key):
        try:
            return UUID(text or "")
        except ValueError:
            continue
    return None


def _named_by(data: dict[str, Any]) -> str | None:
    """Give the id that data names, however unsound the rest of it is."""
    named = next((party for name in _PARTIES if isinstance(party := data.get(name), dict)), data)
    for make, parts in _NAMING:
        words = [named.get(part) for part in parts]
        if all(isinstance(word, str) and nameable(word) for word in words):
            return str(make(*words))
    return None


_NAMING: tuple[tuple[Callable[..., object], tuple[str, ...]], ...] = (
    (record_id, ("source_system", "source_record_id")),
    (str, ("record_id",)),
    (nominal_ref, ("nominal_source", "nominal_id")),
)
_PARTIES = ("into", "a")
