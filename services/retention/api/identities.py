"""HTTP in: what only a steward can tell about who is one person, and the steward's answer."""

from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from services.retention.actions import identities
from services.retention.actions.identities import Said
from services.retention.api.paging import after_id
from services.retention.api.records import READERS
from services.retention.storage.identities import Question, page
from shared.errors import require_version
from shared.http import (
    Asker,
    IfMatch,
    Now,
    Paged,
    Today,
    Transaction,
    answers,
    etag,
    next_link,
)

ROLES = {
    "GET /v1/identities": READERS,
    "GET /v1/identities/{event_uid}": READERS,
    "POST /v1/identities/{event_uid}/assign": frozenset({"data_steward"}),
}
router = APIRouter(prefix="/v1/identities", tags=["identities"])


class Identity(BaseModel):
    """What a steward is asked: whether a merge is to stand, or whose a fact is."""

    event_uid: UUID
    what: Literal["merged", "contact", "trigger", "nominal_state"]
    about: UUID = Field(description="the nominal that the event names")
    between: list[UUID] = Field(description="the nominals whose it may be; of a merge the two")
    on: date | None = Field(description="the day on which it happened, where it has one")
    since: date = Field(description="the day on which it came")
    age_days: int
    state: Literal["waiting", "answered", "settled"]
    answered_by: str | None
    version: int


class Identities(BaseModel):
    """A page of what stewards are asked, or were."""

    identities: list[Identity]


class Assigned(BaseModel):
    """A steward's answer: `to` for a fact, `answer` for a merge."""

    model_config = ConfigDict(extra="forbid")

    to: UUID | None = None
    answer: Literal["accept", "refuse"] | None = None


@router.get("", responses=answers(Identities, 400))
async def waiting(
    request: Request,
    response: Response,
    connection: Transaction,
    paged: Paged,
    today: Today,
    state: Annotated[Literal["waiting", "answered", "settled"], Query()] = "waiting",
) -> Identities:
    """List what waits for a steward; `?state=answered` what one has answered, `settled` what needs none any more."""
    found = await page(connection, state, after_id(paged), paged.limit + 1)
    shown = found[: paged.limit]
    next_link(request, response, [str(shown[-1].event_uid)] if len(found) > paged.limit else None)
    return Identities(identities=[told(each, today) for each in shown])


@router.get("/{event_uid}", responses=answers(Identity, 404, versioned=True))
async def one(event_uid: UUID, response: Response, connection: Transaction, today: Today) -> Identity:
    """Show one question, with the version that an answer must name."""
    shown = told(await identities.found(connection, event_uid), today)
    etag(response, shown.version)
    return shown


async def _meant(event_uid: UUID, connection: Transaction, meant: IfMatch) -> Question:
    question = await identities.held(connection, event_uid)
    require_version(meant, question.version)
    return question


@router.post("/{event_uid}/assign", responses=answers(Identity, 404, 409))
async def assign(
    question: Annotated[Question, Depends(_meant)],
    asked: Assigned,
    connection: Transaction,
    asker: Asker,
    today: Today,
    now: Now,
) -> Identity:
    """Answer; a later answer to the same question replaces an earlier one. All dates concerned follow at once."""
    await identities.assign(connection, question, Said(asked.to, asked.answer), asker.decides_as(), today, now)
    return told(await identities.found(connection, question.event_uid), today)


def told(question: Question, today: date) -> Identity:
    """Show a question with its age."""
    names = {name: value for name, value in question._asdict().items() if name != "nominal_key"}
    return Identity(**names, age_days=max((today - question.since).days, 0))
