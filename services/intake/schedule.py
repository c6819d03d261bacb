"""Time in: what intake's relay says each second, so that nothing is executed on old news."""

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime, timedelta

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition

from services.intake.actions import accounts, manifests, measuring
from services.intake.actions.cases import Desks
from services.intake.domain.news import Looks, Part
from services.intake.domain.pacing import Limits, Live, pace
from services.intake.storage import backload, measures, news
from services.intake.storage.accounts import TALLIES_MAX
from shared.away import away, denied
from shared.clock import policy_day, wall_clock
from shared.db import Connection, transaction
from shared.events import BACKLOAD, INBOUND, REGISTERED, Watermark, encode
from shared.ids import SHARDS, named
from shared.lag import Lag
from shared.measuring import age, positions_of
from shared.metrics import BACKLOAD_SHARE, LATE, TIMELINESS, UNRECONCILED, Reading
from shared.relay import shards_of
from shared.topics import BY_NAME
from shared.worker import Worker
from shared.yielding import Yielding

log = logging.getLogger(__name__)

ARRIVING = (INBOUND, BACKLOAD)  # Whatever may say something of a record; a manifest does not.
LOOK_SECONDS = 1
PACE_SECONDS = 0.25
ANSWER_SECONDS_MAX = 2.0
KEEP_SECONDS = 2
TAKE_SECONDS = 30
ROUNDS_MAX = 50  # Then the next tick goes on.


class Watermarks:
    """Works out each second how far everything has come, and tells the partitions of the registered topic."""

    def __init__(self, worker: Worker, pacer: "Pacer") -> None:
        self._engine, self._pacer = worker.engine, pacer
        self._sources = [source for source in worker.sources if set(source.where.topics) & set(ARRIVING)]
        self._looks = Looks()
        self._upto: dict[int, datetime] = {}
        self._consumer = Consumer(
            {
                **worker.settings.brokers.librdkafka(),
                "group.id": "tenure-intake-watermarks",  # Asked for by the client; nothing is read or committed.
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                "log_level": 0,
            }
        )

    async def look(self) -> None:
        """Ask for the ends, then the positions, then the queue: in this order nothing slips by."""
        now = wall_clock()
        try:
            ends = await asyncio.get_running_loop().run_in_executor(None, self._ends)
        except KafkaException:
            return  # While the broker is away nobody hears from us, and nothing is executed.
        self._looks.add(now, ends)
        async with transaction(self._engine) as connection:
            stored = await positions_of(connection, self._sources)
            positions = {(topic, part): at for topic, its in stored.items() for part, at in its.items()}
            passed = self._looks.passed(positions)
            queued = await news.oldest_queued(connection)
            self._pacer.look(now.timestamp(), ends, positions)
            await self._pacer.pace(connection, queued)
        if passed is not None:
            self._upto = {shard: min(passed, queued.get(shard, passed)) for shard in range(SHARDS)}

    def _ends(self) -> dict[Part, int]:
        asked = [TopicPartition(topic, part) for topic in ARRIVING for part in range(BY_NAME[topic].partitions)]
        ends = [self._consumer.get_watermark_offsets(tp, ANSWER_SECONDS_MAX)[1] for tp in asked]
        return {(tp.topic, tp.partition): end for tp, end in zip(asked, ends, strict=True)}

    def send(self, lane: int, producer: Producer) -> None:
        """Say it to the partitions of a lane, in the relay's transaction and its thread."""
        if upto := self._upto:
            _say(lane, upto, producer)


