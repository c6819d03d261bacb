"""Events to Kafka, in order, so many at a time; each one's place on its topic comes back."""

import os
import random
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from typing import Any

from kafka import KafkaConsumer, KafkaProducer
from kafka.errors import KafkaError

from shared import tracing
from shared.ids import shard_of
from tools.adapters.outgoing import Outgoing
from tools.adapters.receipts import TOPIC as RECEIPTS
from tools.adapters.receipts import Place
from tools.topics import BOOTSTRAP_WAIT_MS, brokers_at

IN_FLIGHT_MAX = 10_000
DELIVERY_SECONDS_MAX = 30
CLOSE_SECONDS_MAX = 2
BATCH_BYTES = 256 * 1024
LINGER_MS = 10
SAMPLED = "OTEL_TRACES_SAMPLER_ARG"  # OpenTelemetry's own: the share of traces that somebody wants to see.


class NotPublished(Exception):
    """Publishing stopped on the way; the message says how far it came and the mend."""


@contextmanager
def connected(bootstrap: str) -> Iterator[tuple[Any, Any]]:
    """Open a consumer of receipts and an idempotent producer, and close both, in haste if need be."""
    address: dict[str, Any] = {
        **brokers_at(bootstrap).kafka_python(),
        "bootstrap_timeout_ms": BOOTSTRAP_WAIT_MS,
        "client_id": "tenure-publish",
        "allow_auto_create_topics": False,
    }
    consumer = KafkaConsumer(
        **address, group_id=None, enable_auto_commit=False, isolation_level="read_committed", fetch_max_wait_ms=100
    )
    with closing(consumer):
        producer = KafkaProducer(
            **address,
            acks="all",
            enable_idempotence=True,
            batch_size=BATCH_BYTES,
            linger_ms=LINGER_MS,
            delivery_timeout_ms=DELIVERY_SECONDS_MAX * 1000,
            request_timeout_ms=DELIVERY_SECONDS_MAX * 500,
            max_block_ms=DELIVERY_SECONDS_MAX * 1000,
        )
        try:
            yield consumer, producer
        except BaseException:
            # `close` refuses while events wait to be sent, and they may wait for ever: let them go first.
            producer._sender.force_close()
            with suppress(KafkaError):
                producer.close(timeout=CLOSE_SECONDS_MAX)
            raise
        producer.close(timeout=CLOSE_SECONDS_MAX)


def partitions_of(consumer: Any, topic: str, bootstrap: str) -> int:
    """Count the partitions of the events' topic; it and the receipts' must be there before anything is sent."""
    found = {name: len(consumer.partitions_for_topic(name) or ()) for name in (topic, RECEIPTS)}
    for name, count in found.items():
        if not count:
            raise NotPublished(f"The topic {name} is not at {bootstrap}: make it with `./tenure topics apply`.")
    return found[topic]


def sent(events: Iterable[Outgoing], producer: Any, topic: str, partitions: int) -> Iterator[Place]:
    """Send events and give each one's place in order, keeping at most so many unacknowledged."""
    waiting: deque[Any] = deque()
    for event in events:
        key, headers = event.key, event.headers + trace_of(event)
        part = shard_of(key) % partitions
        waiting.append(producer.send(topic, key=key.encode(), value=event.data, headers=headers, partition=part))
        while waiting and (len(waiting) > IN_FLIGHT_MAX or waiting[0].is_done):
            yield _place(waiting.popleft())
    while waiting:
        yield _place(waiting.popleft())


def _place(future: Any) -> Place:
    try:
        arrived = future.get(timeout=DELIVERY_SECONDS_MAX)
    except KafkaError as error:
        raise NotPublished(
            f"Kafka stopped taking events ({error}): publish again when it answers; it goes on from there."
        ) from error
    return arrived.topic, arrived.partition, arrived.offset


def trace_of(event: Outgoing) -> list[tuple[str, bytes]]:
    """Begin a trace of the event's own where traces are told and it has none yet."""
    if not tracing.wanted() or tracing.HEADER in event.extensions:
        return []
    trace = tracing.made()._replace(sampled=random.random() < _share())  # noqa: S311 (a sample, no secret)
    return [(tracing.HEADER, trace.header().encode())]


def _share() -> float:
    try:
        return float(os.environ.get(SAMPLED, "1"))
    except ValueError:
        return 1.0
