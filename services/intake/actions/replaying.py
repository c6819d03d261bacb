"""Try a quarantined event again as it was sent; if it is taken now, a further receipt names the first."""

from datetime import date, datetime
from uuid import UUID

import asyncpg
import msgspec

from services.intake.actions import announcing
from services.intake.actions.cases import Arrival, Desk, Message, open_case
from services.intake.actions.reading import HTTP, read_message
from services.intake.actions.take_in import Work, judge, resolve_waiting, seal_bodies, shown_states, store_new_states
from services.intake.domain import deciding
from services.intake.storage import arrivals, quarantine
from shared.bodies import open_body
from shared.db import Connection
from shared.errors import Conflict, NotFound
from shared.events import Place, encode
from shared.http import require_version
from shared.ids import named
from shared.log import put

_unpack = msgspec.msgpack.Decoder(Message).decode


async def replay(
    connection: Connection, desk: Desk, receipt_id: UUID, meant: int, at: tuple[datetime, date]
) -> announcing.Receipted:
    """Judge a waiting event anew; refuses one that waits no more, or in another version than the one meant."""
    now, today = at
    row = await quarantine.one(connection, receipt_id)
    if row is None:
        raise NotFound("No quarantined event has this receipt id; list them with GET /v1/quarantine.")
    require_version(meant, row["version"])
    if row["state"] != "open":
        raise Conflict(f"This event waits no more: it is {row['state']}.", "not_open")
    work = Work(
        [open_case(desk, await _again(connection, desk, row), today)],
        await arrivals.source_keys(connection, {row["source"]}),
    )
    # Another event came with its id before: then it is judged against that one, as it was.
    seen = {} if row["first"] else await arrivals.first_arrivals(connection, [row["event_uid"]])
    await judge(connection, desk, work, seen)
    told = announcing.Told(now, today, shown_states(desk, work))
    issued = msgspec.structs.replace(announcing.receipt(work.cases[0], work.verdicts[0], told), names=receipt_id)
    if issued.outcome in (deciding.ACCEPTED, deciding.SUPERSEDED):
        await _take(connection, desk, work, row, (issued, told))
    else:
        await quarantine.tried(connection, row["arrival_key"], encode(issued.reasons).decode())
    return issued


async def _again(connection: Connection, desk: Desk, row: asyncpg.Record) -> Arrival:
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
    await quarantine.accepted(connection, row["arrival_key"], issued.outcome)
    record = work.subjects[0].key if work.subjects[0] else None
    await arrivals.settle_arrival(connection, row["arrival_key"], row["event_uid"], issued.outcome, record)
    reasons = encode(issued.reasons).decode()
    further = (issued.receipt_id, row["receipt_id"], row["event_uid"], issued.outcome, reasons, told.now)
    await arrivals.store_further(connection, *further)
    moved = {(row["source_key"], deciding.QUARANTINED): -1, (row["source_key"], issued.outcome): 1}
    await arrivals.count(connection, moved, row["received_on"], desk.slot)
    entries = [announcing.receipt_entry(issued), *announcing.consequences(0, work.cases[0], work.verdicts[0], told)]
    if row["subject"] is not None:
        entries.append(announcing.resolved(row["event_uid"], row["subject"], told.now))
    others = await resolve_waiting(connection, work, [row["subject"]])
    entries += [announcing.resolved(event, subject, told.now) for event, subject in others]
    await put(connection, entries, told.now)
