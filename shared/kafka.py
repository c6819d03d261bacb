"""Kafka batches as a Faust channel: one batch of what is there of a topic, one transaction with its positions.

Faust's own consumer acknowledges an event when the agent's body is left, also by an exception, so it is never used for
our topics (docs/decisions/0001). Here the position lives in PostgreSQL and moves in the handler's own transaction.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import faust
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import KafkaError
from kafka.errors import KafkaError as NoAnswer
from mode import Service
from sqlalchemy.ext.asyncio import AsyncEngine

from shared import positions
from shared.away import away, silence
from shared.batches import Result, Span
from shared.careful import Careful
from shared.clock import monotonic
from shared.consumer import Where
from shared.db import transaction, transient
from shared.embedded import is_embedded
from shared.gathering import BATCH_RECORDS_MAX, Gathering
from shared.incarnations import Incarnations, TopicsMissing
from shared.positions import Gap, Place

log = logging.getLogger(__name__)

NOTHING = TopicPartition("", -1)  # Polling "nothing" counts as a poll and touches no buffer.
CAREFUL_RECORDS_MAX = 250  # Of a batch whose try is written down: gone over one by one if it ends the process.
GRACE_SECONDS = 5.0
STALLED_SECONDS_MAX = 60.0
IDENTIFY_SECONDS = 5.0
TELL_MS = 250  # How late Kafka hears how far we are.
HEARD_SECONDS = 0.5  # What the broker said this lately need not be asked again.
KAFKA_SILENT_SECONDS_MAX = 12.0


class BatchSource(Service, ConsumerRebalanceListener):  # type: ignore[misc]
    """Feeds a Faust channel with batches, each settled before the next of its partition."""

    def __init__(
        self, app: faust.App, channel: Any, where: Where, engine: AsyncEngine, behind: Callable[[], bool]
    ) -> None:
        """`behind` says whether too much of what was read is not worked through: Kafka is told nothing meanwhile."""
        super().__init__(beacon=app.beacon)
        self.behind = behind
        self.app, self.channel, self.where, self.engine = app, channel, where, engine
        self.pumps: set[asyncio.Future[Any]] = set()
        self.flying: set[Span] = set()
        self.gathering = Gathering(self, where.topics, where.yielding)
        self.left = self.gathering.left
        self.done: dict[TopicPartition, int] = {}
        self.incarnation: dict[str, str] = {}
        self.cluster = ""
        self.assigned = False
        self.heard = -KAFKA_SILENT_SECONDS_MAX
        self.waits_for = f"Kafka at {where.brokers} has not answered yet."
        self.joined = asyncio.Event()
        self.incarnations = Incarnations(where.brokers)
        self.asking = asyncio.Lock()
        self.careful = Careful(self)

    async def on_start(self) -> None:
        """Begin to join; the process is up, and says that it waits, while the broker is away."""
        self.app.flow_control.resume()  # Nothing else resumes it; without it `put` waits for ever, silently.
        self.add_future(self._join())

    async def _join(self) -> None:
        """Wait for the broker, check that every topic is there, then join the group."""
        await self._until_known()
        self.consumer: AIOKafkaConsumer = self.where.consumer()
        await self.again(self.consumer.start)
        self.consumer.subscribe(self.where.topics, listener=self)
        self.joined.set()

    async def _until_known(self) -> None:
        while not self.should_stop:
            try:
                await self._identify()
                return
            except (TopicsMissing, NoAnswer) as error:
                self.waits_for = str(error) if isinstance(error, TopicsMissing) else await self._silence()
                log.warning("%s", self.waits_for)
                await asyncio.sleep(1)

    async def _silence(self) -> str:
        return await asyncio.get_running_loop().run_in_executor(None, silence, self.where.brokers)

    @property
    def ready(self) -> bool:
        """Say whether it reads: it has joined its group, and the broker spoke lately."""
        return self.assigned and monotonic() - self.heard < KAFKA_SILENT_SECONDS_MAX

    async def _identify(self) -> None:
        """Ask for the topic ids: a topic deleted and made again is another one, and aiokafka does not tell."""
        async with self.asking:  # One at a time: at an assignment every partition wants to know.
            if monotonic() - self.heard < HEARD_SECONDS:
                return
            loop = asyncio.get_running_loop()
            self.cluster, ids = await loop.run_in_executor(None, self.incarnations.ask, self.where.topics)
            self.heard = monotonic()
        for topic, now in ids.items():
            before = self.incarnation.setdefault(topic, now)
            if before != now:
                raise Gap(f"{topic} was deleted and made again while we read it: {before} is now {now}.")

    def place(self, tp: TopicPartition) -> Place:
        """Give where a partition's position is stored."""
        return Place(self.cluster, tp.topic, self.incarnation[tp.topic], tp.partition)

    async def again(
        self, work: Callable[[], Awaitable[Result]], until: "asyncio.Future[Any] | None" = None
    ) -> Result | None:
        """Repeat over transient errors; None when `until` came first."""
        delay = 0.1
        while not (until and until.done()) and not self.should_stop:
            try:
                return await work()
            except Exception as error:
                if not (transient(error) or isinstance(error, KafkaError)):
                    raise
                said = {"action": "batch_retry", "cause": type(error).__name__}
                log.warning("Trying again in %.1f s: %s.", delay, away(error), extra=said)
                await asyncio.wait([until or asyncio.ensure_future(asyncio.sleep(delay))], timeout=delay)
                delay = min(delay * 2, 5.0)
        return None

    @Service.task  # type: ignore[untyped-decorator]
    async def _watch(self) -> None:
        """Keep membership while batches retry for minutes, and end the process when something hangs."""
        asked = monotonic()
        await self.joined.wait()
        while not self.should_stop:
            await self.consumer.getmany(NOTHING, timeout_ms=TELL_MS)
            await self._tell_kafka()
            if stalled := self.gathering.stalled(STALLED_SECONDS_MAX):
                raise RuntimeError(f"A batch of {stalled} has not settled for {STALLED_SECONDS_MAX} s")
            if monotonic() - asked > IDENTIFY_SECONDS:
                asked = monotonic()
                try:
                    await self._identify()
                except NoAnswer:
                    self.waits_for = await self._silence()
                    log.warning("%s", self.waits_for)

    async def _tell_kafka(self) -> None:
        """Tell Kafka how far we are: for displays of lag, and for a back-load that waits for us (0041)."""
        if self.behind():
            return
        ours = self.consumer.assignment()  # For one that is ours no more all would be refused.
        done, self.done = {tp: at for tp, at in self.done.items() if tp in ours}, {}
        try:
            if done:
                await asyncio.wait_for(self.consumer.commit(done), 5)
        except (KafkaError, TimeoutError) as error:
            self.done = done | self.done
            log.info("Kafka was not told: %s", type(error).__name__)

    async def _locate(self, tp: TopicPartition) -> tuple[int, int]:
        """Give where to read on, and up to where with care: what is there by now may have ended a process before us."""
        async with transaction(self.engine) as connection:
            at, until, new, others = await positions.locate(connection, self.place(tp))
        for incarnation, ended in others:
            log.error("%s[%s] is a new incarnation; %s ended at %s.", tp.topic, tp.partition, incarnation, ended)
        start = (await self.consumer.beginning_offsets([tp]))[tp]
        # What the embedded broker says of ends is too low; that it lost data shows by its new cluster id.
        unknown = at + BATCH_RECORDS_MAX
        end = unknown if is_embedded(self.cluster) else (await self.consumer.end_offsets([tp]))[tp]
        if not start <= at <= end:
            raise Gap(
                f"{tp.topic}[{tp.partition}]: the stored position is {at}, the log holds {start} to {end}; "
                "the broker lost data. Restore the broker's folder, or delete the topic and run `./tenure topics "
                "apply`: it is then read from its start as another incarnation."
            )
        return at, at if new else max(until, min(at + BATCH_RECORDS_MAX, end))

    async def _pump(self, tp: TopicPartition) -> None:
        while not self.should_stop:
            found = await self.again(lambda: self._locate(tp))
            if found is None:
                return
            at, careful_to = found
            self.consumer.seek(tp, at)
            self.done[tp] = at  # Whoever was ended before us may have told Kafka less.
            await self._stream(tp, at, careful_to)

    async def _stream(self, tp: TopicPartition, at: int, careful_to: int) -> None:
        """Hand out batch after batch, until one is not ours; then the stored position is read again."""
        while not self.should_stop:
            if self.where.yielding:
                await self.where.yielding.open()
            most = CAREFUL_RECORDS_MAX if at < careful_to else BATCH_RECORDS_MAX
            most = max(min(most, self.gathering.yielding.pace.room), 1)
            polled = await self.consumer.getmany(tp, timeout_ms=500, max_records=most)
            records, after = polled.get(tp, []), await self.consumer.position(tp)
            if after == at:
                continue  # Else records, or only transaction markers and holes: the position still moves.
            span = Span(self.place(tp), records, at, after)
            ours = await (self.careful.settle(tp, span) if at < careful_to else self.offer(tp, span))
            if ours:
                at = after
            elif len(records) > self.gathering.yielding.pace.room > 0:
                self.consumer.seek(tp, at)  # More than there is room for now: again, in smaller pieces.
            else:
                await asyncio.sleep(0.2)
                return

    async def offer(self, tp: TopicPartition, span: Span) -> bool:
        """Have a span settled; False when it, or its partition, is not ours any more."""
        self.flying.add(span)
        self.gathering.add(span)
        try:
            ours = await asyncio.shield(span.outcome)
            if ours:
                self.done[tp] = span.next
            return bool(ours)
        finally:
            span.conclude(False)
            self.flying.discard(span)

    @Service.task  # type: ignore[untyped-decorator]
    async def _hand_out(self) -> None:
        while not self.should_stop:
            await self.wait(self.gathering.changed)
            self.gathering.changed.clear()
            for batch in self.gathering.batches():
                if not self.channel.subscriber_count:
                    raise RuntimeError("No agent listens on the channel: the batch would vanish.")
                await self.channel.put(batch)

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Start a pump for each; in its own task, for aiokafka swallows what a listener raises."""
        self.assigned = True
        for tp in assigned:
            self.pumps.add(self.add_future(self._start(tp)))

    async def _start(self, tp: TopicPartition) -> None:
        await self._until_known()
        await self._pump(tp)

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Let what is in flight settle for a grace; call the rest lost."""
        await self._drain()

    async def _drain(self) -> None:
        if self.where.yielding:
            self.gathering.abandon()  # It may wait for its turn for hours.
        if self.flying:
            await asyncio.wait([span.outcome for span in self.flying], timeout=GRACE_SECONDS)
        for task in self.pumps:
            task.cancel()
        self.pumps.clear()
        for span in list(self.flying):
            span.conclude(False)
        await self._tell_kafka()

    async def on_stop(self) -> None:
        """Drain and leave; the group keeps our place for a moment by the member id."""
        if self.joined.is_set():
            await self._drain()
            await self.consumer.stop()
