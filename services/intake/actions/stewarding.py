"""What stewards do about what waits: give it to somebody, and do the same to many at once."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import date, datetime
from typing import Literal, NamedTuple
from uuid import UUID

from services.intake.actions import steps
from services.intake.storage import quarantine, workplace
from services.intake.storage.quarantine import Step
from services.intake.storage.workplace import Order, Wanted
from shared.calendar_rules import add
from shared.clock import monotonic
from shared.db import Connection
from shared.errors import Conflict, Invalid, LifecycleError, NotFound, Raced, require_version
from shared.policy import Pack

BULK_ITEMS_MAX = 200
BULK_LISTED_MAX = 1_000  # Of what a filter fits; those beyond the items done are listed as not reached.
BULK_SECONDS_MAX = 3.0  # Well under what a transaction may idle: the key of the request is locked meanwhile.
WAITS = ("open", "discard_proposed")


class Assignment(NamedTuple):
    """Whose an item is, and by when it is looked at; a day of None leaves the day as it is."""

    owner: str | None
    review_on: date | None


class Result(NamedTuple):
    """What became of one of many; a refusal with its code and its sentence."""

    receipt_id: UUID
    result: Literal["done", "refused", "not_reached"]
    code: str | None = None
    detail: str | None = None


async def assign(
    connection: Connection,
    pack: Pack,
    item: tuple[UUID, int | None],
    to: Assignment,
    by: str,
    at: tuple[datetime, date],
) -> None:
    """Give an item to somebody, or set the day by which it is looked at again; never beyond the pack's period."""
    row = await quarantine.one(connection, item[0])
    if row is None:
        raise NotFound("No quarantined event has this receipt id; list them with GET /v1/quarantine.")
    if item[1] is not None:
        require_version(item[1], row["version"])
    if row["state"] not in WAITS:
        raise Conflict(f"This event waits no more: it is {row['state']}.", "not_open")
    now, today = at
    last = add(today, pack.quarantine.review, pack.leap)
    if to.review_on is not None and not today <= to.review_on <= last:
        raise Invalid(f"The review date must lie from today to {last}, as the policy pack has it.", "review_on_out")
    await quarantine.assign(connection, row["arrival_key"], to.owner, to.review_on or row["review_on"])
    told = " ".join(str(each) for each in to if each is not None) or None
    step = Step(row["arrival_key"], "assigned" if to.owner else "unassigned", by, told)
    await steps.keep(connection, row, step, now)


async def find(connection: Connection, wanted: Wanted) -> tuple[list[UUID], bool]:
    """Give the items that a filter fits, the oldest first, and whether there are more than may be listed."""
    rows = await workplace.page(connection, wanted, Order(), BULK_LISTED_MAX + 1)
    return [row["receipt_id"] for row in rows[:BULK_LISTED_MAX]], len(rows) > BULK_LISTED_MAX


async def each(items: Sequence[UUID], work: Callable[[UUID], Awaitable[str | None]]) -> list[Result]:
    """Do the same to many, one by one; `work` gives the code of a refusal, or None. Asking again goes on."""
    until, results = monotonic() + BULK_SECONDS_MAX, []
    for number, receipt_id in enumerate(items):
        if number >= BULK_ITEMS_MAX or monotonic() > until:
            results.append(Result(receipt_id, "not_reached"))
            continue
        results.append(await _one(receipt_id, work))
    return results


async def _one(receipt_id: UUID, work: Callable[[UUID], Awaitable[str | None]]) -> Result:
    try:
        code = await work(receipt_id)
    except LifecycleError as error:
        return Result(receipt_id, "refused", error.reason, error.message)
    except Raced:
        return Result(receipt_id, "refused", "raced", "The same event came at this moment; ask again.")
    return Result(receipt_id, "refused", code, "It is quarantined again.") if code else Result(receipt_id, "done")
