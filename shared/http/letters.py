"""The dead letters of a service over HTTP: listed, and asked for once more."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

import asyncpg
from fastapi import APIRouter, Depends, Path, Query, Request, Response, status
from pydantic import BaseModel

from shared import letters
from shared.calendar_rules import civil_day
from shared.errors import require_version
from shared.http.contract import answers
from shared.http.inputs import Asker, IfMatch, Paged, Today, Transaction, etag, next_link
from shared.letters import State, Wanted

STEWARDS = frozenset({"data_steward"})
LETTER_ROLES: Mapping[str, frozenset[str]] = {
    "GET /v1/dead-letters": STEWARDS
    | {"records_manager", "auditor", "data_protection_officer", "head_of_information_management"},
    "POST /v1/dead-letters/{letter_id}/retry": STEWARDS,
}
router = APIRouter(prefix="/v1/dead-letters", tags=["dead letters"])
Code = Annotated[str | None, Query(max_length=64, pattern=r"^[a-z0-9_.-]+$")]


class LetterShown(BaseModel):
    """A message of our own topics that this service set aside; `refused` is why its last retry failed."""

    letter_id: int
    at: datetime
    age_days: int
    topic: str
    partition: int
    offset: int
    subject: UUID | None
    reason: str
    state: State
    review_on: date | None
    overdue: bool
    attempts: int
    refused: str | None
    asked_by: str | None
    version: int


class LetterAsked(BaseModel):
    """How a letter stands once its retry is asked for."""

    letter_id: int
    state: State
    version: int


def _wanted(state: State | None = None, topic: Code = None, reason: Code = None, subject: UUID | None = None) -> Wanted:
    return Wanted(state, topic, reason, subject)


Asked = Annotated[Wanted, Depends(_wanted)]


@router.get("", responses=answers(list[LetterShown]))
async def list_letters(
    request: Request,
    response: Response,
    connection: Transaction,
    page: Paged,
    today: Today,
    wanted: Asked,
) -> list[dict[str, Any]]:
    """List what waits, or what is in one state, the oldest first."""
    rows = await letters.page(connection, wanted, page.key(), page.limit + 1)
    shown = rows[: page.limit]
    next_link(request, response, (shown[-1]["letter_id"],) if len(rows) > page.limit else None)
    zone = request.app.state.edge.zone
    return [_shown(row, civil_day(row["at"], zone), today) for row in shown]


def _shown(row: asyncpg.Record, since: date, today: date) -> dict[str, Any]:
    shown = {name: value for name, value in row.items() if name != "readable"}
    return {**shown, "age_days": max((today - since).days, 0), "overdue": letters.overdue(row, today)}


@router.post(
    "/{letter_id}/retry",
    status_code=status.HTTP_202_ACCEPTED,
    responses=answers(LetterAsked, 404, 409, status=202, versioned=True),
)
async def retry(
    letter_id: Annotated[int, Path(ge=1, lt=2**63)],
    response: Response,
    connection: Transaction,
    asker: Asker,
    meant: IfMatch,
) -> dict[str, Any]:
    """Have a letter read once more by the service's own action; the list says in a moment what became of it."""
    await letters.ask(connection, letter_id, lambda held: require_version(meant, held), asker.decides_as())
    row = await letters.one(connection, letter_id)
    assert row is not None, "it was asked for in this transaction"
    etag(response, row["version"])
    return {"letter_id": letter_id, "state": row["state"], "version": row["version"]}
