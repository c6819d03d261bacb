"""What stewards do over HTTP about what waits: owners, discards by two people, and the same for many at once."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Annotated, Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from services.intake.actions import discarding, stewarding
from services.intake.actions.cases import Desk
from services.intake.actions.discarding import Proposal
from services.intake.actions.replaying import replay
from services.intake.actions.stewarding import BULK_LISTED_MAX, Assignment, Result
from services.intake.api import answers as told
from services.intake.api.quarantine import DAYS_MAX, STEWARDS, Moment, Seen, within
from services.intake.storage import workplace
from services.intake.storage.workplace import Wanted
from shared.db import Connection, transaction
from shared.errors import Invalid, Overloaded
from shared.events import encode
from shared.http import ID_PATTERN, Asker, Idempotent, IfMatch, Now, Repeat, Transaction, answers, etag, once

SECOND = STEWARDS | {"records_manager", "head_of_information_management"}
ROLES: Mapping[str, frozenset[str]] = {
    "POST /v1/quarantine/assign": STEWARDS,
    "POST /v1/quarantine/replay": STEWARDS,
    "POST /v1/quarantine/{receipt_id}/assign": STEWARDS,
    "POST /v1/quarantine/{receipt_id}/discard": STEWARDS,
    "POST /v1/quarantine/{receipt_id}/discard/approve": SECOND,
    "POST /v1/quarantine/{receipt_id}/discard/withdraw": SECOND,
}
router = APIRouter(prefix="/v1/quarantine", tags=["quarantine"])

Name = Annotated[str, StringConstraints(pattern=ID_PATTERN)]
Text = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]{1,200}$")]
Reference = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9 ._:/-]{1,64}$")]
_busy = asyncio.Lock()  # One at a time: each holds a connection while its members take theirs.
_SECOND_PERSON = "a second person: data_steward, records_manager or head_of_information_management"


class Body(BaseModel):
    """A request's body: what the contract does not name is refused."""

    model_config = ConfigDict(extra="forbid")


class AssignAsked(Body):
    """Whose it shall be, null for nobody's, and by when it is looked at again."""

    owner: Name | None
    review_on: date | None = None


class DiscardAsked(Body):
    """Why, as a code of the policy pack, and where the decision is filed."""

    reason: Name
    reference: Reference | None = None


class Filter(Body):
    """Which of those that wait; each condition that is given must hold."""

    source: Annotated[str, StringConstraints(pattern=r"^[^\x00]{1,256}$")] | None = None
    code: Name | None = None
    owner: Name | None = None
    unit: Text | None = None
    subject: UUID | None = None
    older_than_days: Annotated[int, Field(ge=0, le=DAYS_MAX)] | None = None
    seen_from: date | None = None
    seen_to: date | None = None
    overdue: bool = False
    unowned: bool = False


class ManyAsked(Body):
    """Either these items, or those that wait and fit the filter; `{}` fits all."""

    receipt_ids: Annotated[list[UUID], Field(min_length=1, max_length=BULK_LISTED_MAX)] | None = None
    filter: Filter | None = None


class ManyAssigned(ManyAsked, AssignAsked):
    """The same owner and review date for many."""


class Meant(NamedTuple):
    """The item of the path, in the version that the asker has seen, and the desk it lies on."""

    desk: Desk
    item: tuple[UUID, int]


async def _meant(receipt_id: UUID, version: IfMatch, request: Request, connection: Transaction) -> Meant:
    return Meant(await request.app.state.desks.current(connection), (receipt_id, version))


This = Annotated[Meant, Depends(_meant)]


@router.post("/{receipt_id}/assign", responses=answers(told.Moved, 404, 409, versioned=True))
async def assign(
    body: AssignAsked, answer: Response, connection: Transaction, at: Moment, asker: Asker, this: This
) -> dict[str, Any]:
    """Give an item to somebody, or say by when it is looked at again."""
    to = Assignment(body.owner, body.review_on)
    await stewarding.assign(connection, this.desk.pack, this.item, to, asker.decides_as(), at)
    return await _stands(connection, answer, this.item[0])


@router.post(
    "/{receipt_id}/discard", status_code=202, responses=answers(told.Moved, 404, 409, status=202, versioned=True)
)
async def propose(
    body: DiscardAsked, answer: Response, connection: Transaction, asker: Asker, now: Now, this: This
) -> dict[str, Any]:
    """Propose to discard an item for a reason of the pack; it waits for a second person."""
    why = Proposal(body.reason, body.reference)
    await discarding.propose(connection, this.desk, this.item, why, asker.decides_as(), now)
    return {**await _stands(connection, answer, this.item[0]), "missing": _SECOND_PERSON}


