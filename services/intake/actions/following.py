"""Follow what retention says: how each record stands, and which are gone."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from services.intake.domain.screening import without
from services.intake.storage import records, timeliness
from shared.db import Connection
from shared.epochs import current, hanging_on
from shared.events import CONFIRMATIONS, DisposalConfirmed, DisposalExecuted, LinkEnded, ScheduleChanged, encode
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


async def unlink(
    connection: Connection, keys: Keys, ended: Sequence[LinkEnded], now: datetime, traces: Mapping[str, str]
) -> None:
    """Find persons no more by records that they went from, and confirm each, signed; a repeat confirms again.

    A state after that up to which they went is a new fact, and stays as it was sent.
    """
    entries = []
    for notice in ended:
        shown = await records.named_up_to(connection, notice.record_id, notice.sequence)
        if shown is not None:
            left = without(msgspec.json.decode(shown, type=dict[str, Any]), notice.nominals)
            await records.show(connection, notice.record_id, encode(left))
        said = DisposalConfirmed(notice.disposal_id, notice.record_id, HOLDER, "unlinked", 0, now)
        entries.append(_signed(keys, said, notice.sequence))
    await put(connection, along(entries, traces), now)


def confirmed(
    keys: Keys, notice: DisposalExecuted, bodies: int | None, newest: tuple[int, datetime], now: datetime
) -> Entry:
    """Give the signed answer to a notice: how many bodies went, or that it never was here."""
    answer = "erased" if bodies is not None else "never_had_it"
    said = DisposalConfirmed(notice.disposal_id, notice.record_id, HOLDER, answer, bodies or 0, now)  # type: ignore[arg-type]
    return _signed(keys, hanging_on(said, newest), notice.sequence)


def _signed(keys: Keys, said: DisposalConfirmed, sequence: int) -> Entry:
    said = msgspec.structs.replace(said, signature=keys.ledger.sign(said.signed()).hex())
    return Entry(CONFIRMATIONS, str(said.record_id), said.type, said.record_id, sequence, encode(said))
