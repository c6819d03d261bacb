"""States that came before the end of their record and that nobody knew of then: they wait, as what comes later does."""

from collections.abc import Sequence
from datetime import date, datetime

import asyncpg
import msgspec

from services.intake.actions import announcing, parking, steps
from services.intake.actions.cases import Arrival, Case, Desk, Message, open_case
from services.intake.actions.parking import Waiting
from services.intake.actions.reading import read_message
from services.intake.actions.replaying import original, settle, waiting
from services.intake.actions.take_in import Work, row_of, seal_bodies
from services.intake.domain.checking import Sound
from services.intake.domain.deciding import DISPOSED, FORBIDDEN, Verdict, quarantined
from services.intake.storage import quarantine, records
from services.intake.storage.quarantine import Step
from shared.bodies import open_body
from shared.db import Connection
from shared.events import DisposalExecuted, Place, Reason, encode
from shared.ids import named
from shared.log import Entry, put

_STRUCTURED = {"content-type": "application/cloudevents+json"}
_GOES = "This may not be held here any more; it came as its record was disposed of, and goes with it."


async def set_aside(
    connection: Connection, desk: Desk, executed: Sequence[DisposalExecuted], at: tuple[datetime, date]
) -> list[DisposalExecuted]:
    """Let the states wait that came after what a disposal knew of its record; gives the notices, up to the last state.

    Each is sealed anew as an arrival that waits, so that all that the record has is destroyed with it, and its source
    is told by a further receipt that it is not taken after all. What may not be held here any more is not sealed anew.
    """
    upto = {each.record_id: each.sequence for each in executed}
    for row in await records.states_after(connection, upto):
        await _set_aside(connection, desk, row, at)
        upto[row["subject"]] = row["sequence"]
    return [msgspec.structs.replace(each, sequence=upto[each.record_id]) for each in executed]


async def _set_aside(connection: Connection, desk: Desk, row: asyncpg.Record, at: tuple[datetime, date]) -> None:
    item = await quarantine.one(connection, row["receipt_id"])  # There is one where a replay took the state.
    came = await (original(connection, desk, item) if item else _as_it_came(connection, desk, row))
    uid = named(f"disposed\n{row['receipt_id']}")
    case = open_case(desk, msgspec.structs.replace(came, receipt_id=uid), at[1])
    verdict, news = quarantined(DISPOSED), list[Entry]()
    if case.forbidden:
        assert not isinstance(case.found, Sound), "what is sound is not forbidden"
        verdict = Verdict(FORBIDDEN, tuple(Reason(each.code, each.pointer, _GOES) for each in case.found))
    elif item:
        news = await _wait_again(connection, desk, (case, verdict), (item, row), at)
    else:
        news = await _wait(connection, desk, (case, verdict), row, at)
    receipt = announcing.receipt(case, verdict, announcing.Told(*at, {}))
    issued = msgspec.structs.replace(receipt, names=row["receipt_id"], record_id=row["subject"])
    await settle(connection, desk, row, issued, row["record_key"])
    await put(connection, [announcing.receipt_entry(issued), *news], at[0])


async def _wait(
    connection: Connection, desk: Desk, judged: tuple[Case, Verdict], row: asyncpg.Record, at: tuple[datetime, date]
) -> list[Entry]:
    """Seal a state as an arrival that waits; gives what is told of it."""
    case, verdict = judged
    work = Work([case], {row["source"]: row["source_key"]}, [None], [verdict], [True])
    [body] = (await seal_bodies(connection, desk, work)).values()
    came = row_of(work, 0, at[0])._replace(
        receipt_id=row["receipt_id"], record_key=row["record_key"], subject=row["subject"]
    )
    await parking.store(connection, desk, [Waiting(case, verdict, came, row["arrival_key"], body)], at)
    await _step(connection, await waiting(connection, row["receipt_id"], None), at[0])
    return announcing.parked(case, verdict, at[0])


async def _wait_again(
    connection: Connection,
    desk: Desk,
    judged: tuple[Case, Verdict],
    rows: tuple[asyncpg.Record, asyncpg.Record],
    at: tuple[datetime, date],
) -> list[Entry]:
    """Let an item that was taken wait again, sealed as it came; gives what is told of it.

    Under an id of its own: the one that it waited under is resolved, for whoever heard of it, and stays so.
    """
    (case, verdict), (item, row) = judged, rows
    uid, reasons = case.arrival.receipt_id, encode(verdict.reasons).decode()
    await quarantine.wait_again(connection, row, uid, reasons, parking.review_on(desk, at[1]))
    await _step(connection, item, at[0])
    return announcing.parked(case, verdict, at[0], uid)


async def _step(connection: Connection, item: asyncpg.Record, now: datetime) -> None:
    await steps.keep(connection, item, Step(item["arrival_key"], "set_aside", None, DISPOSED.code), now)


async def _as_it_came(connection: Connection, desk: Desk, row: asyncpg.Record) -> Arrival:
    """Write a state as the event that it came by, but for its `time`, which is kept nowhere."""
    data = msgspec.Raw(await open_body(connection, desk.keys, row["body_id"]))
    who = {name: row[column] for name, column in (("id", "event_id"), ("source", "source"), ("type", "type"))}
    more = {"specversion": "1.0", "subject": str(row["subject"]), "sequence": str(row["sequence"])}
    message = Message("structured", _STRUCTURED, msgspec.json.encode({**who, **more, "data": data}))
    place = msgspec.convert(row["place"], Place)
    return Arrival(row["receipt_id"], place, row["channel"], str(row["subject"]), message, read_message(message))
