"""Floors: days below which no record that names them falls, and what must end before there is such a day."""

from collections.abc import Iterator
from datetime import date
from typing import NamedTuple
from uuid import UUID

from services.retention.domain.clocks import Inputs, Occurrence, Unreadable, day_of_start, standing
from services.retention.domain.facts import Nominal
from shared.calendar_rules import add
from shared.policy import Floor, Pack, Pending, Row, Start

_NOBODY = UUID(int=0)


class Reached(NamedTuple):
    """How far one floor reaches; while something it waits for is open, it has no day."""

    name: str
    until: date | None = None
    open: tuple[str, ...] = ()
    """What it waits for: the triggers that would end it."""
    problem: str | None = None


class Floors(NamedTuple):
    """What all the floors that a row names give together."""

    until: date | None = None
    pending: str | None = None
    """The first floor that something keeps open."""
    problem: str | None = None


def floors_of(row: Row | None, inputs: Inputs, pack: Pack) -> list[Reached]:
    """Work out each floor that a row names; birthdays are for the persons to add."""
    return [floor_of(pack.floors[name], inputs, pack) for name in row.floors] if row else []


def together(reached: list[Reached]) -> Floors:
    """Take the latest day, the first floor that is open, and the first that lacks its date."""
    return Floors(
        max((each.until for each in reached if each.until), default=None),
        next((each.name for each in reached if each.open), None),
        next((each.problem for each in reached if each.problem), None),
    )


def floor_of(floor: Floor, inputs: Inputs, pack: Pack) -> Reached:
    """Work out one floor: from the first date present of its list, and from the last day of each of its stages."""
    try:
        days = list(_days(floor, inputs, pack))
        waits = tuple(sorted({name for each in floor.pending for name in _open(each, inputs, pack)}))
    except Unreadable:
        return Reached(floor.id, problem="date_unreadable")
    problem = "no_floor_date" if floor.start and not _start(floor, inputs) else None
    return Reached(floor.id, max(days, default=None), waits, problem)


def _start(floor: Floor, inputs: Inputs) -> date | None:
    return next((inputs.dates[name] for name in floor.start if name in inputs.dates), None)


def _days(floor: Floor, inputs: Inputs, pack: Pack) -> Iterator[date]:
    if on := _start(floor, inputs):
        yield add(on, floor.add, pack.leap)
    for stage in floor.latest:
        if on := day_of_start(stage.start, inputs, pack):
            yield add(on, stage.add, pack.leap)


def _open(pending: Pending, inputs: Inputs, pack: Pack) -> Iterator[str]:
    """Name what would end each thing begun and not ended about the same person and the same offence.

    What names nobody has begun for each offender: a verdict on one of two accused ends nothing for the other.
    """
    ends = [each for until in pending.until for each in _ends(until, inputs, pack)]
    names = [until.name for until in pending.until]
    if pending.after is None:
        if not ends:
            yield from names
        return
    for begun in _ends(pending.after, inputs, pack):
        whom: list[Nominal | None] = [begun.nominal] if begun.nominal else [*inputs.offenders]
        each_of = [begun._replace(nominal=one) for one in whom or [None]]
        if not all(any(_same(one, end) and end.on >= one.on for end in ends) for one in each_of):
            yield from names


def _ends(start: Start, inputs: Inputs, pack: Pack) -> list[Occurrence]:
    """List a start's occurrences; a date is one that says nothing about whom."""
    if start.name in pack.triggers:
        return standing(start, inputs, pack)
    on = day_of_start(start, inputs, pack)
    return [Occurrence(_NOBODY, start.name, None, on)] if on else []


def _same(one: Occurrence, other: Occurrence) -> bool:
    """Say whether two are about the same person and offence, where both say about whom."""
    return (one.nominal is None or other.nominal is None or one.nominal == other.nominal) and (
        one.offence is None or other.offence is None or one.offence == other.offence
    )
