"""Who is shown a record, or that there is one: the pack's table, and one rule that no table changes."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, NamedTuple
from uuid import UUID

from shared.policy.access import Screen

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
        and matches_word(row.units, seen.unit)
        and matches_word(row.record_types, seen.record_type)
        and matches_word(row.markings, seen.marking)
        and (not row.flags or bool(row.flags & seen.flags))
        and row.restricted in (None, seen.restricted)
        and row.tasked in (None, bool(seen.tasks))
    )


def matches_word(wanted: frozenset[str], has: str | None) -> bool:
    """Say whether a row that names these words, or none, speaks of what has this one."""
    return not wanted or has in wanted
