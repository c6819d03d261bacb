"""Follow what retention says: how each record stands, and which are gone."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from services.intake.storage import records, timeliness
from shared.db import Connection
from shared.epochs import current, hanging_on
from shared.events import CONFIRMATIONS, DisposalConfirmed, DisposalExecuted, ScheduleChanged, encode
from shared.keys import Keys
from shared.log import Entry, put
from shared.trails import along

HOLDER = "intake"


async def follow_schedules(connection: Connection, changed: Sequence[ScheduleChanged]) -> None:
    """Keep the newest state of each record; older versions change nothing."""
    newest = {event.record_id: event for event in sorted(changed, key=lambda event: event.version)}
    rows = [(e.record_id, e.version, e.state, e.held, e.restricted) for e in newest.values()]
    await records.store_lifecycle(connection, sorted(rows))


async def shred(
    connection: Connection, keys: Keys, executed: Sequence[DisposalExecuted], now: datetime, traces: Mapping[str, str]
) -> int:
    """Destroy the keys and bodies of executed records, and confirm each, signed; a repeat confirms again.

    `traces` are those that the notices came with, by record: the confirmations go out under them.
    """
    entries, newest = [], await current(connection)
    for notice in executed:
        bodies = await records.shred(connection, notice.disposal_id, notice.record_id, notice.sequence, now)
        entries.append(confirmed(keys, notice, bodies, newest, now))
    await timeliness.forget(connection, [notice.record_id for notice in executed])
    await put(connection, along(entries, traces), now)
    return len(entries)


def confirmed(
    keys: Keys, notice: DisposalExecuted, bodies: int | None, newest: tuple[int, datetime], now: datetime
) -> Entry:
    """Give the signed answer to a notice: how many bodies went, or that it never was here."""
    answer = "erased" if bodies is not None else "never_had_it"
    said = DisposalConfirmed(notice.disposal_id, notice.record_id, HOLDER, answer, bodies or 0, now)  # type: ignore[arg-type]
    said = hanging_on(said, newest)
    said = msgspec.structs.replace(said, signature=keys.ledger.sign(said.signed()).hex())
    return Entry(CONFIRMATIONS, str(notice.record_id), said.type, notice.record_id, notice.sequence, encode(said))
