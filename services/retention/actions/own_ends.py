"""Whose own reason ends, of those who share records with others: they are reviewed, though no record is due."""

from collections.abc import Iterable
from datetime import date

from services.retention.domain.own_ends import end_of, opens_on
from services.retention.storage import between_times, schedules
from shared.calendar_rules import Period, add
from shared.db import Connection
from shared.policy import Pack

OWN_END = "own_end"


async def ended(connection: Connection, pack: Pack, persons: Iterable[int], today: date) -> dict[int, date]:
    """Find the persons for whose own end a review is to be open today, and that end."""
    people = await schedules.persons_stored(connection, persons)
    ends = {key: end for key, person in people.items() if (end := end_of(person, pack))}
    return {key: end for key, end in ends.items() if opens_on(end, pack) <= today}


async def to_ask(connection: Connection, pack: Pack, today: date, room: int) -> dict[int, date]:
    """Find those of whom nobody has been asked yet, the first that ends first, and their ends."""
    return await ended(
        connection, pack, await between_times.own_ends(connection, today, ahead(pack, today), room), today
    )


def ahead(pack: Pack, today: date) -> date:
    """Give the last day for whose ends reviews open today."""
    return add(today, Period(days=pack.limits.lead_days), pack.leap)
