"""What retention answers over HTTP, for its contract; a later version may add fields."""

from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, Field


class Scheduled(BaseModel):
    """A record's schedule as lists show it."""

    record_id: UUID
    state: str = Field(description="`current`, `exception`, `permanent`, or where its disposal stands")
    lifecycle: str
    end: str = Field(description="what the end of its period asks for: `review` or `dispose`")
    group: str | None
    class_: str | None = Field(alias="class")
    row: str | None
    pack: str
    clock_on: date | None
    floor_until: date | None
    keep_until: date | None
    actionable_from: date | None
    open_on: date | None
    review_on: date | None
    review_kind: str
    by_age: bool
    problem: str | None
    owner: str | None
    cause: str | None
    reason: str | None
    held: bool
    restricted: bool
    version: int


class Derivation(BaseModel):
    """Why a date is what it is: steps of codes, ids and dates, in the version that names them."""

    v: int
    steps: list[dict[str, Any]]


class Opening(BaseModel):
    """A role that the pack let open a record, as far as retention knows the record."""

    role: str
    purposes: list[str]
    only_with_task: bool = Field(description="its screens show the record only to those who hold a task on it")


class Past(BaseModel):
    """Of a look at another day or by another instant's knowledge: which, and what stood besides the dates."""

    as_of: date | None = Field(None, description="the day looked at; null: today")
    known_at: datetime | None = Field(None, description="by what was known at this instant; null: all that is known")


class Explained(Scheduled, Past):
    """A record's schedule with its reasons."""

    derivation: Derivation
    sentences: list[str]
    unsettled: bool = Field(description="facts came in that the dates do not follow yet")
    holds: list[UUID] | None = Field(None, description="the holds in force then; only with `as_of` or `known_at`")
    may_open: list[Opening] | None = Field(None, description="who could open it; only with `as_of` or `known_at`")
    without: list[dict[str, Any]] | None = Field(None, description="per fact asked about: the date without it")
    would_be: list[str] | None = Field(None, description="the same in sentences")


class Carried(Scheduled):
    """A record that names a person."""

    holds: list[UUID] | None = Field(None, description="the holds in force then; only with `as_of` or `known_at`")
    may_open: list[Opening] | None = Field(None, description="who could open it; only with `as_of` or `known_at`")

    offending: bool
    gives_group: str | None


class Person(Past):
    """A person's group, clock and dates, with a page of their records."""

    nominal_ref: UUID
    root: UUID = Field(description="the nominal that stands for all whom this person is: reviews are about it")
    members: list[UUID] = Field(description="all whom this person is, by merges that stand; the records are each one's")
    waiting: list[UUID] = Field(description="what waits for a steward about this person: `GET /v1/identities/{id}`")
    group: str | None
    clock_on: date | None
    keep_until: date | None
    review_on: date | None
    by_age: bool | None
    birth_known: bool
    reviewed_on: date | None
    problem: str | None
    version: int
    records: list[Carried]


class Records(BaseModel):
    """A page of records."""

    records: list[Scheduled]


class Undated(Scheduled):
    """A record that cannot be dated, and since when."""

    since: datetime
    age_days: int


class Exceptions(BaseModel):
    """A page of what cannot be dated."""

    exceptions: list[Undated]


class DueGroup(BaseModel):
    """How many records of one class and unit fall due in one week."""

    class_: str | None = Field(alias="class")
    unit: str | None
    week: date
    kind: str
    records: int


class FallingDue(BaseModel):
    """What falls due."""

    due: list[DueGroup]


class Hold(BaseModel):
    """A hold as it stands; `matches` is null until they are counted."""

    hold_id: UUID
    state: Literal["in_force", "release_proposed", "released"]
    version: int
    authority: str
    reason: str
    owner: str
    review_on: date
    placed_by: str
    placed_at: datetime
    scope: dict[str, Any]
    proposed_by: str | None
    release_reason: str | None
    released_by: str | None
    released_at: datetime | None
    matches: int | None


class HoldPlaced(Hold):
    """A hold in force, and what it came too late for."""

    executed_unconfirmed: list[UUID]


class HoldShown(Hold):
    """A hold, and how many events in quarantine or dead letters are about what it holds: no discard takes them."""

    parked: int


class Holds(BaseModel):
    """A page of holds."""

    holds: list[Hold]


class Preview(BaseModel):
    """What a scope would hold."""

    matches: int
    executed: int
    held_already: int
    parked: int = Field(description="Events in quarantine, or dead letters, about what it names or would hold.")


class Stands(BaseModel):
    """What was done, in a word."""

    state: str


class Proposed(Stands):
    """What was proposed, and whose agreement is missing."""

    missing: str


_WHAT = (
    "An arrival: a discard; `record_id` is then its receipt. A link: the person whom the review is about goes from a "
    "record that others still need."
)


class Order(BaseModel):
    """An order of disposal, and how far it has come."""

    disposal_id: UUID
    record_id: UUID
    what: Literal["record", "arrival", "link"] = Field(description=_WHAT)
    review_id: UUID | None
    row: str
    state: str
    reason: str | None
    waits_for: str | None
    waits_on: UUID | None = Field(description="The other record of its case file that it waits for.")
    opened_on: date
    execute_from: date
    version: int
    irrecoverable_from: datetime | None
    executed_at: datetime | None
    executed_on: date | None


class Confirmation(BaseModel):
    """A holder's answer."""

    holder: str
    answer: str
    bodies: int
    at: datetime


class Disposal(Order):
    """An order with its certificate, null until it is issued, and who has confirmed."""

    certificate: dict[str, Any] | None
    confirmations: list[Confirmation]


class Orders(BaseModel):
    """A page of orders, and the causes for which all of them wait."""

    disposals: list[Order]
    paused: list[str]
