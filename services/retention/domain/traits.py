"""What a hold can match on a record, and which holds do."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any
from uuid import UUID

import msgspec

from services.retention.domain.dates import WRITTEN
from services.retention.domain.facts import RecordState
from shared.calendar_rules import day_of, first_day_of
from shared.errors import Invalid
from shared.policy import Pack

Span = tuple[date, date]


class Traits(msgspec.Struct, frozen=True):
    """What is, or ever was, true of a record, in any of its states."""

    record_types: frozenset[str] = frozenset()
    source_systems: frozenset[str] = frozenset()
    units: frozenset[str] = frozenset()
    offences: frozenset[str] = frozenset()
    spans: tuple[Span, ...] = ()
    """Each date of the record as the days it can mean: a month is all its days."""


def traits_of(states: Sequence[RecordState], pack: Pack) -> Traits:
    """Gather what a hold can match from every state of a record."""
    texts = {text for state in states for name in WRITTEN if (text := getattr(state, name))}
    return Traits(
        record_types=_present(state.record_type for state in states),
        source_systems=_present(state.source_system for state in states),
        units=_present(state.unit for state in states),
        offences=frozenset(offence for state in states for offence in state.offences or ()),
        spans=tuple(sorted({(first_day_of(text, pack.zone), day_of(text, pack.zone)) for text in texts})),
    )


def _present(values: Iterable[str | None]) -> frozenset[str]:
    return frozenset(value for value in values if value)


class EmptyScope(Invalid):
    """A hold must say what it holds; one that names nothing would hold everything."""


class Scope(msgspec.Struct, frozen=True):
    """What a hold covers: values in one field are alternatives, different fields must all match."""

    records: frozenset[UUID] = frozenset()
    nominals: frozenset[UUID] = frozenset()
    record_types: frozenset[str] = frozenset()
    offences: frozenset[str] = frozenset()
    units: frozenset[str] = frozenset()
    sources: frozenset[str] = frozenset()
    from_on: date | None = None
    to_on: date | None = None

    def check(self) -> None:
        """Refuse a scope that names nothing, or whose dates run backwards."""
        if self == Scope():
            raise EmptyScope("The scope is empty. Name records, nominals, types, offences, units, sources or dates.")
        if self.from_on and self.to_on and self.from_on > self.to_on:
            raise EmptyScope("The scope ends before it begins, so it holds nothing. Exchange its dates.")


class Holdable(msgspec.Struct, frozen=True):
    """A record as a hold sees it; its nominals in any role, past or present."""

    record_id: UUID
    nominals: frozenset[UUID] = frozenset()
    traits: Traits = Traits()


def matches(scope: Scope, record: Holdable) -> bool:
    """Say whether a hold covers a record."""
    scope.check()
    traits = record.traits
    return (
        (not scope.records or record.record_id in scope.records)
        and _meet(scope.nominals, record.nominals)
        and _meet(scope.record_types, traits.record_types)
        and _meet(scope.offences, traits.offences)
        and _meet(scope.units, traits.units)
        and _meet(scope.sources, traits.source_systems)
        and _in_time(scope, traits.spans)
    )


def _meet(wanted: frozenset[Any], have: frozenset[Any]) -> bool:
    return not wanted or not wanted.isdisjoint(have)


def _in_time(scope: Scope, spans: Sequence[Span]) -> bool:
    if scope.from_on is None and scope.to_on is None:
        return True
    start, end = scope.from_on or date.min, scope.to_on or date.max
    return any(first <= end and last >= start for first, last in spans)
