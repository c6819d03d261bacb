"""Records over HTTP: metadata freely, content only with a purpose, logged before it is shown."""

from datetime import date
from typing import Annotated, Any
from uuid import UUID

import msgspec
from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field

from services.intake.actions import viewing
from services.intake.storage import records
from shared.errors import NotFound
from shared.http import Asker, Now, Transaction, etag

router = APIRouter(tags=["records"])


@router.get("/v1/records/{record_id}")
async def show_record(record_id: UUID, connection: Transaction, answer: Response) -> dict[str, Any]:
    """Give a record's metadata and how it stands; never its content."""
    row = await records.one(connection, record_id)
    if row is None:
        raise NotFound("No record with this id came in; compute it as docs/ids.md says.")
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
    }


class View(BaseModel):
    """Why content is asked for."""

    purpose: str = Field(min_length=1, max_length=64, pattern=r"^[a-z_]+$")
    reference: str = Field(min_length=1, max_length=128)
    task_id: UUID | None = None
    parts: list[str] = Field(default_factory=list, max_length=50)


@router.post("/v1/records/{record_id}/views")
async def view_record(record_id: UUID, body: View, request: Request, asker: Asker, now: Now) -> dict[str, Any]:
    """Show content for a purpose that the pack's table allows; the view is logged first, a refusal too."""
    wanted = viewing.Wanted(
        record_id, asker.decides_as(), asker.roles, body.purpose, body.reference, body.task_id, body.parts
    )
    return await viewing.view(request.app.state.engine, request.app.state.desk, wanted, now)


@router.get("/v1/reconciliation")
async def reconcile(connection: Transaction, since: Annotated[date | None, Query()] = None) -> dict[str, Any]:
    """Give both accounts per source and day received: events by outcome, records by how they stand."""
    events: dict[tuple[str, date], dict[str, Any]] = {}
    for row in await records.events_account(connection, since):
        account = events.setdefault((row["source"], row["received_on"]), {"received": 0})
        account[row["outcome"]] = row["n"]
        account["received"] += row["n"]
    return {
        "events": [{"source": source, "received_on": day, **account} for (source, day), account in events.items()],
        "records": [dict(row) for row in await records.records_account(connection, since)],
    }
