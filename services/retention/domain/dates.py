"""The dates of one state of a record, by the names that the pack's rows use."""

from collections.abc import Sequence
from datetime import date

from services.retention.domain.facts import RecordState
from shared.calendar_rules import day_of, first_day_of
from shared.policy import Pack

Dates = dict[str, date]
WRITTEN = ("occurred_on", "reported_at", "recorded_at", "created_on")


def dates_of(state: RecordState, received_on: date | None, pack: Pack) -> Dates:
    """Read a state's dates as civil days; of a month its last day."""
    dates = {name: day_of(text, pack.zone) for name in WRITTEN if (text := getattr(state, name))}
    if received_on is not None:
        dates["received_on"] = received_on
    return dates


def first_of(names: Sequence[str], dates: Dates) -> date | None:
    """Find the first date present of a list of names."""
    return next((dates[name] for name in names if name in dates), None)


def last_of(*days: date | None) -> date | None:
    """Find the last of some days; None where there is none."""
    return max((day for day in days if day), default=None)


def conduct_on(state: RecordState, pack: Pack) -> date | None:
    """Find the earliest day on which the conduct can have been; without one the first on which it was told of."""
    if state.occurred_on:
        return first_day_of(state.occurred_on, pack.zone)
    told = (state.reported_at, state.recorded_at, state.created_on)
    return min((day_of(text, pack.zone) for text in told if text), default=None)


def created_on(dates: Dates) -> date | None:
    """Find a record's creation, which means the same everywhere."""
    return first_of(("created_on", "recorded_at", "received_on", "reported_at", "occurred_on"), dates)


def contradictory(state: RecordState, dates: Dates, pack: Pack) -> bool:
    """Say whether the record was reported, recorded or created before it can have happened."""
    began = conduct_on(state, pack)
    later = (dates[name] for name in WRITTEN if name != "occurred_on" and name in dates)
    return began is not None and any(day < began for day in later)
