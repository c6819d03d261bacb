"""What waits: arrivals that are not taken, as they are stored until somebody settles them."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any, NamedTuple

from services.intake.actions import announcing
from services.intake.actions.cases import Case, Desk
from services.intake.domain.checking import Sound
from services.intake.domain.deciding import Verdict
from services.intake.domain.waiting import known_of
from services.intake.storage import quarantine
from services.intake.storage.arrivals import ArrivalRow
from shared.calendar_rules import add
from shared.db import Connection


class Waiting(NamedTuple):
    """An arrival that waits, with its key and that of its sealed body."""

    case: Case
    verdict: Verdict
    row: ArrivalRow
    key: int
    body: int


async def store(connection: Connection, desk: Desk, waiting: Iterable[Waiting], at: tuple[datetime, date]) -> None:
    """Store what waits, to be looked at by the day that the pack says."""
    if rows := [_row(each) for each in waiting]:
        await quarantine.store(connection, rows, *at, review_on(desk, at[1]))


def review_on(desk: Desk, today: date) -> date:
    """Give the day by which the pack has somebody look at what waits from today."""
    return add(today, desk.pack.quarantine.review, desk.pack.leap)


def _row(waiting: Waiting) -> tuple[Any, ...]:
    case, verdict, row, key, body = waiting
    found, read = case.found, case.arrival.read
    sequence = found.sequence or None if isinstance(found, Sound) else announcing.sequence_of(read)
    record_type, unit, named, incomplete = known_of(read, verdict.reasons, row.subject)
    return (
        *(key, row.event_uid, row.receipt_id, row.source_key, row.subject, row.record_key),
        *(sequence, body, row.reasons or "[]", announcing.parked_as(case, verdict)),
        *(record_type, unit, f"{{{','.join(map(str, named))}}}" if named else None, incomplete),
    )
