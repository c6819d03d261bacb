"""Alerts about views, over HTTP: what stood out, and what professional standards made of it."""

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, Field

from services.intake.actions import alerts, screening
from services.intake.api import looking as told
from services.intake.api.access import Acting, order
from services.intake.domain.alerts import Outcome
from services.intake.storage.alerts import Wanted
from shared.http import Asker, Paged, Transaction, answers, etag, next_link

router = APIRouter(prefix="/v1/access-alerts", tags=["access"])


class Asked(BaseModel):
    """Which alerts are asked for."""

    state: Literal["open", "closed"] | None = None
    kind: alerts.Kind | None = None
    actor: told.Word | None = None
    record: UUID | None = None
    sort: Literal["at", "-at"] = "at"


@router.get("", responses=answers(list[told.Alert], 400))
async def list_alerts(
    request: Request,
    answer: Response,
    connection: Transaction,
    asker: Asker,
    page: Paged,
    asked: Annotated[Asked, Depends()],
) -> list[dict[str, Any]]:
    """List what stood out about views, the oldest first."""
    pack, looker = request.app.state.edge.pack, screening.looker_of(asker)
    after, latest_first = order(page, asked.sort)
    wanted = Wanted(asked.state, asked.kind, asked.actor, asked.record)
    rows, more = await alerts.find(connection, pack, looker, wanted, (after, page.limit, latest_first))
    next_link(request, answer, (rows[-1]["alert_key"],) if more else None)
    return [_shown(row) for row in rows]


def _shown(row: Any) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "alert_key"}


@router.get("/{alert_id}", responses=answers(told.Alert, 404, versioned=True))
async def show_alert(
    alert_id: UUID, request: Request, answer: Response, connection: Transaction, asker: Asker
) -> dict[str, Any]:
    """Give one alert."""
    row = await alerts.one(connection, request.app.state.edge.pack, screening.looker_of(asker), alert_id)
    etag(answer, row["version"])
    return _shown(row)


class Closing(BaseModel):
    """What came of an alert, and why."""

    outcome: Outcome
    reason: told.Reason = Field(description="Say why; name nobody.")


@router.post("/{alert_id}/close", responses=answers(told.Alert, 404, 409, versioned=True))
async def close_alert(
    alert_id: UUID,
    body: Closing,
    request: Request,
    answer: Response,
    connection: Transaction,
    acting: Annotated[Acting, Depends()],
) -> dict[str, Any]:
    """Close an alert with an outcome and a reason; nobody closes one about themselves."""
    pack, looker = request.app.state.edge.pack, screening.looker_of(acting.asker)
    said = (body.outcome, body.reason, acting.now)
    row = await alerts.close(connection, pack, looker, (alert_id, acting.meant), said)
    etag(answer, row["version"])
    return _shown(row)
