"""HTTP in: the rule of one record changed by two people: an override of its date, a move to another class."""

from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request, status
from pydantic import BaseModel, ConfigDict, StringConstraints

from services.retention.actions import rule_changes
from services.retention.actions.rule_changes import Step
from services.retention.api import answers as told
from services.retention.api.records import Code, Name
from services.retention.domain.overrides import MOVED, OVERRIDE, Move, Override
from shared.clock import policy_day
from shared.errors import require_version
from shared.http import Asker, IfMatch, Now, Transaction, answers
from shared.ids import random_id

MANAGERS = frozenset({"records_manager"})
SECOND = frozenset({"head_of_information_management"})
ROLES = {
    "POST /v1/records/{record_id}/override": MANAGERS,
    "POST /v1/records/{record_id}/override/approve": SECOND,
    "POST /v1/records/{record_id}/move": MANAGERS,
    "POST /v1/records/{record_id}/move/approve": SECOND,
}
router = APIRouter(prefix="/v1/records/{record_id}", tags=["schedules"])

Length = Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]{0,4}[ymd]$")]
_MISSING = {"state": "proposed", "missing": "head_of_information_management"}


class OverrideAsked(BaseModel):
    """A rule of this record's own: a row, or a period from a day, or a last day; and by whose authority."""

    model_config = ConfigDict(extra="forbid")

    authority: Name
    row: Code | None = None
    period: Length | None = None
    from_on: date | None = None
    until: date | None = None
    legal_authority: Name | None = None


class MoveAsked(BaseModel):
    """The class that the record should be in, and by whose authority."""

    model_config = ConfigDict(extra="forbid")

    authority: Name
    to: Code


async def _step(
    record_id: UUID, request: Request, connection: Transaction, asker: Asker, meant: IfMatch, now: Now
) -> Step:
    pack = request.app.state.edge.pack
    row = await rule_changes.found(connection, record_id)
    require_version(meant, row["version"])
    return Step(row, asker.decides_as(), await policy_day(connection, now, pack.zone), now, pack)


Stepping = Annotated[Step, Depends(_step)]


@router.post(
    "/override", status_code=status.HTTP_202_ACCEPTED, responses=answers(told.Proposed, 400, 404, 409, status=202)
)
async def propose_override(asked: OverrideAsked, connection: Transaction, step: Stepping) -> dict[str, str]:
    """Propose a rule of one record's own, which later changes of its class do not touch."""
    change = Override(step.today, **asked.model_dump())
    rule_changes.check_override(step, change)
    await rule_changes.propose(connection, step, change, random_id())
    return _MISSING


@router.post("/override/approve", responses=answers(told.Stands, 404, 409))
async def approve_override(connection: Transaction, step: Stepping) -> dict[str, str]:
    """Agree to an override as its second person; the record is dated anew at once."""
    await rule_changes.approve(connection, step, OVERRIDE)
    return {"state": "approved"}


@router.post("/move", status_code=status.HTTP_202_ACCEPTED, responses=answers(told.Proposed, 400, 404, 409, status=202))
async def propose_move(asked: MoveAsked, connection: Transaction, step: Stepping) -> dict[str, str]:
    """Propose that a record moves to another class; a clock that has started keeps its date."""
    change = Move(step.today, asked.authority, asked.to)
    await rule_changes.check_move(connection, step, change)
    await rule_changes.propose(connection, step, change, random_id())
    return _MISSING


@router.post("/move/approve", responses=answers(told.Stands, 404, 409))
async def approve_move(connection: Transaction, step: Stepping) -> dict[str, str]:
    """Agree to a move as its second person; the record, and whoever offends on it, are dated anew at once."""
    await rule_changes.approve(connection, step, MOVED)
    return {"state": "approved"}
