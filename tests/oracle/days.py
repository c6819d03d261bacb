"""Days one after the other: a calendar made by counting, with no date arithmetic of the program or the library."""

from functools import cache
from itertools import pairwise

from shared.calendar_rules import Period

Day = tuple[int, int, int]
FIRST_YEAR, LAST_YEAR = 1850, 2450
_MINUTES = 24 * 60
# Zones whose clocks never change, and how far they are from Greenwich, in minutes; London's change twice a year.
FIXED = {"UTC": 0, "Asia/Kathmandu": 345, "Pacific/Kiritimati": 840, "Pacific/Pago_Pago": -660}


def leap_year(year: int) -> bool:
    if year % 100 == 0:
        return year % 400 == 0
    return year % 4 == 0


def days_in(year: int, month: int) -> int:
    if month == 2:
        return 29 if leap_year(year) else 28
    return 30 if month in (4, 6, 9, 11) else 31


CALENDAR: list[Day] = [
    (year, month, day)
    for year in range(FIRST_YEAR, LAST_YEAR)
    for month in range(1, 13)
    for day in range(1, days_in(year, month) + 1)
]
NUMBER: dict[Day, int] = {day: number for number, day in enumerate(CALENDAR)}
_SUNDAY_NUMBER = NUMBER[(2000, 1, 2)]
assert all(one < next_one for one, next_one in pairwise(CALENDAR[:800]))


def next_day(day: Day) -> Day:
    return CALENDAR[NUMBER[day] + 1]


def is_sunday(day: Day) -> bool:
    return (NUMBER[day] - _SUNDAY_NUMBER) % 7 == 0


def written(day: Day) -> str:
    return "{:04}-{:02}-{:02}".format(*day)


def read_civil(text: str) -> Day:
    year, month, day = text.split("-")
    return int(year), int(month), int(day)


@cache
def month_later(start: Day, months: int, leap: str) -> Day:
    """Count months from a day, one by one. It may name a day that its month lacks: a 31 February is after the 28th."""
    year, month, day = start
    for _ in range(months):
        month += 1
        if month > 12:
            year, month = year + 1, 1
    if start[1:] == (2, 29) and month == 2 and not leap_year(year) and leap == "first_of_march":
        return year, 3, 1
    return year, month, day


def end_of(start: Day, period: Period, leap: str) -> Day:
    """Give the day beyond which a period does not run; it may name one that its month lacks."""
    if period.days:
        return CALENDAR[NUMBER[start] + period.days]
    return month_later(start, period.months, leap)


def walk(day: Day, end: Day) -> Day:
    """Walk day by day for as long as the next is not beyond an end."""
    number = NUMBER[day]
    while CALENDAR[number + 1] <= end:
        number += 1
    return CALENDAR[number]


@cache
def last_day_of(start: Day, period: Period, leap: str) -> Day:
    """Walk from a day to the last on which a period that began with it runs."""
    return walk(start, end_of(start, period, leap))


@cache
def _summer(year: int) -> tuple[int, int]:
    """Give the minutes between which London's clocks are ahead: at one o'clock on the last Sundays of two months."""
    march, october = (max(d for d in range(1, 32) if is_sunday((year, month, d))) for month in (3, 10))
    return tuple(NUMBER[(year, month, d)] * _MINUTES + 60 for month, d in ((3, march), (10, october)))


def _ahead(zone: str, minute: int) -> int:
    if zone in FIXED:
        return FIXED[zone]
    assert zone == "Europe/London", f"the oracle knows no clocks of {zone}"
    begins, ends = _summer(CALENDAR[minute // _MINUTES][0])
    return 60 if begins <= minute < ends else 0


@cache
def day_of_instant(text: str, zone: str) -> Day:
    """Find the day that people in a zone had at an instant like 2022-08-01T22:10:00+01:00."""
    civil, clock = text.upper().split("T")
    sign, offset = 0, "00:00"
    for each in "+-":
        if each in clock:
            clock, offset = clock.split(each)
            sign = 1 if each == "+" else -1
    hours, minutes = clock.rstrip("Z").split(":")[:2]
    away = sign * (int(offset[:2]) * 60 + int(offset[3:]))
    minute = NUMBER[read_civil(civil)] * _MINUTES + int(hours) * 60 + int(minutes) - away
    return CALENDAR[(minute + _ahead(zone, minute)) // _MINUTES]


def latest_meant(text: str | None, zone: str) -> Day | None:
    """Read a written date; of a month its last day counts."""
    if text is None:
        return None
    if "T" in text.upper():
        return day_of_instant(text, zone)
    if text.count("-") == 1:
        year, month = map(int, text.split("-"))
        return year, month, days_in(year, month)
    return read_civil(text)


def earliest_meant(text: str | None, zone: str) -> Day | None:
    """Read the first day that a written date can mean."""
    latest = latest_meant(text, zone)
    return (*latest[:2], 1) if latest and text and text.count("-") == 1 and "T" not in text.upper() else latest
