"""One batch of one partition, settled in one transaction with its position."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import faust
from aiokafka import ConsumerRecord
from sqlalchemy.ext.asyncio import AsyncEngine

from shared import positions
from shared.clock import monotonic
from shared.crash import crash_point
from shared.db import Connection, transaction
from shared.positions import Lost, Place

log = logging.getLogger(__name__)

# Which try of a record parks it: it has ended a process among others, then alone, and alone again. Once alone would not
# do: a process that is killed from outside twice would park a sound record.
ATTEMPTS_MAX = 4

Handler = Callable[[Connection, "Batch"], Awaitable[None]]


class Source(Protocol):
    """What a batch needs of whoever read it."""

    engine: AsyncEngine

    async def again(
        self, work: Callable[[], Awaitable[bool]], until: "asyncio.Future[Any] | None" = None
    ) -> bool | None:
        """Repeat over transient errors."""


class App(faust.App):  # type: ignore[misc]
    """A Faust app without Faust's own consumer, producer and conductor: agents, services, and the health we give it."""

    class BootStrategy(faust.App.BootStrategy):  # type: ignore[misc]
        """Starts agents and services, nothing of Kafka."""

        enable_kafka: ClassVar[bool] = False


@dataclass(eq=False, slots=True)
class Batch:
    """Consecutive records of one partition, and where they leave it."""

    place: Place
    records: list[ConsumerRecord]
    expects: int
    next: int
    attempts: int  # 0: not counted. ATTEMPTS_MAX: it ended the process on every try before; park it unread.
    source: Source
    outcome: "asyncio.Future[bool]"
    since: float

    @property
    def poison(self) -> bool:
        """Tell whether this is the last try of a record that ended the process each time."""
        return self.attempts >= ATTEMPTS_MAX

    async def settle(self, handle: Handler) -> bool:
        """Run `handle` and move the position in one transaction, until it succeeds or is somebody else's."""
        try:
            if await self.source.again(lambda: self._once(handle), until=self.outcome):
                self.conclude(True)
                crash_point("after_commit")
                return True
        except Lost as lost:
            log.warning("Lost a batch: %s", lost)
        finally:
            self.conclude(False)
        return False

    async def _once(self, handle: Handler) -> bool:
        self.since = monotonic()
        async with transaction(self.source.engine) as connection:
            await positions.advance(connection, self.place, expects=self.expects, to=self.next)
            await handle(connection, self)
            crash_point("before_commit")
        return True

    def conclude(self, settled: bool) -> None:
        """Say once what became of it."""
        if not self.outcome.done():
            self.outcome.set_result(settled)
