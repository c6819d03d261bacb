"""Holds: placed at once and for later arrivals, released by two people, shown on records in the background."""

from collections.abc import Sequence
from datetime import date, datetime
from hashlib import sha256
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from asyncpg.exceptions import LockNotAvailableError

from services.retention.actions import discards
from services.retention.actions.ledger import moved
from services.retention.domain import Scope
from services.retention.domain.lifecycle import IN_HAND
from services.retention.storage import decisions, holds, orders, sweeping, wanted
from services.retention.storage import discards as stored_discards
from services.retention.storage.holds import NewHold
from services.retention.storage.marks import mark_with_persons
from services.retention.storage.sweeping import Unswept
from shared.db import Connection
from shared.errors import Conflict, Forbidden, Invalid, NotFound, Overloaded
from shared.events import HOLDS, HoldChanged, encode
from shared.log import Entry, put

RELEASED = "tenure.hold.released.v1"
STEP = "tenure.hold.step.v1"
HOLDABLE = ("current", *IN_HAND)
_CODES = ("records", "nominals", "record_types", "offences", "units", "sources", "from_on", "to_on")


class Step(msgspec.Struct, frozen=True):
    """Who took a hold one step on, and the SHA-256 of the reason given; the reason itself stays in the hold's row."""

    state: str
    by: str
    reason_sha256: str | None


class Swept(NamedTuple):
    """What one step of the sweep did, and the record after which it goes on (None: all were reached)."""

    held: int
    freed: int
    after: int | None


async def place(connection: Connection, hold: NewHold, today: date, now: datetime) -> None:
    """Hold what the scope names, now and later: true once the caller's transaction has committed, not before.

    Waits for executions in flight; refused after two seconds, and then nothing is held.
    """
    hold.scope.check()
    if hold.review_on <= today:
        raise Invalid("The review date must lie ahead: a hold without review is a debt.", "review_on_past")
    try:
        await holds.close_gate(connection)
    except LockNotAvailableError:
        message = (
            "Disposals in flight did not finish in two seconds, so nothing is held yet. Send the same request again."
        )
        raise Overloaded(message, "gate_busy") from None
    await holds.insert_hold(connection, hold, today, now)
    shown = {"hold_id": hold.hold_id, "state": "in_force", "version": 1, "matches": None, "scope": hold.scope}
    await _tell(connection, shown, now)
    await _keep(connection, shown, hold.placed_by, hold.reason, now)


async def executed_before(connection: Connection, hold_id: UUID) -> list[UUID]:
    """List what a hold came too late for and intake has not confirmed; ask in a transaction after the placing one."""
    return [
        *await holds.executed_unconfirmed(connection, hold_id),
        *await stored_discards.executed_unconfirmed(connection, hold_id),
    ]


async def found(connection: Connection, hold_id: UUID, *, lock: bool = False) -> dict[str, Any]:
    """Read one hold; refused where there is none."""
    hold = await holds.read_hold(connection, hold_id, lock=lock)
    if hold is None:
        raise NotFound("There is no hold by this id.")
    return hold


async def propose_release(connection: Connection, hold: dict[str, Any], by: str, reason: str, now: datetime) -> None:
    """Propose that a hold ends, and why; it holds on until a second person agrees."""
    if hold["state"] != "in_force":
        raise Conflict("The hold is not in force, so its release cannot be proposed.", "not_in_force")
    await holds.propose_release(connection, hold["hold_id"], by, reason, now)
    shown = {**hold, "state": "release_proposed", "version": hold["version"] + 1}
    await _tell(connection, shown, now)
    await _keep(connection, shown, by, reason, now)


async def approve_release(connection: Connection, hold: dict[str, Any], by: str, now: datetime) -> None:
    """End a hold, as another person than the one who proposed it; leads to re-dating and a review, not to a delete."""
    if hold["state"] != "release_proposed":
        raise Conflict("Nobody has proposed to release this hold.", "not_proposed")
    if hold["proposed_by"] == by:
        raise Forbidden("You proposed the release; another person must agree.", "same_person")
    await holds.release(connection, hold["hold_id"], by, now)
    shown = {**hold, "state": "released", "version": hold["version"] + 1}
    await _tell(connection, shown, now)
    await _keep(connection, shown, by, None, now)


async def _tell(connection: Connection, hold: dict[str, Any], now: datetime) -> None:
    scope = hold["scope"]
    if isinstance(scope, str):
        scope = msgspec.json.decode(scope, type=Scope)
    codes = tuple(name for name in _CODES if getattr(scope, name))
    event = HoldChanged(hold["hold_id"], hold["state"], codes, hold["matches"], hold["version"])
    kind = RELEASED if hold["state"] == "released" else event.type
    entry = Entry(HOLDS, str(event.hold_id), kind, event.hold_id, event.version, encode(event))
    await put(connection, [entry], now)


