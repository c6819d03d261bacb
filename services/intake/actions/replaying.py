"""Try a quarantined event again as it was sent; if it is taken now, a further receipt names the first."""

from datetime import date, datetime
from uuid import UUID

import asyncpg
import msgspec

from services.intake.actions import accounts, announcing, screening, steps
from services.intake.actions.cases import Arrival, Desk, Message, open_case
from services.intake.actions.reading import HTTP, read_message
from services.intake.actions.take_in import Work, judge, resolve_waiting, seal_bodies, shown_states, store_new_states
from services.intake.domain import deciding
from services.intake.storage import arrivals, quarantine
from services.intake.storage.quarantine import Step, settled_of
from shared.bodies import open_body
from shared.db import Connection
from shared.errors import Conflict, NotFound, require_version
from shared.events import Place, encode
from shared.ids import named
from shared.log import put

_unpack = msgspec.msgpack.Decoder(Message).decode


async def replay(
    connection: Connection,
    desk: Desk,
    receipt_id: UUID,
    meant: int | None,
    at: tuple[datetime, date],
    by: str | None = None,
) -> announcing.Receipted:
    """Judge a waiting event anew; refuses one that waits no more, or in another version than the one meant, if any."""
    now, today = at
    row = await waiting(connection, receipt_id, meant)
    arrival = await original(connection, desk, row)
    work = Work(
        [open_case(desk, arrival, today)],
        await arrivals.source_keys(connection, {row["source"]}),
    )
    # Another event came with its id before: then it is judged against that one, as it was.
    seen = {} if row["first"] else await arrivals.first_arrivals(connection, [row["event_uid"]])
    await judge(connection, desk, work, seen)
    told = announcing.Told(now, today, shown_states(work))
    issued = msgspec.structs.replace(announcing.receipt(work.cases[0], work.verdicts[0], told), names=receipt_id)
    if issued.outcome in (deciding.ACCEPTED, deciding.SUPERSEDED):
        await _take(connection, desk, work, row, (issued, told))
    else:
        await quarantine.tried(connection, row["arrival_key"], encode(issued.reasons).decode())
    code = issued.reasons[0].code if issued.reasons else None
    await steps.keep(connection, row, Step(row["arrival_key"], f"replay_{issued.outcome}", by, code), now)
    return issued


async def waiting(connection: Connection, receipt_id: UUID, meant: int | None, state: str = "open") -> asyncpg.Record:
    """Give an item, locked; refuses one that does not wait in this state, or in another version than the one meant."""
    row = await quarantine.one(connection, receipt_id)
    if row is None:
        raise NotFound("No quarantined event has this receipt id; list them with GET /v1/quarantine.")
    if meant is not None:
        require_version(meant, row["version"])
    if row["state"] == "open" and state == "discard_proposed":
        raise Conflict("Nobody has proposed to discard this event; propose it first.", "not_proposed")
    if row["state"] == "discard_proposed" and state == "open":
        message = "It is proposed to discard this event; withdraw that first, or wait for what becomes of it."
        raise Conflict(message, "discard_proposed")
    if row["state"] != state:
        raise Conflict(f"This event waits no more: it is {row['state']}.", "not_open")
    return row


async def original(connection: Connection, desk: Desk, row: asyncpg.Record) -> Arrival:
    """Give an item's arrival as it was sealed, under the id of its next try."""
    message = _unpack(await open_body(connection, desk.keys, row["body_id"]))
    uid = named(f"replay\n{row['receipt_id']}\n{row['attempts'] + 1}")
    key = str(row["subject"]) if row["subject"] else None
    return Arrival(uid, msgspec.convert(row["place"], Place), HTTP, key, message, read_message(message))


async def _take(
    connection: Connection,
    desk: Desk,
    work: Work,
    row: asyncpg.Record,
    said: tuple[announcing.Receipted, announcing.Told],
) -> None:
    """Store what a replay took, settle its account, and announce it."""
    issued, told = said
    bodies = await seal_bodies(connection, desk, work)
    await store_new_states(connection, work, told, [row["arrival_key"]], bodies)
    await quarantine.move(connection, row["arrival_key"], issued.outcome, attempts=1)
    record = work.subjects[0].key if work.subjects[0] else None
    await settle(connection, desk, row, issued, record)
    told_of = work.cases[0], work.verdicts[0], record
    await accounts.add_replayed(connection, desk, told_of, row, told.today)
    entries = [announcing.receipt_entry(issued), *announcing.consequences(0, work.cases[0], work.verdicts[0], told)]
    settled = [settled_of(row), *await resolve_waiting(connection, work, [row["subject"]])]
    await put(connection, [*entries, *announcing.resolved(settled, told.now)], told.now)
    await screening.follow_pairs(connection, work.cases, work.verdicts)


async def settle(
    connection: Connection, desk: Desk, row: asyncpg.Record, issued: announcing.Receipted, record: int | None
) -> None:
    """Give an item's arrival its later outcome, with the further receipt, and move it in its account."""
    await arrivals.settle_arrival(connection, row["arrival_key"], row["event_uid"], issued.outcome, record)
    reasons = encode(issued.reasons).decode()
    further = (issued.receipt_id, row["receipt_id"], row["event_uid"], issued.outcome, reasons, issued.received_at)
    await arrivals.store_further(connection, *further, row["outcome"])
    moved = {(row["source_key"], row["outcome"]): -1, (row["source_key"], issued.outcome): 1}
    await arrivals.count(connection, moved, row["received_on"], desk.slot)
