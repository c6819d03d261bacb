"""The back-load's switch over HTTP."""

from datetime import datetime

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from services.intake.actions.backload import turn
from services.intake.storage import backload
from services.intake.storage.backload import Switch
from shared.http import Asker, Now, Transaction

router = APIRouter(tags=["back-load"])


class BackloadTarget(BaseModel):
    """How the switch shall stand."""

    model_config = ConfigDict(extra="forbid")

    paused: bool


class BackloadFace(BaseModel):
    """How the switch stands, and who last turned it."""

    paused: bool
    changed_by: str | None
    changed_at: datetime | None


@router.get("/v1/backload")
async def show_backload(connection: Transaction) -> BackloadFace:
    """Say whether the back-load is paused."""
    return _face(await backload.read(connection))


@router.put("/v1/backload")
async def turn_backload(target: BackloadTarget, connection: Transaction, asker: Asker, now: Now) -> BackloadFace:
    """Pause the back-load or let it go on. Safe to repeat; it outlives restarts."""
    return _face(await turn(connection, target.paused, asker.staff_id or asker.subject, now))


def _face(switch: Switch) -> BackloadFace:
    return BackloadFace(paused=switch.paused, changed_by=switch.changed_by, changed_at=switch.changed_at)
