"""What intake tells the other services: what came in, what waits, how far time has passed."""

from datetime import date, datetime
from typing import Any, ClassVar, Literal
from uuid import UUID

from shared.events.event import Event
from shared.events.words import Code


class Registered(Event, frozen=True):
    """What every registered event says: which arrival's event it was, from whom, and when it came."""

    event_uid: UUID
    source: str
    time: str | None
    sequence: int
    known_at: datetime
    received_on: date


class RecordRegistered(Registered, frozen=True):
    """A state of a record; `state` is as sent without content. No version: superseded, or unchanged."""

    type: ClassVar[str] = "tenure.record.registered.v1"

    record_id: UUID
    source_system: str
    change: Literal["captured", "revised", "withdrawn"]
    version: int | None
    state: dict[str, Any] | None = None


class NominalRegistered(Registered, frozen=True):
    """A nominal's whole state at one source."""

    type: ClassVar[str] = "tenure.nominal.registered.v1"

    nominal_ref: UUID
    version: int | None
    state: dict[str, Any]


FactKind = Literal["contact", "trigger", "activity", "merged", "unmerged", "distinguished", "withdrawal"]


class FactRegistered(Registered, frozen=True):
    """A contact, trigger, activity or statement of the index, or the withdrawal of one.

    `withdraws` is the event_uid withdrawn, of an unmerging that of the merge. A merge and a distinction are about
    `nominal_ref` (of a merge the one merged into), and about `other_ref` as much.
    """

    type: ClassVar[str] = "tenure.fact.registered.v1"

    kind: FactKind
    record_id: UUID | None
    nominal_ref: UUID | None
    withdraws: UUID | None
    data: dict[str, Any]
    other_ref: UUID | None = None


class EventParked(Event, frozen=True):
    """An event about this subject waits in quarantine: nothing about the subject is executed meanwhile."""

    type: ClassVar[str] = "tenure.event.parked.v1"

    event_uid: UUID
    subject: UUID
    reason: Code
    at: datetime


class DiscardRequested(Event, frozen=True):
    """Two people want a quarantined event gone: what is known of it, for holds to match.

    None is not known; an empty tuple is known to be none. `attempt` counts the requests for this arrival from 1.
    """

    type: ClassVar[str] = "tenure.discard.requested.v1"

    receipt_id: UUID
    event_uid: UUID
    attempt: int
    subject: UUID | None
    nominals: tuple[UUID, ...] | None
    sources: tuple[str, ...] | None
    record_types: tuple[str, ...] | None
    units: tuple[str, ...] | None
    offences: tuple[str, ...] | None
    spans: tuple[tuple[date, date], ...] | None
    reason: Code
    proposed_by: str
    approved_by: str
    first_seen: datetime


class EventResolved(Event, frozen=True):
    """What was parked about this subject is settled."""

    type: ClassVar[str] = "tenure.event.resolved.v1"

    event_uid: UUID
    subject: UUID
    at: datetime


class Watermark(Event, frozen=True):
    """Everything that intake received before `upto` has passed this partition."""

    type: ClassVar[str] = "tenure.watermark.advanced.v1"

    partition: int
    upto: datetime
