"""When a row's clock starts, and how far its floors reach, read from the pack's text."""

from collections.abc import Iterator
from datetime import date
from typing import NamedTuple

from shared.calendar_rules import first_day_of
from tools.verify.dating.book import Book, Dates
from tools.verify.dating.told import NotJudged, Told
from tools.verify.dating.versions import Table

PLAIN_FLOOR = {"id", "from", "add", "authority"}


class Undated(Exception):
    """A date is missing or cannot be read: the record is an exception."""


class Clock(NamedTuple):
    """The day a clock starts; without one, whether something must happen first."""

    on: date | None
    waits: bool = False


def clock_of(book: Book, row: Table, record: Told, dates: Dates) -> Clock:
    """Start a row's clock."""
    names = [each if isinstance(each, str) else each["trigger"] for each in row.get("clock", ())]
    days = [_day(book, each, record, dates) for each in row.get("clock", ())]
    present, by = [on for on in days if on], row.get("clock_by", "first")
    if present and (by != "all" or len(present) == len(days)):
        return Clock({"first": present[0], "any": min(present), "all": max(present)}[by])
    ahead = [name in book.triggers for name, on in zip(names, days, strict=True) if not on]
    return Clock(None, bool(ahead) and (all(ahead) if by == "all" else any(ahead)))


def _day(book: Book, start: str | Table, record: Told, dates: Dates) -> date | None:
    name = start if isinstance(start, str) else start["trigger"]
    if name.startswith("metadata:"):
        text = (record.shown.body.get("metadata") or {}).get(name.removeprefix("metadata:"))
        try:
            return book.day(text) if text else None
        except ValueError:
            raise Undated from None
    if name not in book.triggers:
        return dates.get(name)
    values = (() if isinstance(start, str) else start.get("values")) or book.triggers[name].get("values")
    return max(happened(book, record, name, values), default=None)


def happened(book: Book, record: Told, name: str, values: object = None) -> list[date]:
    """List the days on which something befell a record that nothing took back on that day or later.

    Of a month it can have been the first day, and is counted from the last.
    """
    undoing = book.triggers[name].get("undone_by", ())
    undone = max((on for each in undoing for _, on in _days(book, record, each, None)), default=date.min)
    return [on for first, on in _days(book, record, name, values) if first > undone]


def _days(book: Book, record: Told, name: str, values: object) -> Iterator[tuple[date, date]]:
    for each in record.events:
        fits = not values or (isinstance(values, list) and each.get("value") in values)
        if each.get("trigger") == name and name in book.triggers and fits and each.get("on"):
            yield first_day_of(each["on"], book.zone), book.day(each["on"])


def floor_of(book: Book, row: Table, dates: Dates) -> date | None:
    """Find the last day of the row's floors: those that count from a date of the record."""
    days = []
    for name in row.get("floors", ()):
        floor = book.versions.floors[name]
        if not floor.keys() <= PLAIN_FLOOR:
            raise NotJudged("under floors that count from events or birthdays")
        start = next((dates[each] for each in floor.get("from", ()) if each in dates), None)
        if start is None:
            raise Undated
        days.append(book.later(start, floor["add"]))
    return max(days, default=None)
