"""Try a quarantined event again as it was sent; if it is taken now, a further receipt names the first."""

from datetime import date, datetime
from uuid import UUID

import msgspec

from services.intake.actions import announcing
from services.intake.actions.reading import HTTP, read_message
from services.intake.actions.take_in import (
    Arrival,
    Desk,
    Message,
    Work,
    judge,
    open_case,
    seal_bodies,
    store_new_states,
)
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
    message = _unpack(await open_body(connection, desk.keys, row["body_id"]))
    place = msgspec.convert(row["place"], Place)
    again = named(f"replay\n{receipt_id}\n{row['attempts'] + 1}")
    arrival = Arrival(
        again, place, HTTP, str(row["subject"]) if row["subject"] else None, message, read_message(message)
    )
    work = Work([open_case(desk, arrival, today)], await arrivals.source_keys(connection, {row["source"]}))
    await judge(connection, desk, work, {})
    case, verdict = work.cases[0], work.verdicts[0]
    told = announcing.Told(now, today, desk.pack.metadata_keys)
    issued = msgspec.structs.replace(announcing.receipt(case, verdict, told), names=receipt_id)
    if verdict.outcome not in (deciding.ACCEPTED, deciding.SUPERSEDED):
        await quarantine.tried(connection, row["arrival_key"], encode(verdict.reasons).decode())
        return issued
    bodies = await seal_bodies(connection, desk, work)
    await store_new_states(connection, desk, work, [row["arrival_key"]], bodies, today)
    await quarantine.accepted(connection, row["arrival_key"], verdict.outcome)
    record = next((subject.key for subject in work.subjects.values()), None)
    await arrivals.settle_arrival(connection, row["arrival_key"], row["event_uid"], verdict.outcome, record)
    reasons = encode(verdict.reasons).decode()
    await arrivals.store_further(connection, again, receipt_id, row["event_uid"], verdict.outcome, reasons, now)
    moved = {(row["source_key"], deciding.QUARANTINED): -1, (row["source_key"], verdict.outcome): 1}
    await arrivals.count(connection, moved, row["received_on"], desk.slot)
    entries = [announcing.receipt_entry(issued), *announcing.consequences(case, verdict, told)]
    if row["subject"] is not None:
        entries.append(announcing.resolved(row["event_uid"], row["subject"], now))
    await put(connection, entries, now)
    return issued
