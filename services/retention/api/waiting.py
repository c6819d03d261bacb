"""What waits for its record or person: facts came that name somebody who has not."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from services.retention.api.records import READERS
from services.retention.storage import early
from shared.http import Now, Paged, Transaction, answers, next_link

ROLES = {"GET /v1/waiting": READERS}

router = APIRouter(prefix="/v1", tags=["schedules"])


class Waits(BaseModel):
    """A record or nominal that is named and has not come."""

    subject: UUID
    kind: Literal["record", "nominal"]
    facts: list[str] = Field(description="the kinds of fact that name it, and take effect once it comes")
    since: datetime
    age_days: int


class Waiting(BaseModel):
    """Those that have not come, the longest named first."""

    waiting: list[Waits]


@router.get("/waiting", responses=answers(Waiting, 400))
async def list_waiting(request: Request, response: Response, connection: Transaction, page: Paged, now: Now) -> Waiting:
    """List the records and nominals that facts name and that have not come; the facts are kept and wait."""
    found = await early.page(connection, page.key(), page.limit + 1)
    shown = found[: page.limit]
    next_link(request, response, (shown[-1].early_id,) if len(found) > page.limit else None)
    return Waiting(waiting=[_shown(each, now) for each in shown])


def _shown(each: early.Early, now: datetime) -> Waits:
    subject, kind = (each.record_id, "record") if each.record_id else (each.nominal_ref, "nominal")
    days = (now - each.since).days
    return Waits(subject=subject, kind=kind, facts=each.kinds, since=each.since, age_days=days)
