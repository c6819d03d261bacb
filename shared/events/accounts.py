"""What is told of the accounts: how a manifest compares with what came, and what intake measures of itself."""

from datetime import datetime
from typing import ClassVar, Literal
from uuid import UUID

import msgspec

from shared.events.event import Event


class ManifestReconciled(Event, frozen=True):
    """How what a source said it sent in a period compares with what came of it; a higher version replaces it.

    Ids are told up to 1,000 beside their counts. Of a manifest without ids nothing can be named: `missing_count` and
    `extra_count` then say at least how many.
    """

    type: ClassVar[str] = "tenure.manifest.reconciled.v1"

    manifest: UUID
    source: str
    source_system: str | None
    from_: str = msgspec.field(name="from")
    to: str
    state: Literal["matched", "differs"]
    named: bool
    expected: int
    arrived: int
    missing_count: int
    missing: tuple[str, ...]
    extra_count: int
    extra: tuple[str, ...]
    at: datetime
    version: int


class MeasureTaken(Event, frozen=True):
    """One measure of a service, as it stands since `at`; told when it changes."""

    type: ClassVar[str] = "tenure.measure.taken.v1"

    measure: str
    service: str
    source: str | None
    value: float | None
    unit: Literal["rows", "sources", "manifests", "records", "seconds"]
    since: datetime | None
    at: datetime
    version: int
