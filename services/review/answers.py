"""What review answers over HTTP, for its contract; a later version may add fields."""

from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from shared.policy import Answer


class Line(BaseModel):
    """A task in one line."""

    task_id: UUID
    review_id: UUID
    subject: UUID
    subject_kind: Literal["record", "nominal"]
    kind: str
    cause: str
    group: str | None
    row: str | None
    pack: str
    due_on: date
    state: Literal["open", "claimed", "awaiting_approval", "returned", "completed", "withdrawn"]
    assignee: str | None
    round: int
    version: int
    records: int
    escalation: str | None


class Lines(BaseModel):
    """A page of tasks."""

    tasks: list[Line]


class Link(BaseModel):
    """One link of a chain of approval."""

    role: str
    competence: str | None


class Covered(BaseModel):
    """A record that the review covers, with its card where one is held here."""

    record_id: UUID
    class_: str | None = Field(alias="class")
    keep_until: date | None
    held: bool
    card: dict[str, Any] | None


class Question(BaseModel):
    """A question of the pack."""

    id: str
    part: str
    text: str


class Decided(BaseModel):
    """A decision of one round."""

    round: int
    outcome: str
    purpose: str | None
    next_on: date | None
    group: str | None
    decided_by: str
    decided_on: date
    pack: str
    assessment: int


class Approved(BaseModel):
    """One link of a chain as given, or the return that ended its round."""

    round: int
    answer: str
    role: str
    competence: str | None
    by_staff: str
    on_date: date


class Assessment(BaseModel):
    """The newest assessment; its answers and evidence only for those who work on the task."""

    by: str
    on: date
    pack: str
    proposal: str
    necessity: Answer | None
    proportionality: Answer | None
    destroyed_by: UUID | None
    answers: dict[str, Answer] = {}
    evidence: dict[str, str] = {}


class Whole(Line):
    """A task with its records, reasons, questions and all that was said."""

    covers: list[Covered]
    basis: str
    reasons: list[str]
    in_force: str = Field(description="the pack of the questions and the chain; `pack` is the one that asked")
    questions: list[Question]
    decisions: list[Decided]
    approvals: list[Approved]
    chain: list[Link]
    missing: list[Link]
    assessment: Assessment | None


class Proposal(Line):
    """A task after an assessment, and what the answers propose."""

    proposal: str


class Waiting(Line):
    """A task after a decision or an approval, and the links of its chain that are still missing."""

    missing: list[Link]


class Correction(BaseModel):
    """What upstream is asked to correct: the links to these nominals, by a state with a sequence after `after`."""

    correction_id: UUID = Field(description="the order that asks for it: `GET /v1/disposals/{id}` of retention")
    record_id: UUID
    what: list[str]
    nominals: list[UUID]
    after: int
    requested_at: datetime


class Corrections(BaseModel):
    """A page of corrections asked for and not made."""

    corrections: list[Correction]
