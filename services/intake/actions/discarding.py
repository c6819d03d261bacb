"""Discard a quarantined event: a reason, a second person, retention's gate; then the body goes and all is settled."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import asyncpg
import msgspec

from services.intake.actions import announcing, steps
from services.intake.actions.cases import Desk
from services.intake.actions.following import confirmed
from services.intake.actions.replaying import original, settle, waiting
from services.intake.domain.waiting import Holdable, holdable
from services.intake.storage import quarantine
from services.intake.storage.quarantine import Step, settled_of
from shared.db import Connection
from shared.epochs import current
from shared.errors import Conflict, Forbidden, Invalid
from shared.events import (
    REGISTERED,
    DiscardRefused,
    DiscardRequested,
    DisposalExecuted,
    Place,
    Reason,
    ReceiptIssued,
    encode,
)
from shared.ids import disposal_id, named
from shared.log import Entry, put

CAUSE = "discard"
DISCARDED = "discarded"
_SENTENCE = "Two people discarded this event; it was never taken in. Send what was meant under a new id."


class Proposal(NamedTuple):
    """Why an event should be discarded: a code of the pack, and where the decision is filed."""

    reason: str
    reference: str | None


async def propose(
    connection: Connection, desk: Desk, item: tuple[UUID, int], why: Proposal, by: str, now: datetime
) -> None:
    """Propose to discard an item, given in the version meant; a second person must agree."""
    row = await waiting(connection, *item)
    if why.reason not in desk.pack.discard_reasons:
        known = ", ".join(desk.pack.discard_reasons) or "none"
        raise Invalid(f"The policy pack has no such reason; give one of: {known}.", "reason_not_declared")
    if not desk.pack.live:
        raise Conflict("The policy pack only observes, so nothing is disposed of; activate a live pack.", "observe")
    await quarantine.propose(connection, row["arrival_key"], by, why.reason, why.reference)
    await steps.keep(connection, row, Step(row["arrival_key"], "discard_proposed", by, why.reason), now)


async def withdraw(connection: Connection, item: tuple[UUID, int], by: str, now: datetime) -> None:
    """Take a proposal back, or decline it: the item waits again."""
    row = await waiting(connection, *item, "discard_proposed")
    _not_approved(row)
    await quarantine.reopen(connection, row["arrival_key"], None)
    await steps.keep(connection, row, Step(row["arrival_key"], "discard_withdrawn", by), now)


def _not_approved(row: asyncpg.Record) -> None:
    if row["approved_by"]:
        message = "The discard is agreed and with retention; while it cools off, abort its order there."
        raise Conflict(message, "already_approved")


async def approve(connection: Connection, desk: Desk, item: tuple[UUID, int], by: str, now: datetime) -> UUID:
    """Agree, as another person than the one who proposed it; gives the disposal that retention is asked for."""
    row = await waiting(connection, *item, "discard_proposed")
    _not_approved(row)
    if row["proposed_by"] == by:
        raise Forbidden("You proposed the discard; another person must agree.", "same_person")
    attempt = row["discards"] + 1
    disposal = disposal_id(row["receipt_id"], CAUSE, attempt)
    known = await _known(connection, desk, row)
    event = DiscardRequested(
        receipt_id=row["receipt_id"],
        event_uid=row["event_uid"],
        attempt=attempt,
        subject=row["subject"],
        reason=row["discard_reason"],
        proposed_by=row["proposed_by"],
        approved_by=by,
        first_seen=row["first_seen"],
        **known._asdict(),
    )
    await quarantine.approve(connection, row["arrival_key"], by, disposal)
    await steps.keep(connection, row, Step(row["arrival_key"], "discard_approved", by, row["discard_reason"]), now)
    key = str(row["subject"] or row["receipt_id"])
    entry = Entry(REGISTERED, key, event.type, row["receipt_id"], attempt, encode(event))
    await put(connection, [entry], now)
    return disposal


async def _known(connection: Connection, desk: Desk, row: asyncpg.Record) -> Holdable:
    """Give what holds can match of an item; what ended the process before is not read again."""
    if row["reasons"] and row["reasons"][0]["code"] == "defect":
        return Holdable()
    return holdable((await original(connection, desk, row)).read, desk.pack)


async def refused(connection: Connection, answers: Sequence[DiscardRefused], now: datetime) -> None:
    """Let items wait again whose discard retention refused, and show why; what was settled meanwhile stays so."""
    for answer in answers:
        row = await quarantine.one(connection, answer.receipt_id)
        if row and row["state"] == "discard_proposed" and row["disposal_id"] == answer.disposal_id:
            await quarantine.reopen(connection, row["arrival_key"], answer.reason)
            await steps.keep(connection, row, Step(row["arrival_key"], "discard_refused", None, answer.reason), now)


async def carry_out(connection: Connection, desk: Desk, executed: Sequence[DisposalExecuted], now: datetime) -> None:
    """Destroy the bodies of discarded events, settle their accounts, and confirm; a repeat only confirms again."""
    if not executed:
        return
    newest = await current(connection)
    for notice in sorted(executed, key=lambda each: each.record_id):
        row, bodies = await quarantine.one(connection, notice.record_id), None
        if row is not None:
            bodies = await quarantine.shred(connection, notice.disposal_id, notice.record_id, now)
        if row is not None and row["state"] != DISCARDED:
            await _settle(connection, desk, row, notice, now)
        await put(connection, [confirmed(desk.keys, notice, bodies, newest, now)], now)


async def _settle(
    connection: Connection, desk: Desk, row: asyncpg.Record, notice: DisposalExecuted, now: datetime
) -> None:
    """Move a discarded item on: its state, its further receipt, its account, and what it kept from disposal."""
    issued = ReceiptIssued(
        receipt_id=named(f"discard\n{notice.disposal_id}"),
        arrival=msgspec.convert(row["place"], Place),
        source=row["source"],
        event_uid=row["event_uid"] if row["event_id"] else None,
        id=row["event_id"],
        outcome=DISCARDED,
        record_id=None,
        reasons=(Reason(row["discard_reason"] or DISCARDED, "", _SENTENCE),),
        received_at=now,
        names=row["receipt_id"],
    )
    await quarantine.move(connection, row["arrival_key"], DISCARDED)
    await steps.keep(connection, row, Step(row["arrival_key"], DISCARDED, None, row["discard_reason"]), now)
    entries = [announcing.receipt_entry(issued)]
    if row["state"] != "resolved":
        entries += announcing.resolved([settled_of(row)], now)
    await put(connection, entries, now)
    await settle(connection, desk, row, issued, None)  # Last: others wait for its account.