class Pacer:
    """Gives the back-load its pace, and says which it is."""

    def __init__(self, worker: Worker, yielding: Yielding, limits: Limits, undated: Callable[[], int | None]) -> None:
        """`undated` counts what was registered and waits for its schedule, None where nobody tells; it blocks."""
        self._worker, self._yielding, self._limits, self._ask = worker, yielding, limits, undated
        self._lag, self._before, self._unread = Lag(), -1, 0
        self._undated: int | None = 0
        self._handed = 0  # When that was counted.
        self._live, self._unsaid = Live(0, 0.0, coming=False), ""

    def look(self, now: float, ends: Mapping[Part, int], positions: Mapping[Part, int]) -> None:
        """Compare the ends of both topics with their positions."""
        its = {part: end for (topic, part), end in ends.items() if topic == INBOUND}
        rows, seconds = self._lag.look(now, its, {part: positions.get((INBOUND, part), 0) for part in its})
        coming, self._before = sum(its.values()) != self._before or rows > 0, sum(its.values())
        self._live = Live(rows, seconds, coming)
        self._unread = sum(max(end - positions.get(at, 0), 0) for at, end in ends.items() if at[0] == BACKLOAD)
        if not self._unread:
            self._undated, self._handed = 0, self._yielding.handed  # Nobody asks.

    async def pace(self, connection: Connection, queued: Mapping[int, datetime]) -> None:
        """Ask the switch, and set the pace; a live event's receipt may be behind what is `queued` for the topics."""
        switch = await backload.read(connection)
        waits = max(self._live.seconds, age(wall_clock(), min(queued.values(), default=None)))
        coming = self._live.coming or self._yielding.met
        live = self._live._replace(seconds=waits, coming=coming, undated=self._undated, handed=self._handed)
        new = pace(live, self._limits, paused=switch.paused)
        self._yielding.set(new)
        self._worker.tells["backload"] = {"state": new.state, "unread": self._unread, "undated": self._undated}
        self._worker.meter.set(BACKLOAD_SHARE, 1 / (1 + new.rest) if new.room else 0)

    async def hurry(self) -> None:
        """Look again soon while there is a back-load: between two looks at the ends a queue grows long."""
        if self._unread:
            await self._count()
            async with transaction(self._worker.engine) as connection:
                await self.pace(connection, await news.oldest_queued(connection))

    async def _count(self) -> None:
        """Count what waits for its schedule; as before while Kafka does not answer, unknown where we may not ask."""
        handed = self._yielding.handed
        try:
            self._undated = await asyncio.get_running_loop().run_in_executor(None, self._ask)
        except KafkaException as error:
            if self._unsaid != (why := away(error)):
                self._unsaid = why
                log.warning("How far retention is cannot be heard, for a back-load to wait for it: %s.", why)
            if not denied(error):
                return
            self._undated = None
        else:
            self._unsaid = ""
        self._handed = handed


def attach(worker: Worker, pacer: Pacer) -> None:
    """Register the look, what the relay says of it, and what is measured."""
    watermarks = Watermarks(worker, pacer)
    worker.tick("watermarks", LOOK_SECONDS, watermarks.look)
    worker.tick("pace", PACE_SECONDS, pacer.hurry)
    worker.relay.every_second = watermarks.send
    since: list[date] = []

    async def measuring(connection: Connection) -> list[Reading]:
        now = wall_clock()
        if not since:  # From the day before this process began: accounts of days before change no more.
            pack = await worker.packs.current(connection)
            since.append(await policy_day(connection, now, pack.zone) - timedelta(days=1))
        return await measures.read(connection, since[0], now)

    worker.measure(measuring)


def keep_accounts(worker: Worker, desks: Desks) -> None:
    """Register what is made of arrivals by the clock: lags, sources' last signs, manifests compared."""

    async def keep() -> None:
        for _ in range(ROUNDS_MAX):
            async with transaction(worker.engine) as connection:
                if await accounts.roll_up(connection, await desks.current(connection)) < TALLIES_MAX:
                    break
        async with transaction(worker.engine) as connection:
            await manifests.reconcile(connection, await desks.current(connection), wall_clock())
        worker.relay.wake.set()

    async def measure() -> None:
        now = wall_clock()
        async with transaction(worker.engine) as connection:
            desk = await desks.current(connection)
            found = await measuring.look(connection, desk, now, await policy_day(connection, now, desk.pack.zone))
            await measuring.tell(connection, found, now)
        worker.meter.take(reading for each in found for reading in _readings(each))
        worker.relay.wake.set()

    worker.tick("keep_accounts", KEEP_SECONDS, keep)
    worker.tick("take_measures", TAKE_SECONDS, measure)


def _readings(measure: measuring.Measure) -> Iterator[Reading]:
    """Give a measure as a metric; the quarantine has its own."""
    if measure.value is None:
        return
    if measure.name in measuring.UNRECONCILED:
        yield Reading(UNRECONCILED, measure.value, (measure.name,))
    elif measure.source is not None:
        _, lag, what = measure.name.split(".")
        yield (
            Reading(LATE, measure.value, (measure.source, lag))
            if what == "late"
            else Reading(TIMELINESS, measure.value, (measure.source, lag, what))
        )


def _say(lane: int, upto: Mapping[int, datetime], producer: Producer) -> None:
    for partition in shards_of(lane):
        event = Watermark(partition, upto[partition])
        headers = [
            ("ce_specversion", b"1.0"),
            ("ce_id", str(named(f"watermark\n{partition}\n{event.upto.isoformat()}")).encode()),
            ("ce_source", b"urn:tenure:intake"),
            ("ce_type", Watermark.type.encode()),
            ("ce_subject", str(partition).encode()),
            ("ce_time", event.upto.isoformat().encode()),
            ("content-type", b"application/json"),
        ]
        producer.produce(REGISTERED, encode(event), str(partition), partition=partition, headers=headers)
