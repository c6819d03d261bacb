"""Who is shown what, which records are sensitive, and what about views is told to professional standards."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import time
from typing import Any, Literal

from shared.auth import STAFF_ROLES
from shared.policy.keys import Key, Keys, Wanted, described, flag, ident, one_of, text_set, whole

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_NONE: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Screen:
    """A row of the table of screening: of whom and which records it speaks, and whether those are shown them."""

    id: str
    show: bool
    exists: bool = True
    """Whether a record that is not shown is shown to exist."""
    roles: frozenset[str] = _NONE
    units: frozenset[str] = _NONE
    record_types: frozenset[str] = _NONE
    markings: frozenset[str] = _NONE
    flags: frozenset[str] = _NONE
    restricted: bool | None = None
    tasked: bool | None = None
    """Whether it speaks of those who hold a task on the record, or of the others; None: of both."""


@dataclass(frozen=True, slots=True)
class Sensitive:
    """A kind of sensitive record; all that is given must hold."""

    id: str
    staff: bool | None = None
    """Whether a party is a member of staff."""
    offences: frozenset[str] = _NONE
    markings: frozenset[str] = _NONE
    record_types: frozenset[str] = _NONE
    flags: frozenset[str] = _NONE


@dataclass(frozen=True, slots=True)
class Watch:
    """What about views raises an alert, once in its window."""

    id: str
    kind: Literal["burst", "off_shift", "many_viewers"]
    roles: frozenset[str] = _NONE
    views: int = 0
    minutes: int = 0
    people: int = 0
    days: int = 0
    begins: time = time()
    ends: time = time()
    weekdays: frozenset[str] = frozenset(WEEKDAYS)


@dataclass(frozen=True, slots=True)
class Access:
    """Everything a pack says of looking."""

    screens: tuple[Screen, ...] = ()
    sensitive: tuple[Sensitive, ...] = ()
    watches: tuple[Watch, ...] = ()


@described({"type": "string", "format": "time"})
def clock_time(value: Any) -> time:
    """Read a time of day."""
    if not isinstance(value, time):
        raise Wanted("write a time without quotes, like 07:00:00")
    return value


_ID = Key(ident, needed=True)
_SETS: Keys = {"markings": Key(text_set), "record_types": Key(text_set), "flags": Key(text_set)}
SCREEN: Keys = {
    "id": _ID,
    "show": Key(flag, needed=True),
    "exists": Key(flag),
    "roles": Key(text_set),
    "units": Key(text_set),
    **_SETS,
    "restricted": Key(flag),
    "tasked": Key(flag),
}
SENSITIVE: Keys = {"id": _ID, "staff": Key(flag), "offences": Key(text_set), **_SETS}
_NUMBERS = ("views", "minutes", "people", "days")
WATCH: Keys = {
    "id": _ID,
    "kind": Key(one_of("burst", "off_shift", "many_viewers"), needed=True),
    "roles": Key(text_set),
    **{name: Key(whole) for name in _NUMBERS},
    "from": Key(clock_time, name="begins"),
    "until": Key(clock_time, name="ends"),
    "weekdays": Key(text_set),
}
_COUNTED: Mapping[str, tuple[str, ...]] = {"burst": ("views", "minutes"), "many_viewers": ("people", "days")}

Finding = tuple[str, str]
Known = Mapping[str, Collection[str]]


def check_screen(value: Screen, known: Known) -> Iterator[Finding]:
    """Find what of a row of screening names nothing, or cannot be."""
    yield from _unknown(value, known, ("roles", "record_types", "flags"))
    if value.show and not value.exists:
        yield "shows a record that is not to exist", "remove `exists`, or set `show` to false"


def check_sensitive(value: Sensitive, known: Known) -> Iterator[Finding]:
    """Find what of a kind of sensitive record names nothing."""
    yield from _unknown(value, known, ("record_types", "flags", "offences"))
    if value == Sensitive(value.id):
        yield (
            "says nothing of the records it is about",
            "give `staff`, `offences`, `markings`, `record_types` or `flags`",
        )


def check_watch(value: Watch, known: Known) -> Iterator[Finding]:
    """Find what a watch lacks, or has and does not go by."""
    yield from _unknown(value, known, ("roles",))
    needed = _COUNTED.get(value.kind, ())
    for name in _NUMBERS:
        given = getattr(value, name)
        if name in needed and not given:
            yield f"is a {value.kind} without `{name}`", "give it, one or more"
        if given and name not in needed:
            yield f"has `{name}`, which a {value.kind} does not go by", "remove it"
    if value.kind == "off_shift" and value.begins == value.ends:
        yield "has a shift of no length", "give `from` and `until`"
    if value.kind != "off_shift" and (value.begins, value.ends) != (time(), time()):
        yield f"has hours, which a {value.kind} does not go by", "remove `from` and `until`"
    if not value.weekdays or value.weekdays - set(WEEKDAYS):
        yield "`weekdays` names none, or one that is none", f"use {', '.join(WEEKDAYS)}"


def _unknown(value: Any, known: Known, names: tuple[str, ...]) -> Iterator[Finding]:
    for name in names:
        for each in sorted(getattr(value, name) - set(known[name])):
            yield f"`{name}` names {each!r}, which nothing here is", f"use {', '.join(sorted(known[name]))}"


def known_of(record_types: Collection[str], flags: Collection[str], offences: Collection[str]) -> Known:
    """Give what rows about looking may name; units and markings are upstream's own words, listed nowhere."""
    return {"roles": STAFF_ROLES, "record_types": record_types, "flags": flags, "offences": offences}
