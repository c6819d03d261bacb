"""HTTP in: what is keeping a record, what keeps records at large, and the dates that a record had before."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from services.retention.actions import blockers
from services.retention.api.asking import LeaveOut
from services.retention.api.records import READERS
from services.retention.domain.casefiles import Share
from services.retention.storage import parts, superseded
from shared.clock import policy_day
from shared.http import KEY_MAX, Now, Paged, Transaction, answers, next_link

_PATHS = ("records/{record_id}/blockers", "records/{record_id}/parts", "records/{record_id}/superseded", "blockers")
ROLES = {f"GET /v1/{path}": READERS for path in _PATHS}

router = APIRouter(prefix="/v1", tags=["schedules"])


class Keeping(BaseModel):
    """One thing that keeps a record from its end."""

    code: str
    owner: str | None = Field(description="whose it is to mend: a role, or a holder of copies; null: nobody's, or ours")
    about: dict[str, Any] = Field(description="the ids, codes and days that it names")
    sentence: str = Field(description="what it is, and the mend")


class Kept(BaseModel):
    """What keeps one record; empty: nothing does."""

    blockers: list[Keeping]


class Counted(BaseModel):
    """How many records one thing keeps."""

    code: str
    cause: str | None
    owner: str | None
    records: int


class KeptInAll(BaseModel):
    """What keeps records, counted, and what keeps every disposal waiting."""

    blockers: list[Counted]
    everywhere: list[Keeping]


class Before(BaseModel):
    """The dates that a record had, until when, and what moved them; of rules by age the year alone is sure."""

    state: str
    class_: str | None = Field(alias="class")
    row: str | None
    group: str | None
    clock_on: date | None
    keep_until: date | None
    review_on: date
    by_age: bool
    problem: str | None
    pack: str
    moved_by: str
    superseded_at: datetime


class PartAsking(BaseModel):
    """What one part asks of its case file, whatever else dates the file."""

    record_id: UUID
    until: date | None = Field(description="its own last day; null: none yet, or a birthday that is not to be told")
    year: int | None = Field(description="that day's year, where a birthday gives it and third persons are left out")
    permanent: bool
    waits: bool = Field(description="something must happen or end before it has a day")
    undated: bool = Field(description="it is an exception: `until` then says at least until")


class PartsAsking(BaseModel):
    """A page of what the parts of a case file ask of it."""

    parts: list[PartAsking]


class Superseded(BaseModel):
    """A page of the dates that a record had, the newest first."""

    superseded: list[Before]


@router.get("/records/{record_id}/blockers", responses=answers(Kept, 404))
async def show_blockers(record_id: UUID, request: Request, connection: Transaction, now: Now) -> dict[str, Any]:
    """Say what is keeping a record: each thing with its owner and the mend."""
    pack = request.app.state.edge.pack
    today = await policy_day(connection, now, pack.zone)
    return {"blockers": await blockers.of_record(connection, record_id, pack, today, now)}


@router.get("/blockers", responses=answers(KeptInAll))
async def count_blockers(request: Request, connection: Transaction, now: Now) -> dict[str, Any]:
    """Count what keeps records, and list what keeps every disposal waiting."""
    counts, everywhere = await blockers.counted(connection, request.app.state.edge.pack, now)
    return {"blockers": counts, "everywhere": everywhere}


@router.get("/records/{record_id}/parts", responses=answers(PartsAsking, 400))
async def show_parts(
    record_id: UUID,
    request: Request,
    response: Response,
    connection: Transaction,
    page: Paged,
    leave_out: LeaveOut = None,
) -> dict[str, Any]:
    """List what each part of a case file asks of it: those with the file's own last day bind it."""
    found = await parts.asking_page(connection, record_id, page.key(), page.limit + 1)
    shown = found[: page.limit]
    next_link(request, response, (shown[-1][0],) if len(found) > page.limit else None)
    return {"parts": [_asking(part, share, hidden=leave_out is not None and share.by_age) for _, part, share in shown]}


def _asking(part: UUID, share: Share, *, hidden: bool) -> dict[str, Any]:
    year = share.until.year if hidden and share.until else None
    asked = {"permanent": share.permanent, "waits": share.waits, "undated": share.undated}
    return {"record_id": part, "until": None if hidden else share.until, "year": year, **asked}


@router.get("/records/{record_id}/superseded", responses=answers(Superseded, 400))
async def show_superseded(
    record_id: UUID, request: Request, response: Response, connection: Transaction, page: Paged
) -> dict[str, Any]:
    """List the dates that a record had before, each with what moved it: superseded, never erased."""
    found = await superseded.of_record(connection, record_id, page.key(KEY_MAX), page.limit + 1)
    shown = found[: page.limit]
    next_link(request, response, (shown[-1]["superseded_id"],) if len(found) > page.limit else None)
    return {"superseded": shown}