@router.post("/{receipt_id}/discard/approve", responses=answers(told.Moved, 403, 404, 409, versioned=True))
async def approve(answer: Response, connection: Transaction, asker: Asker, now: Now, this: This) -> dict[str, Any]:
    """Agree to a discard as its second person; retention orders it, checks every hold, and carries it out."""
    disposal = await discarding.approve(connection, this.desk, this.item, asker.decides_as(), now)
    return {**await _stands(connection, answer, this.item[0]), "disposal_id": disposal}


@router.post("/{receipt_id}/discard/withdraw", responses=answers(told.Moved, 404, 409, versioned=True))
async def withdraw(answer: Response, connection: Transaction, asker: Asker, now: Now, this: This) -> dict[str, Any]:
    """Take a proposed discard back, or decline it; the item waits again."""
    await discarding.withdraw(connection, this.item, asker.decides_as(), now)
    return await _stands(connection, answer, this.item[0])


async def _stands(connection: Connection, answer: Response, receipt_id: UUID) -> dict[str, Any]:
    row = await workplace.item(connection, receipt_id)
    assert row is not None, "it was moved in this transaction"
    etag(answer, row["version"])
    return {"state": row["state"], "version": row["version"], "missing": None, "disposal_id": row["disposal_id"]}


@router.post("/replay", responses=answers(told.Bulk, 503))
async def replay_many(
    body: ManyAsked, request: Request, asker: Asker, repeat: Idempotent, at: Moment
) -> dict[str, Any]:
    """Try many again, one by one; each member is answered, and asking again goes on with those not reached."""
    engine, desks, by = request.app.state.engine, request.app.state.desks, asker.decides_as()

    async def work(receipt_id: UUID) -> str | None:
        async with transaction(engine) as connection:
            issued = await replay(connection, await desks.current(connection), receipt_id, None, at, by)
            return issued.reasons[0].code if issued.reasons else None

    return await _many(request, body, repeat, at, work)


@router.post("/assign", responses=answers(told.Bulk, 503))
async def assign_many(
    body: ManyAssigned, request: Request, asker: Asker, repeat: Idempotent, at: Moment
) -> dict[str, Any]:
    """Give many to somebody, one by one; each member is answered."""
    engine, desks, by = request.app.state.engine, request.app.state.desks, asker.decides_as()
    to = Assignment(body.owner, body.review_on)

    async def work(receipt_id: UUID) -> None:
        async with transaction(engine) as connection:
            pack = (await desks.current(connection)).pack
            await stewarding.assign(connection, pack, (receipt_id, None), to, by, at)

    return await _many(request, body, repeat, at, work)


async def _many(
    request: Request,
    body: ManyAsked,
    repeat: Repeat,
    at: tuple[datetime, date],
    work: Callable[[UUID], Awaitable[str | None]],
) -> dict[str, Any]:
    """Do the members one by one, each in a transaction of its own; the request's key is locked meanwhile."""
    if (body.receipt_ids is None) == (body.filter is None):
        raise Invalid("Give either `receipt_ids` or `filter`.", "one_of_two")
    if _busy.locked():
        raise Overloaded("Another such request is under way here; send this one again in a moment.", "busy")
    async with _busy, transaction(request.app.state.engine) as connection:

        async def all_of_them() -> str:
            found = list(dict.fromkeys(body.receipt_ids or ())), False
            if body.filter is not None:
                found = await stewarding.find(connection, _fits(body.filter, at[1], request.app.state.edge.zone))
            return _told(await stewarding.each(found[0], work), more=found[1])

        answer: dict[str, Any] = msgspec.json.decode(await once(connection, repeat, at[0], all_of_them))
    return answer


def _fits(asked: Filter, today: date, zone: ZoneInfo) -> Wanted:
    wanted = Wanted("open", asked.source, asked.code, asked.owner, asked.unit, asked.subject)
    seen = Seen(asked.older_than_days, asked.seen_from, asked.seen_to, asked.overdue, asked.unowned)
    return within(wanted, seen, today, zone)


def _told(results: Sequence[Result], *, more: bool) -> str:
    counted = Counter(each.result for each in results)
    sums = {name: counted[name] for name in ("done", "refused", "not_reached")}
    members = [each._asdict() for each in results]
    return encode({"asked": len(results), **sums, "more": more, "members": members}).decode()
