"""How the keys of a pack's tables are read: each reader gives a value or says what it wants instead."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from shared.calendar_rules import Period

Reader = Callable[[Any], Any]
LINE_CHARS_MAX = 256
_IDENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}")


class Wanted(ValueError):
    """A value is not what its key needs; the message says what is wanted."""


@dataclass(frozen=True, slots=True)
class Key:
    """How to read one key, whether it must be there, and the value's name where it differs."""

    read: Reader
    needed: bool = False
    name: str = ""


Keys = Mapping[str, Key]
Json = dict[str, Any]
_SCHEMAS: dict[Reader, Json] = {}
_Read = TypeVar("_Read", bound=Reader)


def described(schema: Json) -> Callable[[_Read], _Read]:
    """Say what a reader takes, as JSON Schema: of what `tomllib` gives, dates and times as their text."""

    def keep(reader: _Read) -> _Read:
        _SCHEMAS[reader] = schema
        return reader

    return keep


def schema_of(reader: Reader) -> Json:
    """Give the JSON Schema of what a reader takes."""
    return _SCHEMAS[reader]


def schema_of_keys(keys: Keys) -> Json:
    """Give the JSON Schema of a table with these keys, and no other."""
    return {
        "type": "object",
        "properties": {name: schema_of(key.read) for name, key in keys.items()},
        "required": [name for name, key in keys.items() if key.needed],
        "additionalProperties": False,
    }


@described({"type": "string", "minLength": 1, "pattern": "\\S"})
def text(value: Any) -> str:
    """Read a text that is not empty."""
    if not isinstance(value, str) or not value.strip():
        raise Wanted("write a text between quotes")
    return value


@described({"type": "boolean"})
def flag(value: Any) -> bool:
    """Read true or false."""
    if not isinstance(value, bool):
        raise Wanted("write true or false")
    return value


@described({"type": "integer", "minimum": 0})
def whole(value: Any) -> int:
    """Read a whole number, zero or more."""
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise Wanted("write a whole number, zero or more")
    return value


@described({"type": "string", "minLength": 1, "maxLength": LINE_CHARS_MAX, "pattern": "\\S"})
def line(value: Any) -> str:
    """Read a text that may stand on a public topic: one line, and no room for a narrative."""
    if len(text(value)) > LINE_CHARS_MAX or not value.isprintable():
        raise Wanted(f"write one line of at most {LINE_CHARS_MAX} characters; longer text belongs into `note`")
    return str(value)


@described({"type": "string", "pattern": f"^{_IDENT.pattern}$"})
def ident(value: Any) -> str:
    """Read an id: what names something of the pack, everywhere."""
    if not _IDENT.fullmatch(text(value)):
        raise Wanted("write an id of at most 128 letters, digits and . _ : / - only, beginning with a letter or digit")
    return str(value)


@described({"type": "array", "items": {"type": "string", "minLength": 1}})
def texts(value: Any) -> tuple[str, ...]:
    """Read a list of texts."""
    if not isinstance(value, list) or not all(isinstance(each, str) and each for each in value):
        raise Wanted('write a list of texts, like ["one", "two"]')
    return tuple(value)


@described({"type": "array", "items": {"type": "string", "minLength": 1}})
def text_set(value: Any) -> frozenset[str]:
    """Read a list of texts whose order says nothing."""
    return frozenset(texts(value))


@described({"type": "object", "additionalProperties": {"type": "string", "minLength": 1}})
def words(value: Any) -> tuple[tuple[str, str], ...]:
    """Read a table of texts."""
    if not isinstance(value, dict) or not all(isinstance(each, str) and each for each in value.values()):
        raise Wanted('write a table of texts, like {key = "value"}')
    return tuple(sorted(value.items()))


@described({"type": "string", "format": "date"})
def day(value: Any) -> date:
    """Read a civil date."""
    if not isinstance(value, date) or isinstance(value, datetime):
        raise Wanted("write a date without quotes, like 2026-04-01")
    return value


@described({"type": "array", "items": schema_of(day)})
def days(value: Any) -> tuple[date, ...]:
    """Read a list of civil dates."""
    if not isinstance(value, list):
        raise Wanted("write a list of dates without quotes, like [1900-01-01, 1970-01-01]")
    return tuple(day(each) for each in value)


_MONTHS_MAX = 12_000  # What falls due after a thousand years never does, and says so nowhere.
_DAYS_MAX = 366_000
_CADENCE_MONTHS_MAX = 1_200
_CADENCE_DAYS_MAX = 36_600
_NO_LENGTH = re.compile(r"0+[ymdh]")


@described({"type": "string", "pattern": "^[1-9][0-9]{0,5}[ymdh]$"})
def period(value: Any) -> Period:
    """Read a period."""
    try:
        found = Period.parse(text(value))
    except ValueError:
        if isinstance(value, str) and _NO_LENGTH.fullmatch(value):
            raise Wanted("a period of no length is none; give a length, or leave it out") from None
        raise Wanted('write a period like "10y", "6m", "31d" or "24h"') from None
    if found.months > _MONTHS_MAX or found.days > _DAYS_MAX:
        raise Wanted('no calendar counts so far; give at most "1000y", or "permanent" for what is kept for ever')
    return found


@described(schema_of(period))
def cadence(value: Any) -> Period:
    """Read how often something is looked at."""
    found: Period = period(value)
    if found.months > _CADENCE_MONTHS_MAX or found.days > _CADENCE_DAYS_MAX:
        raise Wanted('nobody who is there would look again; give at most "100y"')
    return found


@described({"type": "string", "minLength": 1})
def zone(value: Any) -> ZoneInfo:
    """Read a time zone's name."""
    try:
        return ZoneInfo(text(value))
    except (LookupError, ValueError, OSError):
        raise Wanted('name a time zone, like "Europe/London"') from None


def one_of(*choices: str) -> Reader:
    """Make a reader that takes one of a few words."""

    @described({"enum": list(choices)})
    def read(value: Any) -> str:
        if value not in choices:
            raise Wanted(f"write one of {', '.join(choices)}")
        return str(value)

    return read


def inner(make: Callable[..., Any], keys: Keys) -> Reader:
    """Make a reader of a table inside a table."""

    @described(schema_of_keys(keys))
    def read(value: Any) -> Any:
        if not isinstance(value, dict):
            raise Wanted("write a table, like {key = value}")
        found, wrong = read_keys(value, keys)
        if wrong:
            raise Wanted("; ".join(f"{what}: {mend}" for what, mend in wrong))
        return make(**found)

    return read


def many(read_one: Reader) -> Reader:
    """Make a reader of a list."""

    @described({"type": "array", "items": schema_of(read_one)})
    def read(value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list):
            raise Wanted("write a list, like [{...}, {...}]")
        return tuple(read_one(each) for each in value)

    return read


def read_keys(table: Mapping[str, Any], keys: Keys) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """Read a table's keys; what is wrong comes back as (what, mend)."""
    found: dict[str, Any] = {}
    wrong = [
        (f"`{key}` is not a key of this table", f"remove it or use one of {', '.join(keys)}")
        for key in table
        if key not in keys
    ]
    for name, key in keys.items():
        if name not in table:
            if key.needed:
                wrong.append((f"`{name}` is missing", "add it"))
            continue
        try:
            found[key.name or name] = key.read(table[name])
        except Wanted as wanted:
            wrong.append((f"`{name}` cannot be used as written", str(wanted)))
    return found, wrong
