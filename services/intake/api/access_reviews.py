"""Access reviews over HTTP: opened and concluded by professional standards, answered by whoever looked."""

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from pydantic import AwareDatetime, BaseModel, Field

from services.intake.actions import access_reviews as actions
from services.intake.actions import screening
from services.intake.actions.access import OVERSEERS
from services.intake.actions.access_reviews import RECORDS_MAX, By, Wanted
from services.intake.api import looking as told
from services.intake.api.access import Acting, order
from services.intake.domain.access_reviews import Answer, Outcome
from shared.http import Asker, Idempotent, Now, Paged, Transaction, answers, etag, next_link, once
from shared.ids import nominal_ref, random_id

router = APIRouter(prefix="/v1/access-reviews", tags=["access"])

_OWN = ("review_id", "reason", "state")


class Nominal(BaseModel):
    """A person, as their source names them."""

    nominal_source: told.Word
    nominal_id: told.Word


class NewReview(BaseModel):
    """Which views are looked into: of these records, or of a person's, between two instants."""

    records: list[UUID] = Field(default_factory=list, max_length=RECORDS_MAX)
    nominal: Nominal | None = None
    since: AwareDatetime = Field(alias="from")
    until: AwareDatetime = Field(alias="to")
    reason: told.Reason = Field(description="Whoever is asked reads it: say why; name nobody.")


def _by(request: Request, _: Transaction, asker: Asker, now: Now) -> By:
    return By(request.app.state.edge.pack, screening.looker_of(asker), now)


Actor = Annotated[By, Depends(_by)]


@router.post("", status_code=201, responses=answers(told.WholeReview, 404, status=201, versioned=True))
async def open_review(
    body: NewReview, answer: Response, connection: Transaction, by: Actor, repeat: Idempotent
) -> dict[str, Any]:
    """Open a review, and ask everybody to whom content of its records was shown why they looked."""
    named = nominal_ref(body.nominal.nominal_source, body.nominal.nominal_id) if body.nominal else None
    wanted = Wanted(body.records, named, body.since, body.until, body.reason)

    async def work() -> str:
        review = random_id()
        await actions.start(connection, by, review, wanted)
        return str(review)

    whole = await actions.whole(connection, by, UUID(await once(connection, repeat, by.now, work)))
    return _shown(answer, whole)


def _shown(answer: Response, whole: dict[str, Any]) -> dict[str, Any]:
    etag(answer, whole["version"])
    return {name: value for name, value in whole.items() if name != "review_key"}


@router.get("", responses=answers(list[told.Review | told.OwnReview], 400))
async def list_reviews(
    request: Request,
    answer: Response,
    connection: Transaction,
    by: Actor,
    page: Paged,
    state: Literal["open", "answered", "concluded"] | None = None,
) -> list[dict[str, Any]]:
    """List reviews, the latest first; who does not oversee them sees those that ask them, and what they are for."""
    oversees = bool(by.looker.roles & OVERSEERS)
    rows, more = await actions.find(connection, by, state, (order(page, "-at").after, page.limit))
    next_link(request, answer, (rows[-1]["review_key"],) if more else None)
    return [{name: row[name] for name in (row.keys() if oversees else _OWN) if name != "review_key"} for row in rows]


@router.get("/{review_id}", responses=answers(told.WholeReview, 404, versioned=True))
async def show_review(review_id: UUID, answer: Response, connection: Transaction, by: Actor) -> dict[str, Any]:
    """Give a review with everybody it asks, those who have not answered first."""
    return _shown(answer, await actions.whole(connection, by, review_id))


@router.get("/{review_id}/answers", responses=answers(told.Question, 404, versioned=True))
async def show_question(review_id: UUID, answer: Response, connection: Transaction, by: Actor) -> dict[str, Any]:
    """Give what one is asked oneself: one's own views, and one's answer so far."""
    asked = await actions.own(connection, by, review_id)
    etag(answer, asked["version"])
    return asked


class NewAnswer(BaseModel):
    """Why one looked."""

    answer: Answer
    reason: told.Reason = Field(description="Give the reference of the task, case or request; name nobody.")


@router.post("/{review_id}/answers", responses=answers(told.Question, 404, 409, versioned=True))
async def give_answer(
    review_id: UUID,
    body: NewAnswer,
    answer: Response,
    connection: Transaction,
    by: Actor,
    acting: Annotated[Acting, Depends()],
) -> dict[str, Any]:
    """Answer why one looked; until the review is concluded the answer may be changed."""
    asked = await actions.answer(connection, by, (review_id, acting.meant), (body.answer, body.reason))
    etag(answer, asked["version"])
    return asked


class Conclusion(BaseModel):
    """What came of a review, and why."""

    outcome: Outcome
    reason: told.Reason = Field(description="Say why; name nobody.")


@router.post("/{review_id}/conclude", responses=answers(told.WholeReview, 404, 409, versioned=True))
async def conclude_review(
    review_id: UUID,
    body: Conclusion,
    answer: Response,
    connection: Transaction,
    by: Actor,
    acting: Annotated[Acting, Depends()],
) -> dict[str, Any]:
    """Conclude a review; nobody concludes one that asks them. Who has not answered stays in sight."""
    whole = await actions.conclude(connection, by, (review_id, acting.meant), (body.outcome, body.reason))
    return _shown(answer, whole)
