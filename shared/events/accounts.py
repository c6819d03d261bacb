"""What is told of the accounts: how a manifest compares with what came, and what intake measures of itself."""

from datetime import datetime
from typing import ClassVar, Literal
from uuid import UUID

import msgspec

from shared.events.event import Event
from shared.events.words import Code, EventId, Moment, Named, Source


class ManifestReconciled(Event, frozen=True):
    """How what a source said it sent in a period compares with what came of it; a higher version replaces it.

    Ids are told up to 1,000 beside their counts. Of a manifest without ids nothing can be named: `missing_count` and
    `extra_count` then say at least how many.
    """

    type: ClassVar[str] = "tenure.manifest.reconciled.v1"

    manifest: UUID
    source: Source
    source_system: Named | None
    from_: Moment = msgspec.field(name="from")
    to: Moment
    state: Literal["matched", "differs"]
    named: bool
    expected: int
    arrived: int
    missing_count: int
    missing: tuple[EventId, ...]
    extra_count: int
    extra: tuple[EventId, ...]
    at: datetime
    version: int


class MeasureTaken(Event, frozen=True):
    """One measure of a service, as it stands since `at`; told when it changes."""

    type: ClassVar[str] = "tenure.measure.taken.v1"

    measure: Code
    service: Code
    source: Source | None
    value: float | None
    unit: Literal["rows", "sources", "manifests", "records", "seconds"]
    since: datetime | None
    at: datetime
    version: int