async def _keep(connection: Connection, hold: dict[str, Any], by: str, reason: str | None, now: datetime) -> None:
    """Write who and why to the ledger alone: the topic is public, and a reason is free text."""
    digest = sha256(reason.encode()).hexdigest() if reason else None
    payload = msgspec.json.encode(Step(hold["state"], by, digest))
    hold_id, version = hold["hold_id"], hold["version"]
    await put(connection, [Entry(None, str(hold_id), STEP, hold_id, version, payload)], now)


async def show(connection: Connection, record_keys: Sequence[int], now: datetime) -> tuple[list[int], list[int]]:
    """Show on these records whether they are held, drop the orders of those newly held, and have those freed reviewed.

    The execution check is what makes a hold true; this is what people and accounts see.
    """
    return await _show(connection, record_keys, await holds.binding(connection, record_keys), now)


async def _show(
    connection: Connection, record_keys: Sequence[int], covered: dict[int, set[UUID]], now: datetime
) -> tuple[list[int], list[int]]:
    # Rows that settling writes are left for the next sweep: it may wait for us, so we never wait for it.
    mine = await orders.lock_schedules(connection, covered)
    dropped = await orders.drop(connection, sorted(mine), "held", now)
    await orders.move(connection, dropped, "due", "held")
    await moved(connection, "order_dropped", dropped, "held", now)
    held, freed = await sweeping.flag(connection, covered, record_keys, HOLDABLE, now)
    if freed:
        await mark_with_persons(connection, freed, [])
        await decisions.lapse_deciders(connection, freed, "hold_released")
        await wanted.want(connection, freed, "hold_released", now)
        await orders.say_why(connection, freed, "hold_released")
    await moved(connection, "held", held, None, now)
    await moved(connection, "freed", freed, None, now)
    return held, freed


async def sweep_hold(connection: Connection, hold: Unswept, after: int, now: datetime) -> Swept:
    """Show a hold that came or went on the next records that it may concern; at the last, say how many it covers."""
    after = max(after, hold.freed_up_to)
    if not after:
        await discards.drop_held(connection, now)
    reached = await sweeping.reached(connection, hold, after)
    if hold.released:
        done = await _free(connection, hold.hold_id, reached, after, now)
    else:
        held, freed = await show(connection, reached, now) if reached else ([], [])
        done = Swept(len(held), len(freed), reached[-1] if reached else None)
    if len(reached) == sweeping.SWEEP_RECORDS_MAX or (reached and done.after != reached[-1]):
        return done
    shown = await sweeping.mark_swept(connection, hold)
    if shown:
        await _tell(connection, shown, now)
    return Swept(done.held, done.freed, None)


async def _free(connection: Connection, hold_id: UUID, reached: Sequence[int], after: int, now: datetime) -> Swept:
    """Free records of a released hold, up to the first that somebody is writing: no later sweep would find it.

    A hold may have come and gone before any sweep saw it on a record: it is shown as it came first, for nothing else
    drops the order that was open, and only what was held is freed and reviewed.
    """
    covered = await holds.binding(connection, reached)
    concerned = {key for key, by in covered.items() if hold_id in by}
    concerned |= await sweeping.shown_on(connection, hold_id, reached)
    mine = await orders.lock_schedules(connection, concerned)
    if written := await sweeping.written_by_others(connection, concerned, mine, HOLDABLE):
        reached = [key for key in reached if key < min(written)]
    if not reached:
        return Swept(0, 0, after)
    held, _ = await _show(connection, reached, {key: covered[key] for key in reached if key in covered}, now)
    others = {key: by - {hold_id} for key, by in covered.items()}
    _, freed = await _show(connection, reached, {key: others[key] for key in reached if others.get(key)}, now)
    await sweeping.freed(connection, hold_id, reached[-1])
    return Swept(len(held), len(freed), reached[-1])


async def sweep_arrivals(connection: Connection, after: int, now: datetime) -> int:
    """Show holds on the next records by key, later arrivals among them; gives the key to go on from (0: the start)."""
    if not await sweeping.any_in_force(connection):
        return 0
    keys = await sweeping.records_after(connection, after)
    if keys:
        await show(connection, keys, now)
    return keys[-1] if len(keys) == sweeping.SWEEP_RECORDS_MAX else 0
