"""What a derivation is told from: each part of it reads the same work, and writes its own steps."""

from collections.abc import Sequence
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from services.retention.domain.facts import Fact
from services.retention.domain.persons import Person
from services.retention.domain.records import History, OfRecord
from services.retention.domain.schedule import Schedule
from shared.policy import Pack

Step = dict[str, Any]


class Linked(msgspec.Struct, frozen=True):
    """An offending person of the record: their own facts, and what all their links give together."""

    nominal_ref: UUID
    facts: tuple[Fact, ...] = ()
    group: str | None = None
    notice_on: date | None = None
    grouped_on: date | None = None


class Work(NamedTuple):
    """A record dated: what its facts say, its persons beside what is known of them, and the schedule that follows."""

    history: History
    record: OfRecord
    persons: Sequence[tuple[Linked, Person]]
    schedule: Schedule
    pack: Pack
