"""What intake answers about looking at records, for its contract; a later version may add fields."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, StringConstraints

Word = Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=r"^[^\x00-\x1f]+$")]
"""What somebody names: a reference, a staff id."""
Reason = Annotated[str, StringConstraints(min_length=1, max_length=1_000, pattern=r"^[^\x00]+$")]
"""What somebody writes; it says why, and names nobody."""
Code = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[a-z_]+$")]


class Access(BaseModel):
    """One view of content, or an attempt at one."""

    access_id: int
    at: datetime
    record_id: UUID
    actor: str
    purpose: str
    reference: str
    task_id: UUID | None
    parts: list[str]
    allowed: bool
    refused: str | None


class LogEntry(BaseModel):
    """One entry of a record's logs; what it tells depends on the log."""

    at: datetime
    log: Literal["collection", "alteration", "combination", "consultation", "erasure"]
    told: dict[str, Any]


class Mark(BaseModel):
    """What a named role has said of a record's sensitivity."""

    sensitive: bool
    reason: str
    marked_by: str
    marked_at: datetime


class Sensitivity(BaseModel):
    """Whether a record is sensitive, and by which rules of the pack, or `marked`."""

    record_id: UUID
    sensitive: bool
    by: list[str]
    mark: Mark | None
    version: int


class Alert(BaseModel):
    """Something about a view that professional standards look into."""

    alert_id: UUID
    at: datetime
    kind: str
    rule: str
    pack: str
    record_id: UUID
    actor: str
    access_id: int
    state: Literal["open", "closed"]
    outcome: str | None
    reason: str | None
    closed_by: str | None
    closed_at: datetime | None
    version: int


class Review(BaseModel):
    """An access review in one line."""

    review_id: UUID
    since: datetime
    until: datetime
    records: list[UUID]
    reason: str
    opened_by: str
    opened_at: datetime
    state: Literal["open", "answered", "concluded"]
    outcome: str | None
    conclusion: str | None
    concluded_by: str | None
    concluded_at: datetime | None
    asked: int
    unanswered: int
    version: int


class Viewer(BaseModel):
    """Somebody who is asked why they looked, and what they answered."""

    actor: str
    views: int
    answer: str | None
    reason: str | None
    answered_at: datetime | None


class WholeReview(Review):
    """An access review with everybody it asks, those who have not answered first."""

    viewers: list[Viewer]


class OwnReview(BaseModel):
    """An access review that asks one, in one line."""

    review_id: UUID
    reason: str
    state: Literal["open", "answered", "concluded"]


class OwnView(BaseModel):
    """One of the views that one is asked about."""

    access_id: int
    at: datetime
    record_id: UUID
    purpose: str
    reference: str
    task_id: UUID | None
    parts: list[str]


class Question(BaseModel):
    """What one is asked, and has answered so far."""

    review_id: UUID
    state: Literal["open", "answered", "concluded"]
    asked_for: str
    views: list[OwnView]
    answer: str | None
    reason: str | None
    answered_at: datetime | None
    version: int
