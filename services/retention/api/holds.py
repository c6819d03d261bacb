"""HTTP in: holds placed, looked at, and released by two people."""

from datetime import date
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from fastapi import APIRouter, Query, Request, Response, status
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from services.retention.actions import holds
from services.retention.api import answers as told
from services.retention.api.paging import after_id
from services.retention.domain import Scope
from services.retention.storage import parked
from services.retention.storage.holds import NewHold, preview, read_holds
from shared.clock import policy_day
from shared.db import transaction
from shared.errors import require_version
from shared.http import (
    Asker,
    Idempotent,
    IfMatch,
    Now,
    Paged,
    Transaction,
    answers,
    etag,
    next_link,
    once,
)
from shared.ids import random_id

LISTED_MAX = 10_000

MANAGERS = frozenset({"records_manager"})
SECOND = frozenset({"head_of_information_management"})
READERS = (
    MANAGERS
    | SECOND
    | {"auditor", "data_protection_officer", "disclosure_officer", "legal_services", "reviewing_officer"}
)
ROLES = {
    "POST /v1/holds": MANAGERS,
    "GET /v1/holds": READERS,
    "GET /v1/holds/{hold_id}": READERS,
    "POST /v1/holds/preview": MANAGERS,
    "POST /v1/holds/{hold_id}/release": MANAGERS,
    "POST /v1/holds/{hold_id}/approve": SECOND,
}
router = APIRouter(prefix="/v1/holds", tags=["holds"])

Code = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f]{1,200}$")]
Sentence = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x08\x0e-\x1f]{1,2000}$")]
Codes = Annotated[list[Code], Field(max_length=LISTED_MAX)]
Ids = Annotated[list[UUID], Field(max_length=LISTED_MAX)]
Shown = dict[str, Any]


class ScopeOf(BaseModel):
    """What is held: values in one field are alternatives, different fields must all match."""

    model_config = ConfigDict(extra="forbid")

    records: Ids = []
    nominals: Ids = []
    record_types: Codes = []
    offences: Codes = []
    units: Codes = []
    sources: Codes = []
    from_on: date | None = None
    to_on: date | None = None

    def scope(self) -> Scope:
        """Give the scope as the rules know it."""
        return msgspec.convert(self.model_dump(), Scope)


class HoldAsked(BaseModel):
    """A hold: who has authority for it, why, over what, and when it is looked at again."""

    model_config = ConfigDict(extra="forbid")

    authority: Code
    reason: Sentence
    owner: Code
    review_on: date
    scope: ScopeOf


class ReleaseAsked(BaseModel):
    """Why a hold should end."""

    model_config = ConfigDict(extra="forbid")

    reason: Sentence


@router.post("", status_code=status.HTTP_201_CREATED, responses=answers(told.HoldPlaced, status=201, versioned=True))
async def place(
    asked: HoldAsked, request: Request, response: Response, asker: Asker, repeat: Idempotent, now: Now
) -> Shown:
    """Hold what the scope names, now and later. In force before the answer; says what it came too late for."""
    engine, edge = request.app.state.engine, request.app.state.edge
    hold = NewHold(
        random_id(),
        asked.scope.scope(),
        asked.authority,
        asked.reason,
        asked.owner,
        asked.review_on,
        asker.decides_as(),
    )
    async with transaction(engine) as connection:
        today = await policy_day(connection, now, (await edge.packs.current(connection)).zone)

        async def work() -> str:
            await holds.place(connection, hold, today, now)
            return str(hold.hold_id)

        placed = UUID(await once(connection, repeat, now, work))
    # Committed: it holds. Only now is it asked, without the gate, what went before it.
    async with transaction(engine) as connection:
        shown = await holds.found(connection, placed)
        gone = await holds.executed_before(connection, placed)
    etag(response, shown["version"])
    response.headers["Location"] = f"/v1/holds/{placed}"
    return {**_shown(shown), "executed_unconfirmed": gone}


@router.post("/preview", responses=answers(told.Preview))
async def count(scope: ScopeOf, connection: Transaction) -> dict[str, int]:
    """Count what a scope would hold; places nothing."""
    wanted = scope.scope()
    wanted.check()
    return await preview(connection, wanted)


@router.get("", responses=answers(told.Holds))
async def page(
    request: Request,
    response: Response,
    connection: Transaction,
    paged: Paged,
    state: Annotated[Literal["in_force", "release_proposed", "released"] | None, Query()] = None,
) -> dict[str, list[Shown]]:
    """List holds; `?state=release_proposed` waits for a second person."""
    after = after_id(paged)
    found = await read_holds(connection, state, after, paged.limit + 1)
    more = found[: paged.limit]
    next_link(request, response, [str(more[-1]["hold_id"])] if len(found) > paged.limit else None)
    return {"holds": [_shown(each) for each in more]}


@router.get("/{hold_id}", responses=answers(told.HoldShown, 404, versioned=True))
async def one(hold_id: UUID, response: Response, connection: Transaction) -> Shown:
    """Show one hold, and how much in quarantine is about what it holds."""
    shown = await holds.found(connection, hold_id)
    etag(response, shown["version"])
    return {**_shown(shown), "parked": await parked.about(connection, hold_id)}


@router.post(
    "/{hold_id}/release",
    status_code=status.HTTP_202_ACCEPTED,
    responses=answers(told.Proposed, 404, 409, status=202),
)
async def propose(
    hold_id: UUID, asked: ReleaseAsked, connection: Transaction, asker: Asker, meant: IfMatch, now: Now
) -> dict[str, str]:
    """Propose that a hold ends; it holds on until the head of information management approves."""
    hold = await holds.found(connection, hold_id, lock=True)
    require_version(meant, hold["version"])
    await holds.propose_release(connection, hold, asker.decides_as(), asked.reason, now)
    return {"state": "release_proposed", "missing": "head_of_information_management"}


@router.post("/{hold_id}/approve", responses=answers(told.Stands, 404, 409))
async def approve(hold_id: UUID, connection: Transaction, asker: Asker, meant: IfMatch, now: Now) -> dict[str, str]:
    """End a hold as its second person; what it held is dated anew and reviewed, never deleted by this."""
    hold = await holds.found(connection, hold_id, lock=True)
    require_version(meant, hold["version"])
    await holds.approve_release(connection, hold, asker.decides_as(), now)
    return {"state": "released"}


def _shown(hold: Shown) -> Shown:
    kept = {name: value for name, value in hold.items() if name not in ("by_record", "by_nominal")}
    return {**kept, "scope": msgspec.json.decode(hold["scope"])}
