"""P3: from an event on its topic to its receipt, and to its record's schedule, as a reader of the topic sees them."""

import secrets
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from statistics import quantiles

import psycopg
from confluent_kafka import Consumer, Producer, TopicPartition

from benchmarks import measuring
from benchmarks.measuring import PARTITIONS, TOPIC, Result, Say, check_rows
from shared.ids import event_uid, shard_of
from tools.stack.assembly import Stack
from tools.stack.errors import StackError
from tools.stack.postgres import DATABASE

RECEIPTS, SCHEDULES = "records.receipts.v1", "retention.schedules.v1"
WARM_UP_SECONDS = 5
SILENCE_SECONDS_MAX = 20.0


@dataclass(slots=True)
class Reader:
    """Notes when each key could first be read on a topic."""

    topic: str
    seen: dict[str, float] = field(default_factory=dict)
    stopping: threading.Event = field(default_factory=threading.Event)
    failures: list[str] = field(default_factory=list)

    def read(self, bootstrap: str) -> None:
        """Read from the end on, committed messages only, until stopped."""
        told = {"bootstrap.servers": bootstrap, "group.id": "latency", "fetch.wait.max.ms": 100}
        consumer = Consumer({**told, "isolation.level": "read_committed", "enable.auto.commit": False})
        consumer.assign([TopicPartition(self.topic, part, 0) for part in range(PARTITIONS)])
        while not self.stopping.is_set():
            messages = consumer.consume(1, 0.1)  # Asked for more it waits for more, and what is there looks late.
            messages += consumer.consume(500, 0)
            now = time.monotonic()
            for message in messages:
                if (error := message.error()) is not None:
                    self.failures.append(str(error))
                elif (key := message.key()) is not None:
                    self.seen.setdefault(key.decode(), now)
        consumer.close()


def run(rate: int, seconds: int, say: Say) -> list[Result]:
    """Publish at an even rate, and see when each receipt and each schedule can be read."""
    retention = find_spec("services.retention.main") is not None
    services = ("intake-worker", *(["retention-worker"] if retention else []))
    with measuring.servers(*services, say=say) as stack:
        for each in stack.services():
            each.start(60)
        with reading(stack, *(RECEIPTS, SCHEDULES)[: len(services)]) as readers:
            say(f"{rate} events/s for {WARM_UP_SECONDS} s to warm up and {seconds} s to measure")
            sent = publish(stack, rate, WARM_UP_SECONDS + seconds)
            await_keys([(reader, set(keys)) for reader, keys in zip(readers, sent, strict=False)])
        with psycopg.connect(measuring.url_of(stack, DATABASE)) as data:
            check_rows(data, len(sent[0]), "ours")
        return _results(stack, rate, readers, sent)


@contextmanager
def reading(stack: Stack, *topics: str) -> Iterator[tuple[Reader, ...]]:
    """Read topics meanwhile, each in a thread of its own."""
    readers = tuple(map(Reader, topics))
    threads = [threading.Thread(target=each.read, args=(stack.bootstrap,), daemon=True) for each in readers]
    for thread in threads:
        thread.start()
    try:
        yield readers
    finally:
        for each in readers:
            each.stopping.set()
        for thread in threads:
            thread.join(10)


def publish(stack: Stack, rate: int, seconds: int) -> tuple[dict[str, float], dict[str, float]]:
    """Publish at an even rate; when each went, by the key of its receipt and by that of its schedule."""
    producer = Producer({"bootstrap.servers": stack.bootstrap, "acks": "all"})
    run_name, receipts, schedules = secrets.token_hex(4), {}, {}
    events = [measuring.make_event(number, run_name) for number in range(rate * seconds)]
    began = time.monotonic()
    for number, event in enumerate(events):
        while (early := began + number / rate - time.monotonic()) > 0:
            time.sleep(early)
        now = time.monotonic()
        receipts[str(event_uid(event.source, event.id))] = schedules[event.key] = now
        part = shard_of(event.key) % PARTITIONS
        producer.produce(TOPIC, event.data, event.key, partition=part, headers=event.headers)
        producer.poll(0)
    if producer.flush(30):
        raise StackError("Kafka did not take all the events.")
    return receipts, schedules


def await_keys(waited: list[tuple[Reader, set[str]]]) -> None:
    """Wait until every key was read."""
    for reader, keys in waited:
        left, moved = len(keys), time.monotonic()
        while left:
            time.sleep(0.1)
            now_left = len(keys - reader.seen.keys())
            if now_left < left:
                left, moved = now_left, time.monotonic()
            if reader.failures or time.monotonic() - moved > SILENCE_SECONDS_MAX:
                raise StackError(f"{left:,} of {len(keys):,} never came on {reader.topic}. {reader.failures[:1]}")


def _results(
    stack: Stack, rate: int, readers: Sequence[Reader], sent: tuple[dict[str, float], dict[str, float]]
) -> list[Result]:
    versions, results = measuring.versions(stack), []
    for reader, keys, name in zip(readers, sent, ("receipt", "schedule"), strict=False):
        counted = list(keys)[rate * WARM_UP_SECONDS :]
        took = [1000 * (reader.seen[key] - keys[key]) for key in counted]
        cuts = quantiles(took, n=100)
        about = (1, len(counted), len(readers), versions, measuring.cores())
        for part in (50, 99):
            value = round(cuts[part - 1], 1)
            results.append(Result("latency", f"{name}_p{part}_ms", value, "ms", None, None, None, *about))
    return results
