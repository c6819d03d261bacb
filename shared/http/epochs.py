"""The key epochs of a service over HTTP: shown, asked for, and ended by two people."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Annotated, Literal, NamedTuple

from fastapi import APIRouter, Depends, Path, Request, Response, status
from pydantic import BaseModel

from shared import epochs
from shared.calendar_rules import civil_day
from shared.epochs import Epoch
from shared.errors import require_version
from shared.http.contract import answers
from shared.http.edge import Edge
from shared.http.inputs import Asker, IfMatch, Now, Transaction, etag
from shared.http.repeats import Idempotent, once

HEADS = frozenset({"head_of_information_management"})
READERS = HEADS | {"records_manager", "auditor", "data_protection_officer"}
EPOCH_ROLES: Mapping[str, frozenset[str]] = {
    "GET /v1/epochs": READERS,
    "GET /v1/epochs/{epoch}": READERS,
    "POST /v1/epochs": HEADS,
    "POST /v1/epochs/{epoch}/end": HEADS,
    "POST /v1/epochs/{epoch}/end/approve": HEADS,
}
EPOCH_MAX = 2**31 - 1

router = APIRouter(prefix="/v1/epochs", tags=["epochs"])
Number = Annotated[int, Path(ge=1, le=EPOCH_MAX)]


class Step(NamedTuple):
    """A step towards an epoch's end: of which, as it was seen, by whom, when."""

    epoch: int
    meant: int
    by: str
    now: datetime


def _step(epoch: Number, meant: IfMatch, asker: Asker, now: Now) -> Step:
    return Step(epoch, meant, asker.decides_as(), now)


Stepping = Annotated[Step, Depends(_step)]


class EpochShown(BaseModel):
    """One epoch: how far it has come, by whom, and until when it is planned to last."""

    epoch: int
    state: Literal["asked", "open", "ended", "destroyed"]
    asked_by: str
    asked_at: datetime
    began_at: datetime | None
    planned_end_on: date | None
    end_proposed_by: str | None
    ended_by: str | None
    ended_at: datetime | None
    destroyed_at: datetime | None
    version: int


class EpochsShown(BaseModel):
    """Every epoch there ever was, the oldest first: they are few."""

    epochs: list[EpochShown]


def _shown(epoch: Epoch, edge: Edge) -> EpochShown:
    planned = None
    if epoch.began_at is not None:
        planned = civil_day(epoch.began_at + timedelta(days=edge.pack.vault.epoch_days), edge.zone)
    return EpochShown(state=epoch.state, planned_end_on=planned, **epoch._asdict())


async def _answer(request: Request, response: Response, connection: Transaction, number: int) -> EpochShown:
    epoch = await epochs.found(connection, number)
    etag(response, epoch.version)
    return _shown(epoch, request.app.state.edge)


@router.get("", responses=answers(EpochsShown))
async def page(request: Request, connection: Transaction) -> EpochsShown:
    """List the epochs of this service's keys."""
    edge: Edge = request.app.state.edge
    return EpochsShown(epochs=[_shown(each, edge) for each in await epochs.listed(connection)])


@router.get("/{epoch}", responses=answers(EpochShown, 404, versioned=True))
async def one(epoch: Number, request: Request, response: Response, connection: Transaction) -> EpochShown:
    """Show one epoch."""
    return await _answer(request, response, connection, epoch)


@router.post("", status_code=status.HTTP_202_ACCEPTED, responses=answers(EpochShown, 409, status=202, versioned=True))
async def ask(
    request: Request, response: Response, connection: Transaction, asker: Asker, repeat: Idempotent, now: Now
) -> EpochShown:
    """Ask for the next epoch; a worker makes its key, and from then on new content is sealed under it."""
    service, by = request.app.state.edge.service, asker.decides_as()

    async def asking() -> str:
        return str(await epochs.ask(connection, service, by, now))

    return await _answer(request, response, connection, int(await once(connection, repeat, now, asking)))


@router.post("/{epoch}/end", responses=answers(EpochShown, 404, 409, versioned=True))
async def propose_end(request: Request, response: Response, connection: Transaction, step: Stepping) -> EpochShown:
    """Propose that an epoch ends; another person approves."""
    known = await epochs.found(connection, step.epoch)
    require_version(step.meant, known.version)
    await epochs.propose_end(connection, request.app.state.edge.service, known, step.by, step.now)
    return await _answer(request, response, connection, step.epoch)


@router.post("/{epoch}/end/approve", responses=answers(EpochShown, 404, 409, versioned=True))
async def approve_end(request: Request, response: Response, connection: Transaction, step: Stepping) -> EpochShown:
    """Agree, as another person, that an epoch ends; refused with both counts while one live key is left under it."""
    known = await epochs.found(connection, step.epoch)
    require_version(step.meant, known.version)
    await epochs.end(connection, request.app.state.edge.service, known, step.by, step.now)
    return await _answer(request, response, connection, step.epoch)
