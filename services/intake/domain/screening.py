"""Who is shown a record, or that there is one: the pack's table, and one rule that no table changes."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple
from uuid import UUID

from shared.ids import nominal_ref
from shared.policy.access import Screen, Sensitive

Stand = Literal["shown", "screened", "hidden", "own_file"]
"""Shown; shown to exist and no more; not shown to exist; not shown to exist because it is about who asks."""


class Looker(NamedTuple):
    """Who wants to look."""

    staff_id: str
    roles: frozenset[str]


@dataclass(frozen=True, slots=True)
class Seen:
    """What rules about looking go by, of one record; `tasks` are those that the looker holds on it."""

    record_id: UUID
    record_type: str | None = None
    unit: str | None = None
    marking: str | None = None
    offences: frozenset[str] = frozenset()
    flags: frozenset[str] = frozenset()
    staff: frozenset[str] = frozenset()
    restricted: bool = False
    marked: bool = False
    tasks: tuple[UUID, ...] = ()


def stand(looker: Looker, seen: Seen, screens: Iterable[Screen]) -> Stand:
    """Say how a record stands to who looks: the first row that matches decides, and without one it is shown.

    A file about the looker comes before every row: it is never shown to exist.
    """
    if looker.staff_id in seen.staff:
        return "own_file"
    for row in screens:
        if _matches(row, looker, seen):
            return "shown" if row.show else "screened" if row.exists else "hidden"
    return "shown"


def _matches(row: Screen, looker: Looker, seen: Seen) -> bool:
    return (
        (not row.roles or bool(row.roles & looker.roles))
        and _of(row.units, seen.unit)
        and _of(row.record_types, seen.record_type)
        and _of(row.markings, seen.marking)
        and (not row.flags or bool(row.flags & seen.flags))
        and row.restricted in (None, seen.restricted)
        and row.tasked in (None, bool(seen.tasks))
    )


def _of(wanted: frozenset[str], has: str | None) -> bool:
    return not wanted or has in wanted


MARKED = "marked"
"""Stands for a rule's id where a named role has called the record sensitive."""


def sensitive_by(seen: Seen, rules: Iterable[Sensitive]) -> tuple[str, ...]:
    """List the rules by which a record is sensitive; none: it is not."""
    return tuple([rule.id for rule in rules if _is(rule, seen)] + [MARKED] * seen.marked)


def _is(rule: Sensitive, seen: Seen) -> bool:
    return (
        rule.staff in (None, bool(seen.staff))
        and (not rule.offences or bool(rule.offences & seen.offences))
        and _of(rule.markings, seen.marking)
        and _of(rule.record_types, seen.record_type)
        and (not rule.flags or bool(rule.flags & seen.flags))
    )


def parties(metadata: Mapping[str, Any]) -> frozenset[UUID]:
    """Give the persons that a record's state links; officers are no parties."""
    links = metadata.get("links") or ()
    return frozenset(nominal_ref(each["nominal_source"], each["nominal_id"]) for each in links)
