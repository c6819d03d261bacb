"""Quarantine over HTTP: what waits, its history, how well it is mended, and trying it again."""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any, Literal, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg
import msgspec
from fastapi import APIRouter, Depends, Query, Request, Response

from services.intake.actions.replaying import replay
from services.intake.api import access
from services.intake.api import answers as told
from services.intake.storage import workplace
from services.intake.storage.workplace import SORTS, Order, State, Wanted
from shared.errors import Invalid, NotFound
from shared.http import Asker, IfMatch, Now, Page, Paged, Today, Transaction, answers, etag, next_link

STEWARDS = frozenset({"data_steward"})
PROCESS = STEWARDS | {"records_manager", "auditor", "data_protection_officer", "head_of_information_management"}
SEARCHERS = PROCESS | {"disclosure_officer"}  # A request searches what waits, too.
ROLES: Mapping[str, frozenset[str]] = {
    "GET /v1/quarantine": SEARCHERS,
    "GET /v1/quarantine/measures": PROCESS | {"compliance_dashboard"},
    "GET /v1/quarantine/{receipt_id}": SEARCHERS,
    "POST /v1/quarantine/{receipt_id}/replay": STEWARDS,
}
DAYS_MAX = 36_500
Sort = Literal[
    "first_seen",
    "-first_seen",
    "review_on",
    "-review_on",
    "attempts",
    "-attempts",
    "source",
    "-source",
    "unit",
    "-unit",
    "owner",
    "-owner",
]
_READ: Mapping[str, Callable[[str], Any]] = {
    "timestamptz": datetime.fromisoformat,
    "date": date.fromisoformat,
    "integer": int,
    "text": str,
}
_WITHOUT_NUL = r"^[^\x00]*$"
Source = Annotated[str | None, Query(max_length=256, pattern=_WITHOUT_NUL)]
Unit = Annotated[str | None, Query(max_length=200, pattern=_WITHOUT_NUL)]
Code = Annotated[str | None, Query(max_length=64, pattern=_WITHOUT_NUL)]

router = APIRouter(tags=["quarantine"])


def _moment(now: Now, today: Today) -> tuple[datetime, date]:
    return now, today


Moment = Annotated[tuple[datetime, date], Depends(_moment)]


class Seen(NamedTuple):
    """When an item was first seen, and whether anybody looks after it."""

    older_than_days: int | None = None
    seen_from: date | None = None
    seen_to: date | None = None
    overdue: bool = False
    unowned: bool = False


def _seen(
    older_than_days: Annotated[int | None, Query(ge=0, le=DAYS_MAX)] = None,
    seen_from: date | None = None,
    seen_to: date | None = None,
    overdue: bool = False,
    unowned: bool = False,
) -> Seen:
    return Seen(older_than_days, seen_from, seen_to, overdue, unowned)


def _named(
    state: State | Literal["any"] = "open",
    source: Source = None,
    code: Code = None,
    owner: Code = None,
    unit: Unit = None,
    subject: UUID | None = None,
) -> Wanted:
    return Wanted(state, source, code, owner, unit, subject)


def within(wanted: Wanted, seen: Seen, today: date, zone: ZoneInfo) -> Wanted:
    """Add to a filter when items were first seen, in the pack's civil days."""
    ends = [_start(seen.seen_to + timedelta(days=1), zone)] if seen.seen_to and seen.seen_to < date.max else []
    if seen.older_than_days is not None:
        ends.append(_start(today - timedelta(days=seen.older_than_days), zone))
    return wanted._replace(
        seen_from=_start(seen.seen_from, zone) if seen.seen_from else None,
        seen_before=min(ends, default=None),
        review_before=today if seen.overdue else None,
        unowned=seen.unowned,
    )


def _start(day: date, zone: ZoneInfo) -> datetime:
    """Give the instant at which a civil day begins; nothing can be said of a zone at the ends of the calendar."""
    extreme = day.year in (date.min.year, date.max.year)
    return datetime.combine(day, time.min, UTC if extreme else zone)


class Listing(NamedTuple):
    """Which part of which list is asked for."""

    wanted: Wanted
    order: Order
    limit: int
    sort: Sort
    today: date


