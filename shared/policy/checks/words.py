"""How a check says that something is not there, or cannot be."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator

from shared.auth import STAFF_ROLES
from shared.policy.pack import Pack
from shared.policy.rules import ROLES, Start
from shared.policy.tables import DATES

Finding = tuple[str, str]
AGE_MAX = 150
"""Years to which nobody has lived."""


def unknown(what: str, name: str | None, known: Collection[str], table: str) -> Iterator[Finding]:
    """Tell a name that no entry of a table has."""
    if name is not None and name not in known:
        yield f"{what} {name!r} is not in this pack", f"add it as [[{table}]] or name one that is there"


def no_role(key: str, role: str | None) -> Iterator[Finding]:
    """Tell a role that no member of staff has."""
    if role is not None and role not in STAFF_ROLES:
        yield f"`{key}` names {role!r}, which is no role", f"use {', '.join(sorted(STAFF_ROLES))}"


def no_part(key: str, roles: Iterable[str]) -> Iterator[Finding]:
    """Tell a role that no person has on a record."""
    for role in sorted(set(roles) - set(ROLES)):
        yield f"`{key}` names {role!r}, which nobody is on a record", f"use {', '.join(ROLES)}"


def twice(key: str, names: Iterable[str]) -> Iterator[Finding]:
    """Tell what a list says more than once."""
    for name, count in Counter(names).items():
        if count > 1:
            yield f"`{key}` names {name!r} twice", "name it once"


def pointers(given: Iterable[str]) -> Iterator[Finding]:
    """Tell what is no JSON Pointer."""
    for pointer in given:
        if not pointer.startswith("/"):
            yield f"{pointer!r} is no JSON Pointer", "begin it with /"


def dates(key: str, names: tuple[str, ...]) -> Iterator[Finding]:
    """Tell a date that no record has."""
    yield from twice(key, names)
    for name in names:
        if name not in DATES:
            yield f"`{key}` names {name!r}, which no record has", f"use {', '.join(DATES)}"


def starts(pack: Pack, key: str, given: tuple[Start, ...]) -> Iterator[Finding]:
    """Tell what nothing can start at."""
    yield from twice(key, (each.name for each in given if not each.values))
    for each in given:
        if each.metadata_key is not None:
            if each.metadata_key not in pack.metadata_keys:
                yield f"`{key}` asks for {each.name!r}, which is not passed on", "add it to `keys` of [metadata]"
        elif each.name not in DATES and each.name not in pack.triggers:
            yield f"`{key}` names {each.name!r}, which no record has", f"use {', '.join(DATES)}, or a [[trigger]]"
        yield from _values(pack, key, each)


def _values(pack: Pack, key: str, each: Start) -> Iterator[Finding]:
    if not each.values:
        return
    trigger = pack.triggers.get(each.name)
    if trigger is None:
        yield f"`{key}` gives {each.name!r} values, which only a trigger has", "write the name alone"
    elif trigger.values and each.values - trigger.values:
        lost = ", ".join(sorted(each.values - trigger.values))
        yield f"`{key}` waits for {each.name!r} with {lost}, which never counts", "add it to the trigger's `values`"
