"""What about views is told to professional standards: hours and windows, worked out in the pack's zone."""

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from shared.errors import Conflict, Forbidden
from shared.policy.access import WEEKDAYS, Watch

Outcome = Literal["justified", "not_justified", "referred"]
_DAYS_BACK = 8  # A week, and the night that the shift before it may last into.


def watching(watches: Iterable[Watch], roles: frozenset[str]) -> Iterator[Watch]:
    """Give the watches over people of these roles."""
    return (watch for watch in watches if not watch.roles or watch.roles & roles)


def window(watch: Watch, now: datetime, zone: ZoneInfo) -> datetime | None:
    """Say since when a watch counts at this instant; None while it has nothing to say, within a shift.

    Off shift that is the end of the last shift: whoever looks in two nights is told of twice.
    """
    if watch.kind == "off_shift":
        return off_shift_since(watch, now, zone)
    return now - (timedelta(minutes=watch.minutes) if watch.kind == "burst" else timedelta(days=watch.days))


def off_shift_since(watch: Watch, now: datetime, zone: ZoneInfo) -> datetime | None:
    """Say since when no shift has run; None: one runs now.

    A shift belongs to the day on which it begins, and may end on the next. Where the clocks change, an hour that comes
    twice or never makes a shift longer, never shorter: nobody is told of for the clock's sake.
    """
    today = now.astimezone(zone).date()
    ended = []
    for back in range(-1, _DAYS_BACK):
        day = today - timedelta(days=back)
        if WEEKDAYS[day.weekday()] not in watch.weekdays:
            continue
        begins, ends = _shift(watch, day, zone)
        if begins <= now < ends:
            return None
        if ends <= now:
            ended.append(ends)
    return max(ended)  # In eight days each weekday comes, and a pack names one at least.


def _shift(watch: Watch, day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    last = day + timedelta(days=watch.ends <= watch.begins)
    return min(_instants(day, watch.begins, zone)), max(_instants(last, watch.ends, zone))


def _instants(day: date, at: time, zone: ZoneInfo) -> list[datetime]:
    return [datetime.combine(day, at.replace(fold=fold), zone).astimezone(UTC) for fold in (0, 1)]


def check_close(state: str, actor: str, closer: str) -> None:
    """Refuse to close what is closed, and to close what is about oneself."""
    if state != "open":
        raise Conflict("The alert is closed already.", "not_open")
    if actor == closer:
        raise Forbidden("The alert is about you. Another person of professional standards must close it.", "about_you")
