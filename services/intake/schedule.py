"""Time in: what intake's relay says each second, so that nothing is executed on old news."""

from collections.abc import Mapping
from datetime import UTC, datetime

import psycopg
from confluent_kafka import Consumer, Producer, TopicPartition

from shared.clock import wall_clock
from shared.events import INBOUND, REGISTERED, Watermark, encode
from shared.ids import named
from shared.relay import Route, in_transaction

_OLDEST = """
SELECT u.shard, min(l.at) FROM (SELECT DISTINCT ON (shard) shard, log_ids[1] AS log_id FROM unpublished
    ORDER BY shard, queue_id) u JOIN log l USING (log_id) GROUP BY 1"""
_POSITIONS = """
SELECT DISTINCT ON (part) part, next_offset FROM position WHERE topic = %s ORDER BY part, next_offset DESC"""
_ASK_SECONDS_MAX = 2.0


class Watermarks:
    """Tells each partition of the registered topic how far everything that came in has passed it."""

    def __init__(self, route: Route) -> None:
        self.route = route
        self._consumer: Consumer | None = None

    def __call__(self, producers: Mapping[int, Producer]) -> None:
        """Send the watermark of each shard held: the oldest of what is queued for it and what is unread, else now."""
        now = wall_clock()
        with psycopg.connect(self.route.database_url, autocommit=True) as data:
            queued: dict[int, datetime] = {row[0]: row[1] for row in data.execute(_OLDEST)}
            stored: dict[int, int] = {row[0]: row[1] for row in data.execute(_POSITIONS, (INBOUND,))}
        unread = self._oldest_unread(stored, now)
        for shard, producer in producers.items():
            upto = min(now, unread, queued.get(shard, now))
            in_transaction(producer, lambda to, shard=shard, upto=upto: _say(to, shard, upto))  # type: ignore[misc]

    def _oldest_unread(self, stored: Mapping[int, int], now: datetime) -> datetime:
        consumer = self._connected()
        oldest = now
        for part in range(8):
            low, high = consumer.get_watermark_offsets(TopicPartition(INBOUND, part), timeout=_ASK_SECONDS_MAX)
            at = max(stored.get(part, 0), low)
            if at < high:
                oldest = min(oldest, self._written_at(part, at, now))
        return oldest

    def _written_at(self, part: int, offset: int, now: datetime) -> datetime:
        """Give when the broker wrote a record; a marker of a transaction counts as nothing unread."""
        consumer = self._connected()
        consumer.assign([TopicPartition(INBOUND, part, offset)])
        message = consumer.poll(0.2)
        consumer.unassign()
        if message is None or message.error():
            return now
        return datetime.fromtimestamp(message.timestamp()[1] / 1000, UTC)

    def _connected(self) -> Consumer:
        if self._consumer is None:
            self._consumer = Consumer(
                {
                    "bootstrap.servers": self.route.kafka,
                    "group.id": "tenure-intake-watermarks",
                    "enable.auto.commit": False,
                    "isolation.level": "read_committed",
                    "log_level": 0,
                }
            )
        return self._consumer


def _say(producer: Producer, shard: int, upto: datetime) -> None:
    event = Watermark(shard, upto)
    headers = [
        ("ce_specversion", b"1.0"),
        ("ce_id", str(named(f"watermark\n{shard}\n{upto.isoformat()}")).encode()),
        ("ce_source", b"urn:tenure:intake"),
        ("ce_type", Watermark.type.encode()),
        ("ce_subject", str(shard).encode()),
    ]
    producer.produce(REGISTERED, encode(event), str(shard), partition=shard, headers=headers)
