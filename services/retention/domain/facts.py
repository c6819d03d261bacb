"""Facts as they were taken in, and which of them count. Nothing here asks in which order they came."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from hashlib import sha256
from uuid import UUID

import msgspec

from shared.calendar_rules import day_of, first_day_of
from shared.policy import Pack

Nominal = tuple[str, str]
"""A person as one source names them: (nominal_source, nominal_id)."""


class Fact(msgspec.Struct, frozen=True):
    """One event about a record or a person, as it is kept.

    `subject` is whose fact it is: a withdrawal counts only within the subject of what it withdraws.
    `canonical` is JSON with `type` and `data`; `received_on` is the day intake received it.
    """

    event_uid: UUID
    kind: str
    subject: int | str
    canonical: bytes = b'{"data":{}}'
    sequence: int = 0
    on_date: date | None = None
    withdraws: UUID | None = None
    received_on: date | None = None
    known_at: datetime | None = None


class Link(msgspec.Struct, frozen=True):
    """A person on a record, and as what."""

    nominal_source: str
    nominal_id: str
    role: str


class Evaluation(msgspec.Struct, frozen=True):
    """How intelligence was graded (3x5x2)."""

    source: str | int | None = None
    assessment: str | int | None = None
    handling: str | int | None = None


class Related(msgspec.Struct, frozen=True):
    """Another record that this one refers to, and how."""

    source_system: str
    source_record_id: str
    kind: str


class RecordState(msgspec.Struct, frozen=True):
    """What retention reads of a record's state."""

    source_system: str | None = None
    record_type: str | None = None
    occurred_on: str | None = None
    reported_at: str | None = None
    recorded_at: str | None = None
    created_on: str | None = None
    unit: str | None = None
    offences: tuple[str, ...] | None = ()
    group: str | None = None
    links: tuple[Link, ...] | None = ()
    part_of: tuple[str, ...] | None = ()
    related: tuple[Related, ...] | None = ()
    medium: str | None = None
    evaluation: Evaluation | None = None
    metadata: dict[str, str] | None = None
    marking: str | None = None
    restricted: bool | None = None


class NominalState(msgspec.Struct, frozen=True):
    """What retention reads of a person's state."""

    date_of_birth: date | None = None
    died_on: date | None = None
    flags: tuple[str, ...] | None = ()
    staff_id: str | None = None


class Happening(msgspec.Struct, frozen=True):
    """A contact, a trigger or a decision: what, about whom, on which day."""

    kind: str | None = None
    trigger: str | None = None
    value: str | None = None
    nominal_source: str | None = None
    nominal_id: str | None = None
    offence: str | None = None
    on: str | None = None
    outcome: str | None = None
    next_on: date | None = None
    group: str | None = None
    """Of a decision: the group that it puts a person in."""
    nominals: tuple[UUID, ...] = ()
    basis: tuple[UUID, ...] = ()
    """The states that it had before it, which raise these nominals no more."""


class _RecordData(RecordState, frozen=True):
    change: str | None = None
    state: RecordState | None = None


class _NominalData(NominalState, frozen=True):
    state: NominalState | None = None


class _HappeningData(Happening, frozen=True):
    data: Happening | None = None


class _Record(msgspec.Struct, frozen=True):
    data: _RecordData | None = None
    type: str = ""
    time: str | None = None


class _Nominal(msgspec.Struct, frozen=True):
    data: _NominalData | None = None


class _Told(msgspec.Struct, frozen=True):
    source: str = ""


class _Happened(msgspec.Struct, frozen=True):
    data: _HappeningData | None = None


_read_record = msgspec.json.Decoder(_Record).decode
_read_nominal = msgspec.json.Decoder(_Nominal).decode
_read_told = msgspec.json.Decoder(_Told).decode
_read_happening = msgspec.json.Decoder(_Happened).decode


def record_state(fact: Fact) -> RecordState | None:
    """Read a record's state; None is a withdrawal of the whole record as entered in error."""
    read = _read_record(fact.canonical)
    data = read.data
    if data is None or data.change == "withdrawn" or read.type.startswith("tenure.record.withdrawn"):
        return None
    return data.state or data


def revised_on(fact: Fact, pack: Pack) -> date | None:
    """Find the day on which a state of a record was revised; None: it is no revision."""
    read = _read_record(fact.canonical)
    if (read.data is None or read.data.change != "revised") and not read.type.startswith("tenure.record.revised"):
        return None
    return day_of(read.time, pack.zone) if read.time else fact.received_on


def nominal_state(fact: Fact) -> NominalState:
    """Read a person's state at one source."""
    data = _read_nominal(fact.canonical).data
    return NominalState() if data is None else data.state or data


def source_of(fact: Fact) -> str:
    """Read which source a fact is from."""
    return _read_told(fact.canonical).source


def newest_by_source(facts: Sequence[Fact]) -> list[Fact]:
    """Find each source's state with the highest sequence: one source's state never replaces another's.

    Nor does, of a person who was merged, the state of one nominal replace that of another.
    """
    if len(facts) < 2:
        return list(facts)
    told: dict[tuple[str, str], list[Fact]] = {}
    for fact in facts:
        told.setdefault((source_of(fact), str(fact.subject)), []).append(fact)
    return [top for _, states in sorted(told.items()) if (top := newest(states))]


def happening(fact: Fact) -> Happening:
    """Read a contact, a trigger or a decision."""
    data = _read_happening(fact.canonical).data
    return Happening() if data is None else data.data or data


def happened_on(fact: Fact, pack: Pack) -> date | None:
    """Find the civil day of a contact, trigger or decision."""
    if fact.on_date is not None:
        return fact.on_date
    on = happening(fact).on
    return day_of(on, pack.zone) if on else None


def first_possible(fact: Fact, pack: Pack) -> date | None:
    """Find the earliest civil day on which what befell can have been: of a month its first."""
    on = happening(fact).on
    return first_day_of(on, pack.zone) if on else fact.on_date


def on_date_of(canonical: bytes, pack: Pack) -> date | None:
    """Find the civil day that a contact's, trigger's or decision's bytes name, to keep beside them."""
    return happened_on(Fact(UUID(int=0), "", "", canonical), pack)


def alive(facts: Sequence[Fact]) -> list[Fact]:
    """Leave out what was withdrawn; a withdrawal may come before what it withdraws."""
    gone = {(fact.withdraws, fact.subject) for fact in facts if fact.kind == "withdrawal"}
    if not gone:
        return list(facts)
    return [fact for fact in facts if fact.kind != "withdrawal" and (fact.event_uid, fact.subject) not in gone]


def of_kind(facts: Iterable[Fact], kind: str) -> list[Fact]:
    """Pick the facts of one kind."""
    return [fact for fact in facts if fact.kind == kind]


def newest(facts: Iterable[Fact]) -> Fact | None:
    """Find the state with the highest sequence."""
    return max(facts, key=lambda fact: (fact.sequence, fact.event_uid), default=None)


def basis(event_uids: Iterable[UUID | str]) -> str:
    """Digest what a decision is taken on: the ids of all inbound facts, in one order."""
    return sha256("\n".join(sorted(map(str, event_uids))).encode()).hexdigest()
