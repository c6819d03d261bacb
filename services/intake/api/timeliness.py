"""Timeliness over HTTP: how long from report to record and on to here, by source, type and unit; what was late."""

from datetime import date, timedelta
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, Field

from services.intake.api import access
from services.intake.storage import timeliness
from services.intake.storage.timeliness import Asked
from shared.errors import Invalid
from shared.http import KEY_MAX, Page, Paged, Today, Transaction, answers, next_link

SINCE_DAYS = 30
BY = {"source": 1, "record_type": 2, "unit": 3}

router = APIRouter(tags=["timeliness"])

Name = Annotated[str | None, Query(max_length=256, pattern=r"^[^\x00-\x1f]+$")]
Lag = Literal["reported_to_recorded", "recorded_to_received"]


class Lags(BaseModel):
    """One lag of one group of records; its lengths are rounded up by at most 3 %, `max_seconds` is exact."""

    source: str
    record_type: str | None
    unit: str | None
    lag: str
    records: int = Field(description="the records captured")
    p50_seconds: int | None
    p95_seconds: int | None
    max_seconds: int | None
    late: int = Field(description="over the limit of the pack that was in force when they came")
    untold: int = Field(description="an instant was not sent; of what came by back-load, that of its receipt")
    reversed: int = Field(description="the later instant lies before the earlier")


class Late(BaseModel):
    """A record that came late."""

    record_id: UUID
    source: str
    record_type: str | None
    unit: str | None
    lag: str
    seconds: int
    limit_seconds: int
    received_on: date


class Spread(BaseModel):
    """How many records took how long: at most so many seconds; -1: untold, -2: reversed."""

    lag: str
    upto_seconds: int
    records: int


def _asked(
    today: Today,
    since: date | None = None,
    until: date | None = None,
    source: Name = None,
    record_type: Name = None,
    unit: Name = None,
) -> Asked:
    return Asked(since or today - timedelta(days=SINCE_DAYS), until, source, record_type, unit)


Wanted = Annotated[Asked, Depends(_asked)]


@router.get("/v1/timeliness", responses=answers(list[Lags]))
async def summarise(
    request: Request,
    answer: Response,
    connection: Transaction,
    page: Paged,
    asked: Wanted,
    by: Literal["source", "record_type", "unit"] = "unit",
) -> list[dict[str, Any]]:
    """Give each lag by source, or by type and unit too, of records received in the last 30 days or since a day."""
    after = _after(page)
    rows = await timeliness.summary(connection, asked, BY[by], after, page.limit + 1)
    more, rows = len(rows) > page.limit, rows[: page.limit]
    key = ("source", "record_type", "unit", "lag")
    next_link(request, answer, tuple(rows[-1][name] for name in key) if more else None)
    return [
        {
            "source": row["source"],
            "record_type": row["record_type"] or None,
            "unit": row["unit"] or None,
            "lag": row["lag"],
            "records": row["records"],
            "p50_seconds": row["p50"],
            "p95_seconds": row["p95"],
            "max_seconds": row["longest"],
            "late": row["late"],
            "untold": row["untold"],
            "reversed": row["reversed"],
        }
        for row in rows
    ]


def _after(page: Page) -> tuple[str, ...]:
    if page.after is None:
        return "", "", "", ""
    if len(page.after) != len(BY) + 1 or not all(isinstance(part, str) for part in page.after):
        raise Invalid("The cursor is not one of this list. Start again without it.", "cursor_unreadable")
    return tuple(map(str, page.after))


@router.get("/v1/timeliness/spread", responses=answers(list[Spread]))
async def spread(connection: Transaction, asked: Wanted) -> list[dict[str, Any]]:
    """Give how many records took how long, the shortest first: what a plot is drawn from."""
    rows = await timeliness.spread(connection, asked)
    return [{"lag": row["lag"], "upto_seconds": row["upto"], "records": row["n"]} for row in rows]


@router.get("/v1/timeliness/late", responses=answers(list[Late]))
async def list_late(
    request: Request,
    answer: Response,
    connection: Transaction,
    page: Paged,
    asked: Wanted,
    lag: Lag | None = None,
) -> list[dict[str, Any]]:
    """List the records that came late and are still held, the newest first."""
    rows = await timeliness.late(connection, asked, lag, page.key(KEY_MAX), page.limit + 1)
    more, rows = len(rows) > page.limit, rows[: page.limit]
    next_link(request, answer, (rows[-1]["late_id"],) if more else None)
    rows = await access.shown(request, connection, rows, "record_id")
    shown = [{name: value for name, value in row.items() if name != "late_id"} for row in rows]
    return [{**row, "record_type": row["record_type"] or None, "unit": row["unit"] or None} for row in shown]
