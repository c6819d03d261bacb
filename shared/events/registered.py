"""What intake tells the other services: what came in, what waits, how far time has passed."""

from datetime import date, datetime
from typing import Any, ClassVar, Literal
from uuid import UUID

from shared.events.event import Event


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


class FactRegistered(Registered, frozen=True):
    """A contact, a trigger, or the withdrawal of one; `withdraws` is the event_uid withdrawn."""

    type: ClassVar[str] = "tenure.fact.registered.v1"

    kind: Literal["contact", "trigger", "withdrawal"]
    record_id: UUID | None
    nominal_ref: UUID | None
    withdraws: UUID | None
    data: dict[str, Any]


class EventParked(Event, frozen=True):
    """An event about this subject waits in quarantine: nothing about the subject is executed meanwhile."""

    type: ClassVar[str] = "tenure.event.parked.v1"

    event_uid: UUID
    subject: UUID
    reason: str
    at: datetime


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
