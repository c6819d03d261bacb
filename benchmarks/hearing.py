"""Hears what is published to a topic from now on, as a consumer of committed messages does."""

import time
from collections.abc import Set

from confluent_kafka import Consumer, TopicPartition

from tools.stack.errors import StackError

PARTITIONS = 8
SILENCE_SECONDS_MAX = 30.0


class Hearing:
    """A consumer that stands at the ends of a topic."""

    def __init__(self, bootstrap: str, topic: str) -> None:
        told = {"bootstrap.servers": bootstrap, "group.id": f"hearing-{topic}", "fetch.wait.max.ms": 20, "log_level": 0}
        self.consumer = Consumer({**told, "isolation.level": "read_committed", "enable.auto.commit": False})
        parts = [TopicPartition(topic, part) for part in range(PARTITIONS)]
        ends = [self.consumer.get_watermark_offsets(part, timeout=10)[1] for part in parts]
        self.consumer.assign([TopicPartition(topic, part, end) for part, end in enumerate(ends)])
        self.consumer.consume(1, 0.2)  # So that the first fetch stands ready.
        self.heard = 0

    def hear(self, wanted: Set[str], seconds: float) -> float:
        """Wait for a message of every key; gives when the last of them was there."""
        left, until = set(wanted), time.perf_counter() + seconds
        while left:
            messages = self.consumer.consume(5_000, 0.02)
            self.heard += len(messages)
            left -= {key.decode() for each in messages if not each.error() and (key := each.key())}
            if time.perf_counter() > until:
                raise StackError(f"{len(left):,} of {len(wanted):,} schedules were never announced.")
        return time.perf_counter()
