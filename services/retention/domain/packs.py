"""What a changed pack changes about dates: which rows' schedules, and whether their facts must be read again."""

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from typing import Any

from shared.policy import Class, Former, Group, Pack, Row

# What no date follows from. Whatever is not named here or below is taken to reach every fact.
_SILENT_PACK = frozenset(
    {"hash", "id", "effective_on", "mode_approved_by", "quarantine", "discard_reasons", "vault", "required"}
    | {"questions", "policing_purposes", "purposes", "views", "access", "forbidden", "boilerplate", "evaluation"}
    | {"references", "metadata_keys", "timeliness", "jurisdiction", "calendar", "former"}
)
_SILENT_LIMITS = frozenset(
    {"news_age_minutes_max", "reviews_per_tick_max", "future_days_max", "stop_count", "stop_ratio"}
    | {"earliest", "placeholder_dates", "placeholder_births"}
)
_SILENT_ROW = frozenset(
    {"title", "table", "evidence", "regime", "jurisdiction", "authority", "owner", "range", "note", "transfers"}
    | {"statutory", "reaches", "locked"}
)
_SILENT_CLASS = frozenset({"title", "facets"})
_SILENT_GROUP = frozenset({"title", "evidence", "chain"})
# What dates a record from its side as it is stored: its facts say the same under both packs.
_DATES_PACK = frozenset({"exception_owner", "backstop", "mode"})
_DATES_LIMITS = frozenset({"lead_days", "cooling_off_days"})
_DATES_ROW = frozenset({"retain", "end", "confirmed", "cycle"})
_DATES_CLASS = frozenset({"backstop", "exception_owner"})
_DATES_GROUP = frozenset({"end", "confirmed"})
_UNIT = frozenset({"unit", "follows"})
EVERY = ""
"""The name that stands for every row."""


@dataclass(frozen=True, slots=True)
class Reached:
    """What to work out anew: rows from their records' sides, rows from their facts, groups from their persons."""

    dates: frozenset[str] = frozenset()
    facts: frozenset[str] = frozenset()
    persons: frozenset[str] = frozenset()

    def ways(self) -> Iterable[tuple[str, str]]:
        """List each way with the row or group that it is for; what every record takes is not done twice."""
        if EVERY in self.facts:
            yield "facts", EVERY
            return
        yield from (("facts", row) for row in sorted(self.facts))
        dates = {EVERY} if EVERY in self.dates else self.dates - self.facts
        yield from (("dates", row) for row in sorted(dates))
        yield from (("persons", group) for group in sorted(self.persons))


def compare(old: Pack, new: Pack) -> Reached:
    """Find what the new pack dates otherwise than the old; what need not be looked at is in neither set."""
    dates, facts = _of_pack(old, new)
    rows = {row: _differs(old.rows.get(row), new.rows.get(row), Row) - _SILENT_ROW for row in _all(old.rows, new.rows)}
    changed = {row: names for row, names in rows.items() if names}
    facts |= {row for row, names in changed.items() if not (names <= _DATES_ROW and _periods(old, new, row))}
    # Whom a change reaches is found from each record's facts; so are those whom it no longer leaves as they were.
    facts |= {row for row in _all(old.former, new.former) if old.former.get(row) != new.former.get(row)}
    facts |= {row.id for row in new.rows.values() if _floors_differ(old, new, row)}
    # A row that a source supplies, or whose unit may leave a record to an ancestor's, counts where another's is stored.
    supplied = {*old.supplied_rows.values(), *new.supplied_rows.values()}
    if not supplied.isdisjoint(changed.keys() | facts) or any(names & _UNIT for names in changed.values()):
        facts.add(EVERY)
    groups = {key: _differs(old.groups.get(key), new.groups.get(key), Group) for key in _all(old.groups, new.groups)}
    groups = {key: names - _SILENT_GROUP for key, names in groups.items()}
    if any(names & _DATES_GROUP for names in groups.values()):
        dates.add(EVERY)
    persons = {key for key, names in groups.items() if names - _DATES_GROUP}
    return Reached(frozenset(dates | set(changed)), frozenset(facts), frozenset(persons))


def succeed(before: Pack, pack: Pack) -> Pack:
    """Give a pack that comes after another what it leaves those records to that its changed rows do not reach."""
    former: dict[str, Former] = {}
    for row in pack.rows.values():
        was, earlier = before.rows.get(row.id), before.former.get(row.id)
        if row.reaches == "at_once" or was is None:
            continue
        if _differs(was, row, Row) - _SILENT_ROW:
            former[row.id] = Former(was, pack.effective_on, row.reaches, earlier)
        elif earlier:
            former[row.id] = replace(earlier, reaches=row.reaches)
    named = {name for each in former.values() for name in _floors_of(each)}
    gone = {name: floor for name, floor in before.floors.items() if name in named}
    return replace(pack, former=former, floors={**gone, **pack.floors})


def _floors_of(former: Former) -> set[str]:
    return {*former.row.floors, *(_floors_of(former.before) if former.before else ())}


def together(reached: Iterable[Reached]) -> Reached:
    """Join what several packs' schedules need."""
    each = list(reached)
    return Reached(
        frozenset(name for one in each for name in one.dates),
        frozenset(name for one in each for name in one.facts),
        frozenset(name for one in each for name in one.persons),
    )


def _of_pack(old: Pack, new: Pack) -> tuple[set[str], set[str]]:
    """Find what is not one row's: the scheme, and whatever every date is counted by."""
    apart = {"rows", "groups", "floors", "classes", "limits"}
    pack = _differs(old, new, Pack) - _SILENT_PACK - apart
    limits = _differs(old.limits, new.limits, type(new.limits)) - _SILENT_LIMITS
    scheme = {
        key: _differs(old.classes.get(key), new.classes.get(key), Class) for key in _all(old.classes, new.classes)
    }
    classes = frozenset(name for names in scheme.values() for name in names) - _SILENT_CLASS
    told = (pack - _DATES_PACK) | (limits - _DATES_LIMITS) | (classes - _DATES_CLASS)
    ordered = list(old.groups) == list(new.groups) and [each.id for each in old.in_order] == [
        each.id for each in new.in_order
    ]
    facts = set() if not told and ordered else {EVERY}
    return ({EVERY} if pack or limits or classes else set()), facts


def _periods(old: Pack, new: Pack, row: str) -> bool:
    """Say whether both packs have a period for a row: what a record's side says of its clock then stands."""
    return old.rows[row].retain is not None and new.rows[row].retain is not None


def _floors_differ(old: Pack, new: Pack, row: Row) -> bool:
    return any(old.floors.get(name) != new.floors.get(name) for name in row.floors)


def _all(old: Iterable[str], new: Iterable[str]) -> list[str]:
    return list(dict.fromkeys([*old, *new]))


def _differs(old: Any, new: Any, kind: type) -> frozenset[str]:
    """Name the fields in which two values differ; one that is missing differs in all."""
    return frozenset(
        each.name for each in fields(kind) if getattr(old, each.name, _GONE) != getattr(new, each.name, _GONE)
    )


_GONE = object()
