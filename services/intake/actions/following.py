"""Follow what retention says: how each record stands, and which are gone."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from services.intake.storage import records
from shared.db import Connection
from shared.events import CONFIRMATIONS, DisposalConfirmed, DisposalExecuted, ScheduleChanged, encode
from shared.keys import Keys
from shared.log import Entry, put

HOLDER = "intake"


async def follow_schedules(connection: Connection, changed: Sequence[ScheduleChanged]) -> None:
    """Keep the newest state of each record; older versions change nothing."""
    newest = {event.record_id: event for event in sorted(changed, key=lambda event: event.version)}
    rows = [(e.record_id, e.version, e.state, e.held, e.restricted) for e in newest.values()]
    await records.store_lifecycle(connection, sorted(rows))


async def shred(connection: Connection, keys: Keys, executed: Sequence[DisposalExecuted], now: datetime) -> int:
    """Destroy the keys and bodies of executed records, and confirm each, signed; a repeat confirms again."""
    entries = []
    for notice in executed:
        bodies = await records.shred(connection, notice.disposal_id, notice.record_id, notice.sequence, now)
        answer = "erased" if bodies is not None else "never_had_it"
        said = DisposalConfirmed(notice.disposal_id, notice.record_id, HOLDER, answer, bodies or 0, now)  # type: ignore[arg-type]
        said = msgspec.structs.replace(said, signature=keys.ledger.sign(said.signed()).hex())
        entries.append(
            Entry(CONFIRMATIONS, str(notice.record_id), said.type, notice.record_id, notice.sequence, encode(said))
        )
    await put(connection, entries, now)
    return len(entries)
