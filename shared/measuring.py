"""What every worker measures by the clock: queues, dead letters and lag, from tables that stay small."""

import asyncio
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from shared.batches import Batch
from shared.db import Connection, driver
from shared.kafka import BatchSource
from shared.lag import Lag
from shared.metrics import COUNTED_MAX, DEAD_LETTERS, LAG_ROWS, LAG_SECONDS, QUEUE_AGE, QUEUE_ROWS, Meter, Reading

STATEMENT_MS_MAX = 2_000  # Measuring must never be what is slow.
ANSWER_SECONDS_MAX = 3

# Queues hold what waits and no more: their oldest row is the first by its id.
_QUEUES = f"""
SELECT (SELECT count(*) FROM (SELECT FROM unpublished LIMIT {COUNTED_MAX}) q) AS unpublished,
    (SELECT at FROM log WHERE log_id = (SELECT log_ids[1] FROM unpublished ORDER BY queue_id LIMIT 1))
        AS unpublished_at,
    (SELECT count(*) FROM (SELECT FROM unsealed LIMIT {COUNTED_MAX}) q) AS unsealed,
    (SELECT at FROM log WHERE log_id = (SELECT log_ids[1] FROM unsealed ORDER BY queue_id LIMIT 1)) AS unsealed_at"""
_LETTERS = f"""
SELECT topic, count(*) AS n FROM (SELECT letter_id FROM letter_state WHERE state IN ('open', 'asked', 'trying')
    LIMIT {COUNTED_MAX}) s JOIN dead_letter d USING (letter_id) GROUP BY topic"""
_POSITIONS = """
SELECT topic, part, next_offset FROM position p
WHERE EXISTS (SELECT FROM unnest($1::text[], $2::text[]) u (topic, incarnation)
    WHERE u.topic = p.topic AND u.incarnation = p.incarnation)"""


async def hurry(connection: Connection) -> None:
    """Let no statement of this transaction take long."""
    await (await driver(connection)).execute(f"SET LOCAL statement_timeout = {STATEMENT_MS_MAX}")


def age(now: datetime, since: datetime | None) -> float:
    """Give for how many seconds something has waited; 0 where nothing does."""
    return 0.0 if since is None else max((now - since).total_seconds(), 0.0)


async def queues(connection: Connection, now: datetime, topics: Iterable[str]) -> list[Reading]:
    """Read the queues of relay and sealer, and the dead letters of the topics that are read."""
    raw = await driver(connection)
    row = await raw.fetchrow(_QUEUES)
    assert row is not None, "a query without FROM gives one row"
    found = [Reading(QUEUE_ROWS, row[queue], (queue,)) for queue in ("unpublished", "unsealed")]
    found += [Reading(QUEUE_AGE, age(now, row[f"{queue}_at"]), (queue,)) for queue in ("unpublished", "unsealed")]
    letters = dict.fromkeys(topics, 0) | {each["topic"]: each["n"] for each in await raw.fetch(_LETTERS)}
    return found + [Reading(DEAD_LETTERS, n, (topic,)) for topic, n in letters.items()]


Positions = Mapping[str, Mapping[int, int]]


class Lags:
    """How far a worker's topics are behind: stored positions against the ends that the broker gives."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        self._lags: dict[str, Lag] = {}

    def begin(self, batch: Batch) -> None:
        """Note how old the first messages of a batch are that is taken in hand."""
        lag = self._lags.setdefault(batch.topic, Lag())
        for span in batch.spans:
            if span.records:
                lag.begin(span.place.part, span.expects, span.records[0].timestamp / 1000)

    def look(self, ends: Mapping[str, Mapping[int, int]], positions: Positions, now: float) -> None:
        """Compare every topic's stored positions with its ends, which were asked for before them."""
        for topic, its in ends.items():
            rows, seconds = self._lags.setdefault(topic, Lag()).look(now, its, positions.get(topic, {}))
            self._meter.set(LAG_ROWS, rows, topic)
            self._meter.set(LAG_SECONDS, seconds, topic)


async def ends_of(sources: Iterable[BatchSource]) -> dict[str, dict[int, int]]:
    """Ask where the topics end that are being read; nothing is said of those whose broker does not answer."""
    ends: dict[str, dict[int, int]] = {}
    for source in sources:
        if source.ready:
            with suppress(KafkaError, TimeoutError):  # `/readyz` says that the broker is away, and tenure_ready.
                async with asyncio.timeout(ANSWER_SECONDS_MAX):
                    ends |= await _ends(source)
    return ends


async def _ends(source: BatchSource) -> dict[str, dict[int, int]]:
    consumer = source.consumer
    asked = [
        TopicPartition(topic, part)
        for topic in source.where.topics
        for part in consumer.partitions_for_topic(topic) or ()
    ]
    ends: dict[str, dict[int, int]] = {topic: {} for topic in source.where.topics}
    found: Mapping[Any, int] = await consumer.end_offsets(asked) if asked else {}
    for tp, end in found.items():
        ends[tp.topic][tp.partition] = end
    return ends


async def positions_of(connection: Connection, sources: Iterable[BatchSource]) -> Positions:
    """Read the stored positions of the topics, as they are now: not of one that was deleted and made again."""
    raw = await driver(connection)
    incarnation = {topic: now for source in sources for topic, now in source.incarnation.items()}
    found: dict[str, dict[int, int]] = {}
    for topic, part, at in await raw.fetch(_POSITIONS, list(incarnation), list(incarnation.values())):
        found.setdefault(topic, {})[part] = at
    return found
