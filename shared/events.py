"""The contract between the services: the data of each event, as frozen values that read and write themselves as JSON.

Dates are civil, instants carry an offset, no field of a public event holds free text.
"""

from datetime import date, datetime
from typing import Any, ClassVar, Literal
from uuid import UUID

import msgspec

REGISTERED = "records.registered.v1"
RECEIPTS = "records.receipts.v1"
QUARANTINE = "records.quarantine.v1"
INBOUND = "records.events.v1"
REVIEWS = "retention.reviews.v1"
DECISIONS = "review.decisions.v1"
TASKS = "review.tasks.v1"
SCHEDULES = "retention.schedules.v1"
HOLDS = "retention.holds.v1"
DISPOSALS = "retention.disposals.v1"
CONFIRMATIONS = "records.disposal-receipts.v1"
CERTIFICATES = "compliance.certificates.v1"
CHECKPOINTS = "compliance.checkpoints.v1"
ACCESS = "access.events.v1"

encode = msgspec.json.Encoder(order="deterministic").encode


class Event(msgspec.Struct, frozen=True, omit_defaults=False):
    """One thing that happened to one subject; `type` names it, with its major version."""

    type: ClassVar[str]


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


class Member(msgspec.Struct, frozen=True):
    """One record that a review covers."""

    record_id: UUID
    class_id: str | None = msgspec.field(name="class")
    keep_until: date | None
    held: bool


class ReviewRequested(Event, frozen=True):
    """Somebody must look; a higher version under the same review_id replaces it."""

    type: ClassVar[str] = "tenure.review.requested.v1"

    review_id: UUID
    subject: UUID
    subject_kind: Literal["record", "nominal"]
    kind: Literal["initial", "triggered", "scheduled", "periodic", "backstop"]
    cause: str
    group: str | None
    row: str | None
    pack: str
    due_on: date
    records: tuple[Member, ...]
    derivation: dict[str, Any]
    basis: str
    version: int


class ReviewWithdrawn(Event, frozen=True):
    """The review is no longer needed."""

    type: ClassVar[str] = "tenure.review.withdrawn.v1"

    review_id: UUID
    subject: UUID
    cause: str
    version: int


class ReviewDecided(Event, frozen=True):
    """What was decided, once the whole chain of approval stands."""

    type: ClassVar[str] = "tenure.review.decided.v1"

    review_id: UUID
    subject: UUID
    subject_kind: Literal["record", "nominal"]
    outcome: Literal["retain", "dispose"]
    basis: str
    decided_by: str
    approved_by: tuple[str, ...]
    decided_on: date
    next_on: date | None
    version: int


class ScheduleChanged(Event, frozen=True):
    """A record's dates and state; rules by age give the year alone."""

    type: ClassVar[str] = "tenure.schedule.changed.v1"

    record_id: UUID
    version: int
    state: str
    group: str | None
    class_id: str | None = msgspec.field(name="class")
    row: str | None
    pack: str
    keep_until: date | None
    actionable_from: date | None
    keep_year: int | None
    review_on: date | None
    reason: str | None
    held: bool
    restricted: bool
    owner: str | None


class HoldChanged(Event, frozen=True):
    """A hold was placed or released: codes and counts, never names."""

    type: ClassVar[str] = "tenure.hold.placed.v1"

    hold_id: UUID
    state: Literal["in_force", "release_proposed", "released"]
    scope: tuple[str, ...]
    matches: int
    version: int


class DisposalExecuted(Event, frozen=True):
    """The point of no return is passed: every holder of a copy erases it and says so."""

    type: ClassVar[str] = "tenure.disposal.executed.v1"

    disposal_id: UUID
    record_id: UUID
    review_id: UUID | None
    sequence: int
    executed_at: datetime
    executed_on: date


class DisposalConfirmed(Event, frozen=True):
    """A holder's signed answer; the signature is Ed25519 over `signed()`."""

    type: ClassVar[str] = "tenure.disposal.confirmed.v1"

    disposal_id: UUID
    record_id: UUID
    holder: str
    answer: Literal["erased", "unlinked", "held_with_authority", "never_had_it"]
    bodies: int
    at: datetime
    signature: str = ""

    def signed(self) -> bytes:
        """Give the bytes that the signature is over."""
        return "\n".join((str(self.disposal_id), str(self.record_id), self.holder, self.answer)).encode()


class CertificateIssued(Event, frozen=True):
    """What remains after disposal: proof without content."""

    type: ClassVar[str] = "tenure.certificate.issued.v1"

    disposal_id: UUID
    record_ref: str
    record_type: str
    class_title: str
    first_on: date | None
    last_on: date | None
    items: int
    versions: int
    medium: str
    group: str | None
    authority: str
    rule: str
    pack: str
    clock_basis: tuple[UUID, ...]
    keep_until: date | None
    keep_year: int | None
    holds_ever: tuple[UUID, ...]
    holds_checked_at: datetime
    holds_found: int
    decision_id: UUID | None
    decided_by: str | None
    approved_by: tuple[str, ...]
    method: str
    executed_at: datetime
    irrecoverable_from: datetime
    exclusions: tuple[str, ...]
    state: str
    version: int


class CheckpointSigned(Event, frozen=True):
    """The signed head of a service's ledger (RFC 9162 tree)."""

    type: ClassVar[str] = "tenure.checkpoint.signed.v1"

    service: str
    tree_size: int
    root: str
    at: datetime
    signature: str


class Place(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where an event arrived: a partition's offset, or a request and index."""

    topic: str | None = None
    partition: int | None = None
    offset: int | None = None
    incarnation: str | None = None
    cluster: str | None = None
    request: str | None = None
    index: int | None = None


class Reason(msgspec.Struct, frozen=True):
    """Why something was refused: a code, where, and a sentence that never quotes the value."""

    code: str
    pointer: str
    sentence: str


class ReceiptIssued(Event, frozen=True):
    """What became of one arrival."""

    type: ClassVar[str] = "tenure.receipt.issued.v1"

    receipt_id: UUID
    arrival: Place
    source: str
    event_uid: UUID | None
    id: str | None
    outcome: str
    record_id: UUID | None
    reasons: tuple[Reason, ...]
    received_at: datetime
    names: UUID | None = None


class TaskChanged(Event, frozen=True):
    """A task's state, in codes."""

    type: ClassVar[str] = "tenure.task.changed.v1"

    task_id: UUID
    review_id: UUID
    state: str
    assignee: str | None
    due_on: date
    escalation: str | None
    version: int


class ContentViewed(Event, frozen=True):
    """Content of a record was shown to somebody, after this was logged."""

    type: ClassVar[str] = "tenure.content.viewed.v1"

    record_id: UUID
    actor: str
    purpose: str
    parts: tuple[str, ...]
    at: datetime
    version: int


class ContentRefused(ContentViewed, frozen=True):
    """Content was asked for and not shown."""

    type: ClassVar[str] = "tenure.content.refused.v1"
