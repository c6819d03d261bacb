"""HTTP in: orders and disposals with their certificates, the undo of the cooling-off, and two people to go on."""

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response, status
from pydantic import BaseModel, ConfigDict, StringConstraints

from services.retention.actions import orders
from services.retention.api import answers as told
from services.retention.api.paging import after_id
from services.retention.storage.disposals import paused_by, read_certificate
from services.retention.storage.order_lists import WantedOrders, read_disposal, read_disposals
from shared.db import Connection
from shared.errors import NotFound, require_version
from shared.http import Asker, IfMatch, Now, Paged, Transaction, answers, etag, next_link

MANAGERS = frozenset({"records_manager"})
SECOND = frozenset({"head_of_information_management"})
READERS = MANAGERS | SECOND | {"auditor", "data_protection_officer", "disclosure_officer", "reviewing_officer"}
ROLES = {
    "GET /v1/disposals": READERS,
    "GET /v1/disposals/{disposal_id}": READERS,
    "POST /v1/disposals/{disposal_id}/abort": MANAGERS,
    "POST /v1/disposals/resume": MANAGERS,
    "POST /v1/disposals/resume/approve": SECOND,
}
router = APIRouter(prefix="/v1/disposals", tags=["disposals"])

Sentence = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x08\x0e-\x1f]{1,2000}$")]
States = Literal["cooling", "executed", "shredded", "disposed", "unlinked", "aborted", "dropped"]
Shown = dict[str, Any]


class AbortAsked(BaseModel):
    """Why an order must not be carried out."""

    model_config = ConfigDict(extra="forbid")

    reason: Sentence


def _wanted(
    record: Annotated[UUID | None, Query()] = None,
    state: Annotated[States | None, Query()] = None,
    links: Annotated[bool | None, Query(description="Only orders to unlink a person, or only all others.")] = None,
) -> WantedOrders:
    return WantedOrders(record, state, links)


@router.get("", responses=answers(told.Orders))
async def page(
    request: Request,
    response: Response,
    connection: Transaction,
    paged: Paged,
    wanted: Annotated[WantedOrders, Depends(_wanted)],
) -> Shown:
    """List orders and disposals, by record and state, with what all disposals wait for."""
    found = await read_disposals(connection, wanted, after_id(paged), paged.limit + 1)
    shown = found[: paged.limit]
    next_link(request, response, [str(shown[-1]["disposal_id"])] if len(found) > paged.limit else None)
    return {"disposals": shown, "paused": await paused_by(connection)}


@router.post("/resume", status_code=status.HTTP_202_ACCEPTED, responses=answers(told.Proposed, 409, status=202))
async def resume(connection: Transaction, asker: Asker) -> dict[str, str]:
    """Propose that disposals go on after a sleep of the schedule or a tripped switch."""
    await orders.propose_resume(connection, asker.decides_as())
    return {"state": "proposed", "missing": "head_of_information_management"}


@router.post("/resume/approve", responses=answers(told.Stands, 409))
async def approve_resume(connection: Transaction, asker: Asker, now: Now) -> dict[str, str]:
    """Agree, as the second person, that disposals go on."""
    await orders.approve_resume(connection, asker.decides_as(), now)
    return {"state": "over"}


@router.get("/{disposal_id}", responses=answers(told.Disposal, 404, versioned=True))
async def one(disposal_id: UUID, response: Response, connection: Transaction) -> Shown:
    """Show an order, how far it has come, who has confirmed, and its certificate."""
    shown = await _found(connection, disposal_id)
    certificate, confirmations = await read_certificate(connection, disposal_id)
    etag(response, shown["version"])
    return {**shown, "certificate": certificate, "confirmations": confirmations}


@router.post("/{disposal_id}/abort", responses=answers(told.Stands, 404, 409))
async def abort(
    disposal_id: UUID, asked: AbortAsked, connection: Transaction, asker: Asker, meant: IfMatch, now: Now
) -> dict[str, str]:
    """End an order in its cooling-off; a triggered review follows."""
    require_version(meant, (await _found(connection, disposal_id))["version"])
    await orders.abort(connection, disposal_id, asker.decides_as(), asked.reason, now)
    return {"state": "aborted"}


async def _found(connection: Connection, disposal_id: UUID) -> Shown:
    shown = await read_disposal(connection, disposal_id)
    if shown is None:
        raise NotFound("There is no order by this id.")
    return shown
