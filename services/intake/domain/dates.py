"""Are the days and instants of an event whole, possible, and no further ahead than the pack allows?"""

import re
from collections.abc import Iterator
from datetime import date, timedelta
from typing import NamedTuple

from shared.calendar_rules import Unwritten, instant_of
from shared.events import Reason
from shared.policy import Pack, Source

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MONTH = re.compile(r"[0-9]{4}-[0-9]{2}")
_WITH_A_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ].+")
_DAY_ALONE = "This field takes a civil day and the value has a time of day; send the day alone, as YYYY-MM-DD."
_OR_MONTH = "A date needs year, month and day; for a month alone say precision month."
_WHOLE_ONLY = (
    "A date needs year, month and day; these fields take no month alone, so leave it out until the day is known."
)
_ZONES_APART = timedelta(days=3)  # No two zones' days are: an instant so long past is not ahead in any of them.


class Told(NamedTuple):
    """What an event is held against: the pack, its source, and the last day that the pack lets a date lie on."""

    pack: Pack
    source: Source
    last: date


def civil(text: str, pointer: str, precision: str | None, told: Told, *, or_month: bool = True) -> Iterator[Reason]:
    """Tell what is wrong with a civil day, or with a month where only that is known and the fields can say so."""
    if precision == "month" and _MONTH.fullmatch(text):
        text = f"{text}-01"
    elif precision == "month":
        yield Reason("precision_mismatch", pointer, "With precision month a date is YYYY-MM; send the month alone.")
        return
    if _WITH_A_TIME.fullmatch(text):
        yield Reason("date_with_time", pointer, _DAY_ALONE)
        return
    if not _DAY.fullmatch(text):
        yield Reason("partial_date", pointer, _OR_MONTH if or_month else _WHOLE_ONLY)
        return
    try:
        day = date.fromisoformat(text)
    except ValueError:
        yield Reason("impossible_date", pointer, "There is no such day; correct it.")
        return
    if day > told.last:
        yield Reason("future_date", pointer, "The date lies further ahead than the pack allows; correct it.")


def instant(text: str, pointer: str, told: Told) -> Iterator[Reason]:
    """Tell what is wrong with an instant; its day is that of the pack's zone."""
    try:
        at = instant_of(text)
        if at.date() < told.last - _ZONES_APART and at.year > 1:
            return  # Whatever the zone.
        day = at.astimezone(told.pack.zone).date()
    except Unwritten:
        yield Reason(
            "partial_instant",
            pointer,
            "An instant needs day, hour, minute and offset; send it like 2022-08-01T22:10:00+01:00.",
        )
        return
    except (ValueError, OverflowError):
        yield Reason("impossible_instant", pointer, "There is no such instant; correct it.")
        return
    if day > told.last:
        yield Reason("future_date", pointer, "The instant lies further ahead than the pack allows; correct it.")
