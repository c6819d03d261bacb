"""A record's way from its dates to its end: schedules, reviews and tasks, holds, disposals."""

from datetime import date, datetime
from typing import Any, ClassVar, Literal
from uuid import UUID

import msgspec

from shared.events.event import Event
from shared.events.words import Actor, Code, Digest, Signature

ReviewKind = Literal["initial", "triggered", "scheduled", "periodic", "backstop"]
"""What a review is for: `scheduled` is a period's end, `periodic` a cadence."""


class Member(msgspec.Struct, frozen=True):
    """One record that a review covers."""

    record_id: UUID
    class_id: Code | None = msgspec.field(name="class")
    keep_until: date | None
    held: bool


class ReviewRequested(Event, frozen=True):
    """Somebody must look; a higher version under the same review_id replaces it."""

    type: ClassVar[str] = "tenure.review.requested.v1"

    review_id: UUID
    subject: UUID
    subject_kind: Literal["record", "nominal"]
    kind: ReviewKind
    cause: Code
    group: Code | None
    row: Code | None
    pack: Digest
    due_on: date
    records: tuple[Member, ...]
    derivation: dict[str, Any]
    basis: Digest
    version: int
    by_age: bool = False
    """The day tells somebody's birthday: outside, its year alone is told."""
    period_ends_on: date | None = None
    """The last day of the person's own period, whoever else keeps what they share; null: of a record, or uncertain."""


class ReviewWithdrawn(Event, frozen=True):
    """The review is no longer needed."""

    type: ClassVar[str] = "tenure.review.withdrawn.v1"

    review_id: UUID
    subject: UUID
    cause: Code
    version: int


class ReviewDecided(Event, frozen=True):
    """What was decided, once the whole chain of approval stands."""

    type: ClassVar[str] = "tenure.review.decided.v1"

    review_id: UUID
    subject: UUID
    subject_kind: Literal["record", "nominal"]
    outcome: Literal["retain", "dispose", "amend"]
    basis: Digest
    decided_by: Actor
    approved_by: tuple[Actor, ...]
    decided_on: date
    next_on: date | None
    version: int
    group: Code | None = None
    """Of an amendment: the group that it puts the person in."""


class TaskChanged(Event, frozen=True):
    """A task's state, in codes, and the records that whoever holds it may look at.

    Where the day on which it is due tells somebody's birthday, `due_on` is the last day of that year.
    """

    type: ClassVar[str] = "tenure.task.changed.v1"

    task_id: UUID
    review_id: UUID
    state: Code
    assignee: Actor | None
    due_on: date
    escalation: Code | None
    version: int
    records: tuple[UUID, ...] = ()


class ScheduleChanged(Event, frozen=True):
    """A record's dates and state; rules by age give the year alone."""

    type: ClassVar[str] = "tenure.schedule.changed.v1"

    record_id: UUID
    version: int
    state: Code
    group: Code | None
    class_id: Code | None = msgspec.field(name="class")
    row: Code | None
    pack: Digest
    keep_until: date | None
    actionable_from: date | None
    keep_year: int | None
    review_on: date | None
    reason: Code | None
    held: bool
    restricted: bool
    owner: Code | None


class HoldChanged(Event, frozen=True):
    """A hold was placed or released: codes and counts, never names.

    Told again, with the same version, once the records that it matches are counted: `matches` is null until then.
    """

    type: ClassVar[str] = "tenure.hold.placed.v1"

    hold_id: UUID
    state: Literal["in_force", "release_proposed", "released"]
    scope: tuple[Code, ...]
    matches: int | None
    version: int


class DisposalExecuted(Event, frozen=True):
    """The point of no return is passed: every holder of a copy erases it and says so.

    Where `what` is `arrival`, a quarantined event is discarded, and `record_id` is the receipt of its arrival: no
    holder of records knows that id, so none takes it for a record's.
    """

    type: ClassVar[str] = "tenure.disposal.executed.v1"

    disposal_id: UUID
    record_id: UUID
    review_id: UUID | None
    sequence: int
    executed_at: datetime
    executed_on: date
    what: Literal["record", "arrival"] = "record"


class LinkEnded(Event, frozen=True):
    """A person went from a record that others still need: every holder unlinks them and says so; the record stays.

    `nominals` are all whom the person is; no state up to `sequence` names them any more, and a later one is a new fact.
    """

    type: ClassVar[str] = "tenure.link.ended.v1"

    disposal_id: UUID
    record_id: UUID
    review_id: UUID
    nominals: tuple[UUID, ...]
    sequence: int
    executed_at: datetime
    executed_on: date


class DiscardRefused(Event, frozen=True):
    """A quarantined event is not discarded: it waits on, for the reason that the code gives."""

    type: ClassVar[str] = "tenure.discard.refused.v1"

    disposal_id: UUID
    receipt_id: UUID
    reason: Code
    at: datetime


class CorrectionRequested(Event, frozen=True):
    """Upstream is asked for a revised state: `links` that name these nominals no more.

    The answer is a state with a sequence higher than `after` that names none of them.
    """

    type: ClassVar[str] = "tenure.correction.requested.v1"

    correction_id: UUID
    record_id: UUID
    what: tuple[Code, ...]
    nominals: tuple[UUID, ...]
    after: int
    requested_at: datetime


class DisposalConfirmed(Event, frozen=True):
    """A holder's signed answer; the signature is Ed25519 over `signed()`."""

    type: ClassVar[str] = "tenure.disposal.confirmed.v1"

    disposal_id: UUID
    record_id: UUID
    holder: Code
    answer: Literal["erased", "unlinked", "held_with_authority", "never_had_it"]
    bodies: int
    at: datetime
    signature: Signature = ""
    epoch: int | None = None  # The key epoch that the holder's older backups hang on, of holders that seal, and
    epoch_began_at: datetime | None = None

    def signed(self) -> bytes:
        """Give the bytes that the signature is over; of the epoch's beginning the whole seconds since 1970."""
        said = [str(self.disposal_id), str(self.record_id), self.holder, self.answer]
        if self.epoch is not None and self.epoch_began_at is not None:
            said += [str(self.epoch), str(int(self.epoch_began_at.timestamp()))]
        return "\n".join(said).encode()
