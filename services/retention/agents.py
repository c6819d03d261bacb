"""Events in: each batch of one partition is taken in one transaction, and settled straight after."""

import asyncio
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import msgspec
from aiokafka import ConsumerRecord

from services.retention.actions.settle import MARKS_MAX, Settled, settle
from services.retention.actions.take_in import Fresh, News, Registered, fresh, take_in, take_news
from services.retention.announcer import Announcer
from shared.batches import Batch, Handler
from shared.clock import wall_clock
from shared.crash import crash_point
from shared.db import Connection, transaction, transient
from shared.dead_letters import Letter, park
from shared.events import (
    REGISTERED,
    Event,
    EventParked,
    EventResolved,
    FactRegistered,
    NominalRegistered,
    RecordRegistered,
    Watermark,
)
from shared.policy import Pack
from shared.positions import Place
from shared.reading import read_events
from shared.worker import Worker

TRIES_MAX = 4
MISSED_SECONDS_MAX = 0.02

_MODELS: Mapping[str, type[Event]] = {
    model.type: model
    for model in (RecordRegistered, NominalRegistered, FactRegistered, EventParked, EventResolved, Watermark)
}
_FACTS = (RecordRegistered, NominalRegistered, FactRegistered)
_NEWS = (EventParked, EventResolved, Watermark)


@dataclass(frozen=True, slots=True)
class Settler:
    """Settles the marks that a batch set, once it has committed."""

    worker: Worker
    pack: Pack
    announcer: Announcer
    marks: dict[Place, list[int]] = field(default_factory=dict)

    async def after(self, batch: Batch) -> None:
        """Settle a batch's own marks; what is left the tick settles."""
        these = self.marks.pop(batch.place, [])
        for start in range(0, len(these), MARKS_MAX):
            await self._at_once(these[start : start + MARKS_MAX])

    async def _at_once(self, these: Sequence[int]) -> None:
        """Try a few times: most of what is missed is somebody else's for milliseconds."""
        for _ in range(TRIES_MAX):
            settled = await self.round(these)
            if settled.done == settled.claimed:
                return
            await self.pause()

    async def pause(self) -> None:
        """Wait a moment at random: whoever missed each other's locks should not meet again."""
        await asyncio.sleep(random.uniform(0, MISSED_SECONDS_MAX))  # noqa: S311

    async def round(self, these: Sequence[int] | None = None) -> Settled:
        """Settle once. A database that is away leaves the marks to the tick."""
        try:
            async with transaction(self.worker.engine) as connection:
                settled = await settle(connection, self.pack, wall_clock(), these)
                crash_point("before_settle_commit")
        except Exception as error:
            if not transient(error):
                raise
            return Settled(0, 0, 0)
        self.announcer.wake.set()
        return settled


def attach(worker: Worker, settler: Settler, more: Mapping[str, Handler]) -> None:
    """Register what retention reads; `more` are the topics of the lifecycle."""
    worker.read({REGISTERED: partial(registered, worker, settler), **more}, after=settler.after)


async def registered(worker: Worker, settler: Settler, connection: Connection, batch: Batch) -> None:
    """Keep the facts of one batch, and set aside what cannot be read or derived from."""
    now = wall_clock()
    facts, news, letters = read(batch, settler.pack)
    settler.marks[batch.place] = await take_in(connection, facts, now)  # A try rolled back is overwritten.
    await take_news(connection, news)
    await park(connection, worker.keys, batch, letters, now)


def read(batch: Batch, pack: Pack) -> tuple[list[Fresh], list[News], list[Letter]]:
    """Part a batch into facts, news and dead letters."""
    facts: list[Fresh] = []
    news: list[News] = []
    events, letters = read_events(batch, _MODELS)
    for event in events:
        if isinstance(event, _NEWS):
            news.append(event)
            continue
        assert isinstance(event, _FACTS), "the other models are facts"
        try:
            facts.append(fresh(event, pack))
        except (ValueError, OverflowError, RecursionError, msgspec.MsgspecError):
            letters.append(Letter(_record_of(event, batch), "underivable"))
    return facts, news, letters


def _record_of(event: Registered, batch: Batch) -> ConsumerRecord:
    named = str(event.event_uid).encode()
    return next(record for record in batch.records if record.value and named in record.value)
