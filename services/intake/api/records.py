"""Records over HTTP: metadata freely, content only with a purpose, logged before it is shown."""

from typing import Any
from uuid import UUID

import msgspec
from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from services.intake.actions import screening, viewing
from services.intake.api import answers as told
from services.intake.api.looking import Code, Word
from services.intake.domain.access import Asked
from services.intake.storage import records
from shared.http import Asker, Now, Transaction, answers, etag
from shared.metrics import VIEWS

router = APIRouter(tags=["records"])


@router.get("/v1/records/{record_id}", responses=answers(told.Shown, 404, versioned=True))
async def show_record(
    record_id: UUID, request: Request, connection: Transaction, answer: Response, asker: Asker
) -> dict[str, Any]:
    """Give a record's metadata and how it stands, to whom the pack shows it; never its content."""
    looker = screening.looker_of(asker)
    seen = await screening.shown(connection, request.app.state.edge.pack, looker, record_id)
    row = await records.one(connection, record_id)
    assert row is not None, "it was shown, and no record is ever taken away"
    etag(answer, row["version"])
    return {
        "record_id": row["record_uid"],
        "source": row["source"],
        "sequence": row["sequence"],
        "version": row["version"],
        "accepted_on": row["accepted_on"],
        "state": "executed" if row["executed_by"] else row["state"] or "active",
        "held": bool(row["held"]),
        "restricted": bool(row["restricted"]),
        "disposal_id": row["executed_by"],
        "metadata": msgspec.json.decode(row["metadata"]) if row["metadata"] else None,
        "your_task": seen.tasks[0] if seen.tasks else None,
    }


class View(BaseModel):
    """Why content is asked for."""

    purpose: Code
    reference: Word | None = Field(default=None, description="Needed, but of whoever holds a task on the record.")
    task_id: UUID | None = None
    parts: list[Word] = Field(default_factory=list, max_length=50)


@router.post("/v1/records/{record_id}/views", responses=answers(told.Viewed, 400, 404))
async def view_record(record_id: UUID, body: View, request: Request, asker: Asker, now: Now) -> dict[str, Any]:
    """Show content for a purpose that the pack's table allows; the view is logged first, a refusal too."""
    asked = Asked(body.purpose, body.reference, body.task_id)
    wanted = viewing.Wanted(record_id, screening.looker_of(asker), asked, body.parts)
    state = request.app.state

    def count(outcome: str) -> None:
        state.meter.count(VIEWS, outcome)

    return await viewing.view(state.engine, state.desks, wanted, now, count)