def _listing(
    request: Request,
    page: Paged,
    today: Today,
    named: Annotated[Wanted, Depends(_named)],
    seen: Annotated[Seen, Depends(_seen)],
    sort: Sort = "first_seen",
) -> Listing:
    wanted = within(named, seen, today, request.app.state.edge.zone)
    order = Order(sort.removeprefix("-"), sort.startswith("-"), _after(page, sort))
    return Listing(wanted, order, page.limit, sort, today)


def _after(page: Page, sort: Sort) -> tuple[Any, int] | None:
    if page.after is None:
        return None
    try:
        said, value, arrival_key = page.after
        if said != sort or not 0 <= int(arrival_key) < 2**63:
            raise ValueError(said)
        after = _READ[SORTS[sort.removeprefix("-")][1]](str(value))
        if (isinstance(after, int) and abs(after) >= 2**31) or (isinstance(after, datetime) and after.tzinfo is None):
            raise ValueError(said)
    except ValueError:
        raise Invalid("The cursor is not one of this list. Start again without it.", "cursor_unreadable") from None
    return after, int(arrival_key)


@router.get("/v1/quarantine", responses=answers(list[told.Waiting]))
async def list_quarantine(
    request: Request, answer: Response, connection: Transaction, asked: Annotated[Listing, Depends(_listing)]
) -> list[dict[str, Any]]:
    """List what waits, the oldest first; `-` before a column turns its order round."""
    rows = await workplace.page(connection, asked.wanted, asked.order, asked.limit + 1)
    shown = rows[: asked.limit]
    after = None
    if len(rows) > asked.limit:
        value = shown[-1][asked.order.column]
        after = (asked.sort, "" if value is None else str(value), shown[-1]["arrival_key"])
    next_link(request, answer, after)
    told_of = await access.shown(request, connection, shown, "subject")
    return [_shown(row, asked.today) for row in told_of]


def _shown(row: asyncpg.Record, today: date) -> dict[str, Any]:
    waits = row["state"] in ("open", "discard_proposed")
    shown = {name: value for name, value in row.items() if name not in ("arrival_key", "type", "place", "first_on")}
    return {**shown, "age_days": (today - row["first_on"]).days, "overdue": waits and row["review_on"] < today}


@router.get("/v1/quarantine/measures", responses=answers(list[told.Mending]))
async def measure_quarantine(
    request: Request, connection: Transaction, today: Today, source: Source = None, unit: Unit = None
) -> list[dict[str, Any]]:
    """Count by source and unit: incomplete at arrival, waiting, overdue, mended, discarded; the oldest, the share."""
    rows = await workplace.measures(connection, today, source, unit)
    return [_measured(row, today) for row in rows]


def _measured(row: asyncpg.Record, today: date) -> dict[str, Any]:
    shown = {name: value for name, value in row.items() if name != "oldest_on"}
    days = (today - row["oldest_on"]).days if row["oldest_on"] else None
    return {**shown, "mended_share": round(row["mended"] / row["quarantined"], 4), "oldest_days": days}


@router.get("/v1/quarantine/{receipt_id}", responses=answers(told.Item, 404, versioned=True))
async def show_item(
    receipt_id: UUID, request: Request, answer: Response, connection: Transaction, today: Today
) -> dict[str, Any]:
    """Give one item with its history: every attempt, further receipt, and who did what."""
    row = await workplace.item(connection, receipt_id)
    if row is None or not await access.shown(request, connection, [row], "subject"):
        raise NotFound("No quarantined event has this receipt id; list them with GET /v1/quarantine.")
    etag(answer, row["version"])
    return {
        **_shown(row, today),
        "type": row["type"],
        "arrival": row["place"],
        "history": [dict(each) for each in await workplace.history(connection, row["arrival_key"])],
        "receipts": [dict(each) for each in await workplace.further(connection, receipt_id, row["event_uid"])],
    }


@router.post("/v1/quarantine/{receipt_id}/replay", responses=answers(told.Replayed, 404, 409))
async def replay_one(
    receipt_id: UUID, request: Request, connection: Transaction, asker: Asker, at: Moment, meant: IfMatch
) -> dict[str, Any]:
    """Try a quarantined event again as it was sent, after the pack or the data around it changed."""
    desk = await request.app.state.desks.current(connection)
    issued = await replay(connection, desk, receipt_id, meant, at, asker.decides_as())
    return {
        "outcome": issued.outcome,
        "receipt_id": issued.receipt_id,
        "reasons": [msgspec.to_builtins(r) for r in issued.reasons],
    }
