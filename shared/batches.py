"""A batch of records of one topic, settled in one transaction with the positions it leaves behind."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol, TypeVar

import faust
from aiokafka import ConsumerRecord
from sqlalchemy.ext.asyncio import AsyncEngine

from shared import positions
from shared.clock import monotonic
from shared.crash import crash_point
from shared.db import Connection, transaction
from shared.positions import Lost, Place

log = logging.getLogger(__name__)

Handler = Callable[[Connection, "Batch"], Awaitable[None]]
Result = TypeVar("Result")


class Source(Protocol):
    """What a batch needs of whoever read it."""

    engine: AsyncEngine
    left: Callable[["Batch"], None]  # Hears that a batch is done with.

    async def again(
        self, work: Callable[[], Awaitable[Result]], until: "asyncio.Future[Any] | None" = None
    ) -> Result | None:
        """Repeat over transient errors; None when `until` came first, or this process is to stop."""


class App(faust.App):  # type: ignore[misc]
    """A Faust app without Faust's own consumer, producer and conductor: agents, services, and the health we give it."""

    class BootStrategy(faust.App.BootStrategy):  # type: ignore[misc]
        """Starts agents and services, nothing of Kafka."""

        enable_kafka: ClassVar[bool] = False

    def _create_directories(self) -> None:
        """Make none: they are for Faust's tables, we have no table, and the file system may be read-only."""


@dataclass(eq=False, slots=True)
class Span:
    """Consecutive records of one partition, and where they leave it."""

    place: Place
    records: list[ConsumerRecord]
    expects: int
    next: int
    alone: bool = False  # Its tries are written down: it is settled with no other.
    poison: bool = False  # It ends every process that tries it: park it unread.
    outcome: "asyncio.Future[bool]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    def conclude(self, settled: bool) -> None:
        """Say once what became of it."""
        if not self.outcome.done():
            self.outcome.set_result(settled)


@dataclass(eq=False, slots=True, weakref_slot=True)
class Batch:
    """Spans of one topic that are settled together; one whose tries are counted is alone."""

    source: Source
    spans: Sequence[Span]
    since: float

    @property
    def topic(self) -> str:
        """The topic of all its records."""
        return self.spans[0].place.topic

    @property
    def records(self) -> list[ConsumerRecord]:
        """All records; those of a partition in their order."""
        return [record for span in self.spans for record in span.records]

    @property
    def poison(self) -> bool:
        """Tell whether this is a record that ends every process that tries it."""
        return self.spans[0].poison

    def place_of(self, record: ConsumerRecord) -> Place:
        """Give the partition that a record came from."""
        cluster, topic, incarnation, _ = self.spans[0].place
        return Place(cluster, topic, incarnation, record.partition)

    async def settle(self, handle: Handler) -> bool:
        """Run `handle` and move the positions in one transaction, until it succeeds or one is somebody else's."""
        settled = False
        try:
            settled = bool(await self.source.again(lambda: self._once(handle), until=self.spans[0].outcome))
        except Lost as lost:
            log.warning("Lost a batch: %s", lost)
        finally:
            for span in self.spans:
                span.conclude(settled)
            self.source.left(self)
        if settled:
            crash_point("after_commit")
        return settled

    async def _once(self, handle: Handler) -> bool:
        self.since = monotonic()
        moves = [(span.place.part, span.expects, span.next) for span in self.spans]
        async with transaction(self.source.engine) as connection:
            await positions.advance(connection, self.spans[0].place, moves)
            await handle(connection, self)
            crash_point("before_commit")
        return True
