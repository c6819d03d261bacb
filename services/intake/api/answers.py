"""What intake answers over HTTP, for its contract; a later version may add fields."""

from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, Field


class Shown(BaseModel):
    """A record's metadata as sent, without content, and how it stands."""

    record_id: UUID
    source: str
    sequence: int
    version: int
    accepted_on: date | None
    state: str
    held: bool
    restricted: bool
    disposal_id: UUID | None
    metadata: dict[str, Any] | None
    your_task: UUID | None = Field(description="A task that who asks holds on it: they need name no reference.")


class Viewed(BaseModel):
    """Content that was asked for, after the view was logged."""

    record_id: UUID
    reference: str
    task_id: UUID | None
    content: dict[str, Any]


class Why(BaseModel):
    """Why something was refused: a code, where, and a sentence that never quotes the value."""

    code: str
    pointer: str
    sentence: str


class Waiting(BaseModel):
    """A quarantined event, without its content; `refused` is why its last discard was not carried out."""

    event_uid: UUID
    receipt_id: UUID
    source: str
    subject: UUID | None
    record_type: str | None
    unit: str | None
    reasons: list[Why]
    state: str
    owner: str | None
    first_seen: datetime
    age_days: int
    review_on: date
    overdue: bool
    attempts: int
    version: int
    incomplete: bool
    discard_reason: str | None
    reference: str | None
    proposed_by: str | None
    approved_by: str | None
    refused: str | None
    disposal_id: UUID | None


class Done(BaseModel):
    """One thing that was done about an item; `by` is null where the system did it."""

    at: datetime
    step: str
    by: str | None
    code: str | None


class Further(BaseModel):
    """A later receipt that names the item's first."""

    receipt_id: UUID
    outcome: str
    reasons: list[Why]
    at: datetime


class Item(Waiting):
    """A quarantined event with its history."""

    type: str | None
    arrival: dict[str, Any]
    history: list[Done]
    receipts: list[Further]


class Mending(BaseModel):
    """How well the quarantine of one source and unit is mended; `mended_share` is null where nothing ever came."""

    source: str
    unit: str | None
    quarantined: int
    incomplete: int
    waiting: int
    overdue: int
    mended: int
    discarded: int
    mended_share: float | None
    oldest: datetime | None
    oldest_days: int | None


class Moved(BaseModel):
    """How an item stands now, and who is still missing."""

    state: str
    version: int
    missing: str | None = None
    disposal_id: UUID | None = None


class Member(BaseModel):
    """What became of one item of many."""

    receipt_id: UUID
    result: Literal["done", "refused", "not_reached"]
    code: str | None
    detail: str | None


class Bulk(BaseModel):
    """What became of many: `asked` is the sum of the other three; `more` says that the filter fits others beyond."""

    asked: int
    done: int
    refused: int
    not_reached: int
    more: bool
    members: list[Member]


class Replayed(BaseModel):
    """What became of a quarantined event this time."""

    outcome: str
    receipt_id: UUID
    reasons: list[Why]
