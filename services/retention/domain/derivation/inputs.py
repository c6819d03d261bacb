"""What a derivation is told from: each part of it reads the same work, and writes its own steps."""

from collections.abc import Sequence
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from services.retention.domain.casefiles import Filed
from services.retention.domain.facts import Fact
from services.retention.domain.history import History
from services.retention.domain.identity import Merge, Waiting
from services.retention.domain.persons import Person
from services.retention.domain.records import OfRecord
from services.retention.domain.schedule import Schedule
from shared.policy import Pack

Step = dict[str, Any]


class Source(msgspec.Struct, frozen=True):
    """A record that gives a person their group or their clock's day, and its facts that do."""

    record_id: UUID
    grouped: tuple[UUID, ...] = ()
    noticed: tuple[UUID, ...] = ()


class Linked(msgspec.Struct, frozen=True):
    """A person who dates the record, by offending or by age: their own facts, and all that their links give."""

    nominal_ref: UUID
    facts: tuple[Fact, ...] = ()
    group: str | None = None
    notice_on: date | None = None
    grouped_on: date | None = None
    conduct_on: date | None = None
    offending: bool = True
    aged: str = ""
    """The roles for which the record reads their birth date."""
    members: tuple[UUID, ...] = ()
    """All whom they are, where a merge ever tied them to others."""
    merges: tuple[Merge, ...] = ()
    waiting: tuple[Waiting, ...] = ()
    problem: str | None = None
    sources: tuple[Source, ...] = ()
    """Where all their records were looked at: those that bind."""


class Work(NamedTuple):
    """A record dated: what its facts say, its persons beside what is known of them, and the schedule that follows."""

    history: History
    record: OfRecord
    persons: Sequence[tuple[Linked, Person]]
    schedule: Schedule
    pack: Pack
    aged: Sequence[tuple[Linked, Person]] = ()
    """Those whose birth dates the record reads."""
    facts: Sequence[Fact] = ()
    filed: Filed = Filed()
