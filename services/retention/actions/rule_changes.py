"""The rule of one record, changed by two people: an override of its date, or a move to another class."""

from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from services.retention.actions.ledger import moved
from services.retention.domain import Fact
from services.retention.domain.history import read_history
from services.retention.domain.lifecycle import GONE
from services.retention.domain.overrides import MOVED, OVERRIDE, Move, Override, canonical, read
from services.retention.storage import facts, holds, reads, rule_changes
from services.retention.storage.facts import insert_facts, made_here
from services.retention.storage.marks import mark_with_persons
from shared.db import Connection
from shared.errors import Conflict, Forbidden, Invalid, NotFound
from shared.policy import Pack


class Step(NamedTuple):
    """Who takes a step about the rule of which record, when, and under which pack."""

    row: reads.Row
    by: str
    today: date
    now: datetime
    pack: Pack


async def found(connection: Connection, record_id: UUID) -> reads.Row:
    """Read the record whose rule is to change; refused where there is none, or where it has gone."""
    row = await reads.find_record(connection, record_id)
    if row is None:
        raise NotFound("No schedule of this record is held here: no state of it has been registered yet.")
    if row["lifecycle"] in GONE:
        raise Conflict("The record has been disposed of; nothing changes its rule any more.", "disposed")
    return row


async def propose(connection: Connection, step: Step, change: Override | Move, change_id: UUID) -> None:
    """Propose a change; nothing follows from it until another person agrees."""
    kind = OVERRIDE if isinstance(change, Override) else MOVED
    values = (change_id, step.row["record_key"], kind, canonical(change), step.by, step.now)
    if not await rule_changes.propose(connection, values):
        message = "Such a change of this record is proposed already. Let a second person decide about that one first."
        raise Conflict(message, "proposed_already")
    await moved(connection, f"{kind}_proposed", [step.row["record_key"]], step.by, step.now)


def check_override(step: Step, change: Override) -> None:
    """Refuse an override that names no rule, two rules, an unknown row, or shortens a locked row without authority."""
    row, pack = step.row, step.pack
    if change.row is not None and change.row not in pack.rows:
        raise Invalid(f"The pack has no row {change.row}. Name one of its rows.", "unknown_row")
    named = (change.row is not None, change.period is not None or change.from_on is not None, change.until is not None)
    if sum(named) != 1 or not (change.row or change.last_day_named):
        raise Invalid("Name a row, or a period with the day it counts from, or a last day: one of them.", "no_one_rule")
    own, last, kept = pack.rows.get(row["row_id"] or ""), change.last_day(pack), row["keep_until"]
    lengthens = last is not None and kept is not None and last >= kept
    if own and own.locked and not change.legal_authority and not lengthens:
        message = f"Row {own.id} is locked. Name the legal authority by which it may be shortened."
        raise Invalid(message, "locked_row")


async def check_move(connection: Connection, step: Step, change: Move) -> None:
    """Refuse a move to no class, to one without a row, or of a record that a hold freezes."""
    known = step.pack.classes.get(change.to)
    if known is None or known.row is None:
        raise Invalid(f"No class {change.to} with a row is in the pack. Name one of its classes.", "unknown_class")
    if known.id == step.row["class_id"]:
        raise Conflict("The record is in that class already.", "same_class")
    await _unheld(connection, step.row)


async def approve(connection: Connection, step: Step, kind: str) -> None:
    """Agree to a change as another person than the one who proposed it: it is a fact from now on."""
    key, by, today, now = step.row["record_key"], step.by, step.today, step.now
    open_now = await rule_changes.proposed(connection, key, kind)
    if open_now is None:
        raise Conflict("Nobody has proposed such a change of this record.", "not_proposed")
    change_id, told, proposed_by = open_now
    if proposed_by == by:
        raise Forbidden("You proposed it; another person must agree.", "same_person")
    changes: dict[str, Any] = {"on": today}
    if kind == MOVED:
        await _unheld(connection, step.row)
        history = read_history((await facts.facts_of_records(connection, [key]))[key], step.pack)
        changes["was"] = history.was if history else None
    said = canonical(msgspec.structs.replace(read(kind, told), **changes))
    number = await rule_changes.made(connection, key, kind) + 1
    await rule_changes.approve(connection, change_id, by, now, said)
    fact = Fact(change_id, kind, key, said, number, on_date=today)
    await insert_facts(connection, [made_here(fact, now, record_key=key)], now)
    await mark_with_persons(connection, [key], [])
    await moved(connection, kind, [key], by, now)


async def _unheld(connection: Connection, row: reads.Row) -> None:
    """Refuse where a hold covers the record: a held record is frozen."""
    if await holds.covering(connection, [row["record_key"]]):
        raise Conflict("A hold freezes this record. Ask who owns the hold to release it first.", "held")
