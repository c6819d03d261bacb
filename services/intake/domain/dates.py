"""Are the days and instants of an event whole, possible, and such as the pack believes?"""

import re
from collections.abc import Iterator, Set
from datetime import date, datetime, timedelta
from functools import lru_cache

import msgspec

from shared.calendar_rules import Unwritten, instant_of
from shared.events import Reason
from shared.policy import Pack, Source

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_LENGTH_OF_A_DAY = len("2022-08-01")  # Nothing longer is remembered: what is sent here may be long.
_MONTH = re.compile(r"[0-9]{4}-[0-9]{2}")
_WITH_A_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ].+")
_DAY_ALONE = "This field takes a civil day and the value has a time of day; send the day alone, as YYYY-MM-DD."
_OR_MONTH = "A date needs year, month and day; for a month alone say precision month."
_WHOLE_ONLY = (
    "A date needs year, month and day; these fields take no month alone, so leave it out until the day is known."
)
_AHEAD = "The date lies further ahead than the pack allows; correct it."
_EARLY = "The date lies before the earliest day that the pack believes; correct it."
_NO_DAY = "The pack knows this day as one that systems write where they know none; send the day that is meant, or none."
DAYS_KNOWN_MAX = 4_096
_ZONES_APART = timedelta(days=3)  # No two zones' days are: an instant so long past is not ahead in any of them.


class Told(msgspec.Struct, frozen=True):
    """What an event is held against: the pack, its source, and the days between which the pack lets a date lie."""

    pack: Pack
    source: Source
    first: date
    last: date


def civil(text: str, pointer: str, precision: str | None, told: Told) -> Iterator[Reason]:
    """Tell what is wrong with a civil day, or with a month where only that is known: it begins on its first."""
    if precision == "month" and _MONTH.fullmatch(text):
        text = f"{text}-01"
    elif precision == "month":
        yield Reason("precision_mismatch", pointer, "With precision month a date is YYYY-MM; send the month alone.")
        return
    yield from _day(text, pointer, _OR_MONTH, told, told.pack.placeholders[0])


def whole_day(text: str, pointer: str, told: Told) -> Iterator[Reason]:
    """Tell what is wrong with a civil day of a field that takes no month alone."""
    yield from _day(text, pointer, _WHOLE_ONLY, told, told.pack.placeholders[0])


def birth(text: str, pointer: str, told: Told) -> Iterator[Reason]:
    """Tell what is wrong with a date of birth."""
    yield from _day(text, pointer, _WHOLE_ONLY, told, told.pack.placeholders[1])


def _day(text: str, pointer: str, partial: str, told: Told, placeholders: frozenset[date]) -> Iterator[Reason]:
    if len(text) != _LENGTH_OF_A_DAY or not _is_believed(text, told.first, told.last, placeholders):
        yield from _disbelieved(text, pointer, partial, told, placeholders)


@lru_cache(maxsize=DAYS_KNOWN_MAX)
def _is_believed(text: str, first: date, last: date, placeholders: frozenset[date]) -> bool:
    """Say whether a text is a day, and one that the pack believes: the same few thousand come again and again."""
    try:
        day = date.fromisoformat(text) if _DAY.fullmatch(text) else None
    except ValueError:
        return False
    return day is not None and first <= day <= last and day not in placeholders


def _disbelieved(text: str, pointer: str, partial: str, told: Told, placeholders: Set[date]) -> Iterator[Reason]:
    if not _DAY.fullmatch(text):
        timed = _WITH_A_TIME.fullmatch(text)
        yield Reason("date_with_time", pointer, _DAY_ALONE) if timed else Reason("partial_date", pointer, partial)
        return
    try:
        day = date.fromisoformat(text)
    except ValueError:
        yield Reason("impossible_date", pointer, "There is no such day; correct it.")
        return
    yield from _unbelieved((day,), pointer, told, placeholders)


def _unbelieved(days: tuple[date, ...], pointer: str, told: Told, placeholders: Set[date]) -> Iterator[Reason]:
    """Tell why a date is not believed; of an instant are held against the pack its day as written and its day here."""
    if not placeholders.isdisjoint(days):
        yield Reason("placeholder_date", pointer, _NO_DAY)
    elif days[-1] < told.first:
        yield Reason("early_date", pointer, _EARLY)
    elif days[-1] > told.last:
        yield Reason("future_date", pointer, _AHEAD)


def is_sure(text: str, told: Told) -> bool:
    """Say whether an instant is sound whatever the zone; of one that is not, `instant` tells whether and why."""
    try:
        return not _days(instant_of(text), told)
    except (ValueError, OverflowError):
        return False


def instant(text: str, pointer: str, told: Told) -> Iterator[Reason]:
    """Tell what is wrong with an instant; its day is that of the pack's zone."""
    try:
        at = instant_of(text)
        if not (days := _days(at, told)):
            return
    except Unwritten:
        yield Reason(
            "partial_instant",
            pointer,
            "An instant needs day, hour, minute and offset; send it like 2022-08-01T22:10:00+01:00.",
        )
    except (ValueError, OverflowError):
        yield Reason("impossible_instant", pointer, "There is no such instant; correct it.")
    else:
        yield from _unbelieved(days, pointer, told, told.pack.placeholders[0])


def _days(at: datetime, told: Told) -> tuple[date, ...]:
    """Give an instant's day as it is written, and its day here; nothing where no zone's day can be wrong."""
    written, (placeholders, _) = at.date(), told.pack.placeholders
    if written in placeholders:
        return (written,)  # Also at either end of the calendar, where no other zone has a day.
    if _certain(written, told.first, told.last, placeholders):
        return ()
    return written, at.astimezone(told.pack.zone).date()


@lru_cache(maxsize=DAYS_KNOWN_MAX)
def _certain(written: date, first: date, last: date, placeholders: frozenset[date]) -> bool:
    """Say whether no zone's day of an instant that is written with this day can be one that is not believed."""
    between = first + _ZONES_APART < written < last - _ZONES_APART
    return between and not any(abs(written - each) < _ZONES_APART for each in placeholders)
