"""States that came before the end of their record and that nobody knew of then: they wait, as what comes later does."""

from collections.abc import Sequence
from datetime import date, datetime

import asyncpg
import msgspec

from services.intake.actions import announcing, parking, steps
from services.intake.actions.cases import Arrival, Desk, Message, open_case
from services.intake.actions.parking import Waiting
from services.intake.actions.reading import read_message
from services.intake.actions.replaying import settle, waiting
from services.intake.actions.take_in import Work, row_of, seal_bodies
from services.intake.domain.deciding import DISPOSED, quarantined
from services.intake.storage import records
from services.intake.storage.quarantine import Step
from shared.bodies import open_body
from shared.db import Connection
from shared.events import DisposalExecuted, Place
from shared.ids import named
from shared.log import put

_STRUCTURED = {"content-type": "application/cloudevents+json"}


async def set_aside(
    connection: Connection, desk: Desk, executed: Sequence[DisposalExecuted], at: tuple[datetime, date]
) -> list[DisposalExecuted]:
    """Let the states wait that came after what a disposal knew of its record; gives the notices, up to the last state.

    Each is sealed anew as an arrival that waits, so that all that the record has is destroyed with it, and its source
    is told by a further receipt that it is not taken after all.
    """
    upto = {each.record_id: each.sequence for each in executed}
    for row in await records.states_after(connection, upto):
        await _wait(connection, desk, row, at)
        upto[row["subject"]] = row["sequence"]
    return [msgspec.structs.replace(each, sequence=upto[each.record_id]) for each in executed]


async def _wait(connection: Connection, desk: Desk, row: asyncpg.Record, at: tuple[datetime, date]) -> None:
    now, today = at
    case, verdict = open_case(desk, await _as_it_came(connection, desk, row), today), quarantined(DISPOSED)
    work = Work([case], {row["source"]: row["source_key"]}, [None], [verdict], [True])
    [body] = (await seal_bodies(connection, desk, work)).values()
    came = row_of(work, 0, now)._replace(receipt_id=row["receipt_id"], record_key=row["record_key"])
    await parking.store(connection, desk, [Waiting(case, verdict, came, row["arrival_key"], body)], at)
    receipt = announcing.receipt(case, verdict, announcing.Told(now, today, {}))
    issued = msgspec.structs.replace(receipt, names=row["receipt_id"])
    await settle(connection, desk, row, issued, row["record_key"])
    await put(connection, [announcing.receipt_entry(issued), *announcing.parked(case, verdict, now)], now)
    item = await waiting(connection, row["receipt_id"], None)
    await steps.keep(connection, item, Step(row["arrival_key"], "set_aside", None, DISPOSED.code), now)


async def _as_it_came(connection: Connection, desk: Desk, row: asyncpg.Record) -> Arrival:
    """Write a state as the event that it came by, but for its `time`, which is kept nowhere."""
    data = msgspec.Raw(await open_body(connection, desk.keys, row["body_id"]))
    who = {name: row[column] for name, column in (("id", "event_id"), ("source", "source"), ("type", "type"))}
    more = {"specversion": "1.0", "subject": str(row["subject"]), "sequence": str(row["sequence"])}
    message = Message("structured", _STRUCTURED, msgspec.json.encode({**who, **more, "data": data}))
    uid = named(f"disposed\n{row['receipt_id']}")
    place = msgspec.convert(row["place"], Place)
    return Arrival(uid, place, row["channel"], str(row["subject"]), message, read_message(message))
