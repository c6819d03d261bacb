"""Reconciliation over HTTP: both accounts by source and day, and which source is silent."""

from datetime import date, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, Field

from services.intake.actions.accounts import Asked, Line, lines, signs
from services.intake.domain.accounts import Account
from shared.errors import Invalid
from shared.http import Now, Page, Paged, Transaction, answers, next_link

router = APIRouter(tags=["accounts"])

Name = Annotated[str | None, Query(max_length=256, pattern=r"^[^\x00-\x1f]+$")]


class EventsAccount(BaseModel):
    """One source's events of one day: as many came as stand under the outcomes, or the account does not close."""

    source: str
    received_on: date
    received: int = Field(description="the arrivals that are there")
    accepted: int
    duplicate: int
    superseded: int
    quarantined: int
    discarded: int
    unreadable: int
    forbidden: int
    closes: bool
    difference: int = Field(description="by how many the counters and the arrivals disagree, outcome by outcome")


class RecordsAccount(BaseModel):
    """The records that one source had accepted on one day, each in one term."""

    source: str
    accepted_on: date
    received: int = Field(description="the records that were counted when they were captured")
    disposed: int
    transferred: int
    held: int
    on_order: int
    active: int
    closes: bool
    difference: int = Field(description="by how many the count and the records that are there disagree")


class SourceSeen(BaseModel):
    """When a registered source was last heard, and what it is overdue with."""

    source: str
    source_system: str
    last_event_at: datetime | None
    last_manifest_at: datetime | None
    silent_after_seconds: int | None
    manifest_every_seconds: int | None
    overdue: list[str] = Field(description="`events`, `manifests`: none came for longer than the pack allows")


class Reconciliation(BaseModel):
    """Both accounts."""

    events: list[EventsAccount]
    records: list[RecordsAccount] = Field(description="records ever accepted, by how they stand now")
    sources: list[SourceSeen]


def _asked(since: date | None = None, until: date | None = None, source: Name = None) -> Asked:
    return Asked(since, until, source)


@router.get("/v1/reconciliation", responses=answers(Reconciliation))
async def reconcile(
    request: Request,
    answer: Response,
    connection: Transaction,
    now: Now,
    page: Paged,
    asked: Annotated[Asked, Depends(_asked)],
) -> dict[str, Any]:
    """Give both accounts by day received and source, counted anew: events by outcome, records by how they stand."""
    found = await lines(connection, asked, _after(page), page.limit + 1)
    more, found = len(found) > page.limit, found[: page.limit]
    next_link(request, answer, (found[-1].day.isoformat(), found[-1].source) if more else None)
    heard = await signs(connection, request.app.state.edge.pack, now)
    return {
        "events": [_row(each, "received_on", each.events) for each in found if each.events],
        "records": [_row(each, "accepted_on", each.records) for each in found if each.records],
        "sources": [
            {
                "source": each.source.source,
                "source_system": each.source.source_system,
                "last_event_at": each.last_event_at,
                "last_manifest_at": each.last_manifest_at,
                "silent_after_seconds": _seconds(each.source.silent_after),
                "manifest_every_seconds": _seconds(each.source.manifest_every),
                "overdue": each.overdue,
            }
            for each in heard
        ],
    }


def _after(page: Page) -> tuple[date, str]:
    if page.after is None:
        return date.min, ""
    try:
        day, source = page.after
        return date.fromisoformat(str(day)), str(source)
    except ValueError:
        raise Invalid("The cursor is not one of this list. Start again without it.", "cursor_unreadable") from None


def _row(line: Line, day: str, account: Account) -> dict[str, Any]:
    named = {"source": line.source, day: line.day, "received": account.received, **account.terms}
    return {**named, "closes": account.closes, "difference": account.difference}


def _seconds(span: timedelta | None) -> int | None:
    return None if span is None else int(span.total_seconds())
