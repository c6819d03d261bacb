"""When a clock starts: dates of the record, of its metadata, and what has befallen it, by the pack's names."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import NamedTuple
from uuid import UUID

from services.retention.domain.dates import Dates
from services.retention.domain.facts import Fact, Nominal, first_possible, happened_on, happening, of_kind
from shared.calendar_rules import day_of
from shared.policy import Pack, Row, Start


class Occurrence(NamedTuple):
    """One thing that befell a record: what, with which value, on which day, about which person and offence."""

    event_uid: UUID
    trigger: str
    value: str | None
    on: date
    nominal: Nominal | None = None
    offence: str | None = None
    since: date | None = None
    """Of a month, its first day: it can have been as early as that."""

    def before(self, day: date) -> bool:
        """Say whether it can have been on a day or before it, so that what came then may have taken it back."""
        return (self.since or self.on) <= day


class Inputs(NamedTuple):
    """All that the clocks and floors of a record read."""

    dates: Dates
    metadata: Mapping[str, str]
    occurrences: Sequence[Occurrence] = ()
    offenders: frozenset[Nominal] = frozenset()
    """Who is on the record in an offending role: what names nobody befell each of them."""


class Clock(NamedTuple):
    """The day a clock starts, and what gave it; without one it waits for something to happen, or lacks a date."""

    on: date | None = None
    start: Start | None = None
    waits: bool = False
    problem: str | None = None
    """A date that cannot be read; one that is only missing is for the schedule to tell, where it needs it."""


class Unreadable(ValueError):
    """A date in the metadata that is none."""


def occurrences(live: Sequence[Fact], pack: Pack) -> list[Occurrence]:
    """Read what befell a record, each on its own date; what the pack does not know befell nothing."""
    found = []
    for fact in of_kind(live, "trigger"):
        what, on = happening(fact), happened_on(fact, pack)
        if on and what.trigger and what.trigger in pack.triggers:
            first = first_possible(fact, pack)
            whom = (what.nominal_source or "", what.nominal_id) if what.nominal_id is not None else None
            found.append(Occurrence(fact.event_uid, what.trigger, what.value, on, whom, what.offence, first))
    return found


def standing(start: Start, inputs: Inputs, pack: Pack) -> list[Occurrence]:
    """List the occurrences of a trigger that its values leave and that nothing on that day or later took back."""
    known = pack.triggers[start.name]
    values = start.values or known.values
    undone_on = max((each.on for each in inputs.occurrences if each.trigger in known.undone_by), default=date.min)
    return [
        each
        for each in inputs.occurrences
        if each.trigger == start.name and (not values or each.value in values) and not each.before(undone_on)
    ]


def day_of_start(start: Start, inputs: Inputs, pack: Pack) -> date | None:
    """Find the day of one start: a date as it is written, a trigger's last occurrence that stands."""
    if start.metadata_key is not None:
        return _written(inputs.metadata.get(start.metadata_key), pack)
    if start.name in pack.triggers:
        return max((each.on for each in standing(start, inputs, pack)), default=None)
    return inputs.dates.get(start.name)


def _written(text: str | None, pack: Pack) -> date | None:
    if not text:
        return None
    try:
        return day_of(text, pack.zone)
    except ValueError:
        raise Unreadable(text) from None


def clock_of(row: Row, inputs: Inputs, pack: Pack) -> Clock:
    """Start a row's clock: by the first date present, by the earliest, or by the latest once all are there.

    Where nothing has happened yet that the row waits for, there is no day and no mistake either.
    """
    if not row.clock:
        return Clock()
    try:
        days = [(each, day_of_start(each, inputs, pack)) for each in row.clock]
    except Unreadable:
        return Clock(problem="date_unreadable")
    missing = [each for each, on in days if on is None]
    present = [(on, each) for each, on in days if on]
    if not present or (row.clock_by == "all" and missing):
        return Clock(waits=_waits(row, missing, pack))
    if row.clock_by == "first":
        return Clock(*present[0])
    choose = min if row.clock_by == "any" else max
    return Clock(*choose(present, key=lambda each: each[0]))


def _waits(row: Row, missing: Iterable[Start], pack: Pack) -> bool:
    """Part what has not happened yet from what should have been written down."""
    ahead = [each.name in pack.triggers for each in missing]
    return all(ahead) if row.clock_by == "all" else any(ahead)


def too_early(inputs: Inputs, happened_on: date | None = None) -> bool:
    """Say whether something befell the record before it was reported, or can have happened: that cannot have been."""
    since = inputs.dates.get("reported_at") or happened_on
    return since is not None and any(each.on < since for each in inputs.occurrences)


def clock_facts(clock: Clock, inputs: Inputs) -> list[UUID]:
    """Name the events that a clock started at; none: a date of the record's own state."""
    if clock.start is None:
        return []
    return [each.event_uid for each in inputs.occurrences if each.trigger == clock.start.name and each.on == clock.on]


def waited_for(row: Row, inputs: Inputs, pack: Pack) -> list[str]:
    """Name what has not happened yet that would start a row's clock."""
    return [each.name for each in row.clock if each.name in pack.triggers and not day_of_start(each, inputs, pack)]
