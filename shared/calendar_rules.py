"""Years, months and days as policy counts them: never early, and the same on any host in any zone."""

import re
from calendar import isleap
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Literal
from zoneinfo import ZoneInfo

Leap = Literal["last_day_of_february", "first_of_march"]
LEAPS: tuple[Leap, ...] = ("last_day_of_february", "first_of_march")

_PERIOD = re.compile(r"([1-9][0-9]{0,5})([ymdh])")
_LENGTHS = (0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_DAY = timedelta(days=1)
_HOURS_IN_A_DAY = 24
_MONTH = re.compile("[0-9]{4}-[0-9]{2}")
_DAY_TEXT = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")
FRACTION_DIGITS_MAX = 32
# One form wherever an instant is read; its hour, second and the offset's minutes are the groups.
_INSTANT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt]([0-9]{2}):[0-9]{2}"
    rf"(?::([0-9]{{2}})(?:[.,][0-9]{{1,{FRACTION_DIGITS_MAX}}})?)?(?:[Zz]|[+-][0-9]{{2}}:([0-9]{{2}}))"
)
_SECOND_AT = slice(len("2022-08-01T22:10:"), len("2022-08-01T22:10:00"))
_SECOND = timedelta(seconds=1)
# Most instants are written to the second, by a Z or an offset: what stands between their digits, and how long they are.
_MARKS = slice(len("2022"), None, len("-08"))
_USUAL = {"--T::Z": len("2022-08-01T22:10:00Z"), **{f"--T::{sign}:": len("2022-08-01T22:10:00+01:00") for sign in "+-"}}
_HOUR_AT = slice(len("2022-08-01T"), len("2022-08-01T22"))
_AWAY_AT = slice(len("2022-08-01T22:10:00+01:"), len("2022-08-01T22:10:00+01:0"))
_BEFORE_A_LEAP = (23, 59)
_LENGTH_OF_A_MONTH_TEXT = len("2022-08")
_LENGTH_OF_A_DAY_TEXT = len("2022-08-01")


class Unwritten(ValueError):
    """A text has not the form of an instant: its day, hour, minute or offset is missing, or written otherwise."""


@dataclass(frozen=True, slots=True)
class Period:
    """A length of time in whole months or whole civil days."""

    months: int = 0
    days: int = 0

    @classmethod
    def parse(cls, text: str) -> "Period":
        """Read `10y`, `6m`, `31d` or `24h`; hours count as whole civil days, rounded up."""
        match = _PERIOD.fullmatch(text)
        if match is None:
            raise ValueError(f"not a period: {text!r}")
        count, unit = int(match[1]), match[2]
        if unit == "h":
            return cls(days=-(-count // _HOURS_IN_A_DAY))
        if unit == "d":
            return cls(days=count)
        return cls(months=count * 12 if unit == "y" else count)

    def parts(self) -> dict[str, int]:
        """Give the period in its largest whole unit, as a derivation writes it."""
        if self.days:
            return {"days": self.days}
        years, months = divmod(self.months, 12)
        return {"months": self.months} if months else {"years": years}


def last_of_month(year: int, month: int) -> date:
    """Find the last civil day of a month."""
    return date(year, month, 29 if month == 2 and isleap(year) else _LENGTHS[month])


def add(start: date, period: Period, leap: Leap) -> date:
    """Count a period from its original start; a day the month lacks becomes the month's last.

    Only 29 February is policy's to choose: in a common year its anniversary is the last day of
    February or the first of March. What lies beyond the calendar's end is the calendar's last day.
    """
    if period.days:
        return start + timedelta(days=period.days) if period.days <= (date.max - start).days else date.max
    years, month = divmod(start.month - 1 + period.months, 12)
    year, month = start.year + years, month + 1
    if year > date.max.year:
        return date.max
    if start.day <= _LENGTHS[month]:
        return date(year, month, start.day)
    if month == 2 and start.month == 2 and leap == "first_of_march" and not isleap(year):
        return date(year, 3, 1)
    last = last_of_month(year, month)
    return last if last.day < start.day else date(year, month, start.day)


def day_after(day: date) -> date:
    """Find the first day on which something kept until `day` may go."""
    return day if day == date.max else day + _DAY


def days_before(day: date, days: int) -> date:
    """Count whole days back, as a lead time does."""
    return day - timedelta(days=min(days, (day - date.min).days))


def civil_day(instant: datetime, zone: ZoneInfo) -> date:
    """Find the civil day that an instant had in the zone of the pack."""
    if instant.tzinfo is None:
        raise ValueError("an instant needs an offset")
    return instant.astimezone(zone).date()


def instant_of(text: str) -> datetime:
    """Read an instant like `2022-08-01T22:10:00+01:00`, to the microsecond; seconds and their fraction may be missing.

    What has another form is `Unwritten`, what no clock showed another `ValueError`. A leap second, which is one only
    at the end of a day of UTC, is the instant after it.
    """
    if _USUAL.get(text[_MARKS]) == len(text) and text[_HOUR_AT] < "24" and text[_AWAY_AT] < "6":
        try:
            return datetime.fromisoformat(text)
        except ValueError:  # A leap second, or none at all.
            pass
    return _instant_of(text)


def _instant_of(text: str) -> datetime:
    found = _INSTANT.fullmatch(text)
    if found is None:
        raise Unwritten("not an instant with its day, hour, minute and offset")
    hour, second, away = found.groups()
    if hour == "24" or (away or "") > "59":  # Not left to the reader below: what it takes changes with its version.
        raise ValueError("not a time of day, or not an offset")
    if second != "60":
        return datetime.fromisoformat(text.upper().replace(",", "."))
    before = instant_of(f"{text[: _SECOND_AT.start]}59{text[_SECOND_AT.stop :]}")
    at = before.astimezone(UTC)
    if (at.hour, at.minute) != _BEFORE_A_LEAP:
        raise ValueError("not a leap second")
    return before + _SECOND


@lru_cache(maxsize=65_536)
def day_of(text: str, zone: ZoneInfo) -> date:
    """Read a civil date, a month (its last day counts: never early) or an instant's civil day.

    Whatever is written otherwise than `instant_of` and these two say is a `ValueError`, never a guess: metadata are as
    their source wrote them.
    """
    if len(text) == _LENGTH_OF_A_DAY_TEXT:
        if not _DAY_TEXT.fullmatch(text):
            raise ValueError("not a date as YYYY-MM-DD")
        return date.fromisoformat(text)
    if len(text) == _LENGTH_OF_A_MONTH_TEXT:
        first = _first_of_month(text)
        return last_of_month(first.year, first.month)
    try:
        return civil_day(instant_of(text), zone)
    except OverflowError:
        raise ValueError("an instant before or after all days") from None


def first_day_of(text: str, zone: ZoneInfo) -> date:
    """Read the earliest civil day that a written date can mean."""
    return _first_of_month(text) if len(text) == _LENGTH_OF_A_MONTH_TEXT else day_of(text, zone)


def _first_of_month(text: str) -> date:
    if not _MONTH.fullmatch(text):
        raise ValueError("not a month as YYYY-MM")
    return date(int(text[:4]), int(text[5:]), 1)
