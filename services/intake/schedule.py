"""Time in: what intake's relay says each second, so that nothing is executed on old news."""

import asyncio
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition

from services.intake.domain.news import Looks
from services.intake.storage import measures, news
from shared.clock import policy_day, wall_clock
from shared.db import Connection, transaction
from shared.events import INBOUND, REGISTERED, Watermark, encode
from shared.ids import SHARDS, named
from shared.metrics import Reading
from shared.relay import shards_of
from shared.topics import BY_NAME
from shared.worker import Worker

LOOK_SECONDS = 1
ANSWER_SECONDS_MAX = 2.0


class Watermarks:
    """Works out each second how far everything has come, and tells the partitions of the registered topic."""

    def __init__(self, worker: Worker) -> None:
        self._engine = worker.engine
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
            passed = self._looks.passed(await news.taken_in(connection, INBOUND))
            queued = await news.oldest_queued(connection)
        if passed is not None:
            self._upto = {shard: min(passed, queued.get(shard, passed)) for shard in range(SHARDS)}

    def _ends(self) -> dict[int, int]:
        parts = range(BY_NAME[INBOUND].partitions)
        asked = {part: TopicPartition(INBOUND, part) for part in parts}
        return {part: self._consumer.get_watermark_offsets(tp, ANSWER_SECONDS_MAX)[1] for part, tp in asked.items()}

    def send(self, lane: int, producer: Producer) -> None:
        """Say it to the partitions of a lane, in the relay's transaction and its thread."""
        if upto := self._upto:
            _say(lane, upto, producer)


def attach(worker: Worker, zone: ZoneInfo) -> None:
    """Register the look, what the relay says of it, and what is measured."""
    watermarks = Watermarks(worker)
    worker.tick("watermarks", LOOK_SECONDS, watermarks.look)
    worker.relay.every_second = watermarks.send
    since: list[date] = []

    async def measuring(connection: Connection) -> list[Reading]:
        now = wall_clock()
        if not since:  # From the day before this process began: accounts of days before change no more.
            since.append(await policy_day(connection, now, zone) - timedelta(days=1))
        return await measures.read(connection, since[0], now)

    worker.measure(measuring)


def _say(lane: int, upto: Mapping[int, datetime], producer: Producer) -> None:
    for partition in shards_of(lane):
        event = Watermark(partition, upto[partition])
        headers = [
            ("ce_specversion", b"1.0"),
            ("ce_id", str(named(f"watermark\n{partition}\n{event.upto.isoformat()}")).encode()),
            ("ce_source", b"urn:tenure:intake"),
            ("ce_type", Watermark.type.encode()),
            ("ce_subject", str(partition).encode()),
        ]
        producer.produce(REGISTERED, encode(event), str(partition), partition=partition, headers=headers)
