"""Objects and places over HTTP: which records name the same thing; the thing itself is nowhere in clear."""

from datetime import datetime
from typing import Annotated, NamedTuple
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from services.intake.actions import finding, screening
from services.intake.api.looking import Code, Word
from services.intake.domain.access import Asked
from services.intake.domain.screening import Looker
from shared.http import Asker, Now, Page, Paged, Transaction, answers, next_link

router = APIRouter(tags=["objects"])


class Search(BaseModel):
    """An object or a place, and why records about it are looked for."""

    model_config = ConfigDict(extra="forbid")

    kind: Word = Field(description="As sources send it: vehicle, phone, address, exhibit, ...")
    ref: str = Field(min_length=1, max_length=512, pattern=r"^[^\x00]+$")
    purpose: Code
    reference: Word


class _Asks(NamedTuple):
    looker: Looker
    page: Page
    now: datetime


def _asks(asker: Asker, page: Paged, now: Now) -> _Asks:
    return _Asks(screening.looker_of(asker), page, now)


class Found(BaseModel):
    """The records of this page whose latest state names the thing, as far as who asks may see them."""

    records: list[UUID]


@router.post("/v1/objects/search", responses=answers(Found, 400))
async def search_objects(
    body: Search, request: Request, answer: Response, connection: Transaction, asks: Annotated[_Asks, Depends(_asks)]
) -> Found:
    """Find the records that name an object or a place; each one shown is logged first, as a consultation."""
    wanted = finding.Search(body.kind, body.ref, asks.page.key(), asks.page.limit)
    asked, desk = Asked(body.purpose, body.reference, None), await request.app.state.desks.current(connection)
    found = await finding.search(connection, desk, asks.looker, asked, wanted, asks.now)
    next_link(request, answer, None if found.after is None else (found.after,))
    return Found(records=found.records)
