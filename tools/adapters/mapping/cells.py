"""What a cell's text becomes: text, a whole number, a day, a month or an instant, in the format that is declared."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from tools.adapters.tables import BadCell

KINDS = ("text", "integer", "date", "month", "instant")
FORMATTED = ("date", "month", "instant")
DIGITS_MAX = 18

_ISO = {"date": "%Y-%m-%d", "month": "%Y-%m"}
_LENGTH = {"date": 10, "month": 7}
_INSTANT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?(?P<offset>Z|[+-]\d\d:?\d\d)?")
_INTEGER = re.compile(rf"-?\d{{1,{DIGITS_MAX}}}")
_DIRECTIVES = re.compile(r"%(.)", re.DOTALL)
_KNOWN = set("YmbBdHIpMSfzaA%")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Convert = Callable[[str], Any]


def format_mistake(kind: str, text: str, zone: ZoneInfo | None) -> str | None:
    """Say what is wrong with a date's format and the mend; None where it will do."""
    used = set(_DIRECTIVES.findall(text))
    if "y" in used:
        return "%y leaves the century to a guess: have the file write years in full, and %Y here"
    if unknown := sorted(used - _KNOWN):
        return f"%{unknown[0]} is not known here: use %Y %m %b %B %d %H %I %p %M %S %f %z"
    needed = ["Y", "mbB"] + ([] if kind == "month" else ["d"]) + (["HI", "M"] if kind == "instant" else [])
    for each in needed:
        if not used & set(each):
            return f"a {kind} needs %{each[0]}: an event's dates are never filled in"
    if "I" in used and "p" not in used:
        return "%I needs %p: 10 o'clock could be in the morning or the evening"
    if kind == "instant" and bool(zone) == ("z" in used):
        return 'an instant has either %z in its format or a zone, such as zone = "Europe/London"'
    return None


def converter(kind: str, form: str | None, zone: ZoneInfo | None) -> Convert:
    """Give what turns a cell's text into the value of an event."""
    if kind == "text":
        return str
    if kind == "integer":
        return _integer
    if kind == "instant":
        return lambda text: _instant(text, form, zone)
    return lambda text: _parsed(text, form or _ISO[kind]).date().isoformat()[: _LENGTH[kind]]


def _integer(text: str) -> int:
    if not _INTEGER.fullmatch(text):
        raise BadCell(f"is not a whole number of at most {DIGITS_MAX} digits: mend it, or take the row out")
    return int(text)


def _parsed(text: str, form: str) -> datetime:
    try:
        return datetime.strptime(text, form)  # noqa: DTZ007 (the zone is the caller's matter)
    except ValueError:
        raise BadCell(
            f"is not written as {form}, or no day of the calendar: mend it, or the mapping's format"
        ) from None


def _instant(text: str, form: str | None, zone: ZoneInfo | None) -> str:
    """Give an instant with its offset. Of an hour that the clocks repeat in autumn the first is meant."""
    if form is None:
        found = _INSTANT.fullmatch(text)
        if found is None or bool(found["offset"]) == bool(zone):
            wanted = "2022-08-01T10:05:00" + ("" if zone else "+01:00")
            raise BadCell(f"is not an instant written as {wanted}: mend it, or say its format in the mapping")
        try:
            parsed = datetime.fromisoformat(text)
        except ValueError:
            raise BadCell("is no day and time of the calendar: mend it, or take the row out") from None
        return text.replace(" ", "T") if zone is None else _in_zone(parsed, zone).isoformat()
    parsed = _parsed(text, form)
    precision = "auto" if "%S" in form else "minutes"
    return (parsed if zone is None else _in_zone(parsed, zone)).isoformat(timespec=precision)


def _in_zone(parsed: datetime, zone: ZoneInfo) -> datetime:
    there = parsed.replace(tzinfo=zone)
    try:
        exists = there.astimezone(UTC).astimezone(zone).replace(tzinfo=None) == parsed
    except OverflowError:
        exists = False
    if not exists:
        raise BadCell(f"is a time that the clocks of {zone.key} leave out: mend it, or take the row out")
    return there


def milliseconds(instant: str) -> int:
    """Give an instant as a number that grows: milliseconds since 1970."""
    return (datetime.fromisoformat(instant) - _EPOCH) // timedelta(milliseconds=1)
