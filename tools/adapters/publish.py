"""Publish files of events to Kafka, and say what became of each.

Everything is read and checked before the first event is sent, so a file with a mistake in it publishes nothing; and
publishing again changes nothing, so an interrupted run is mended by running it again.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kafka import KafkaConsumer, KafkaProducer
from kafka.errors import KafkaError
from rich.console import Console

from shared.ids import shard_of
from tools.adapters import jsonl, police_uk
from tools.adapters.outgoing import Mistake, Outgoing
from tools.adapters.progress import stage
from tools.adapters.receipts import TOPIC as RECEIPTS
from tools.adapters.receipts import Place, Receipts, Tally
from tools.topics import BOOTSTRAP_WAIT_MS, brokers_at, reachable

TOPIC = "records.events.v1"
IN_FLIGHT_MAX = 10_000
DELIVERY_SECONDS_MAX = 30
CLOSE_SECONDS_MAX = 2
BATCH_BYTES = 256 * 1024
LINGER_MS = 10

Reader = Callable[[Path], Iterator[Outgoing]]
FORMATS: dict[str, Reader] = {"police-uk": police_uk.read, "jsonl": jsonl.read}


class NotPublished(Exception):
    """Publishing stopped on the way; the message says how far it came and the mend."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Files that were read to their end without a mistake, and how many events of each kind they hold."""

    paths: tuple[Path, ...]
    read: Reader
    kinds: dict[Path, Counter[str]]

    @property
    def total(self) -> int:
        """Count the events of all files."""
        return sum(kinds.total() for kinds in self.kinds.values())

    def events(self) -> Iterator[Outgoing]:
        """Read every file's events, one file after the other."""
        for path in self.paths:
            yield from self.read(path)


def read_by_name(path: Path) -> Iterator[Outgoing]:
    """Read a file in the format that its name tells: JSON lines, else data.police.uk's CSV."""
    lines = {".jsonl", ".ndjson"} & set(path.suffixes)
    return FORMATS["jsonl" if lines else "police-uk"](path)


def check(paths: Sequence[Path], read: Reader) -> Plan:
    """Read every file to its end and count; a `Mistake` in any of them stops all."""
    if not paths:
        raise Mistake("No file was named: `./tenure publish FILE...`, for instance a CSV file of data.police.uk.")
    return Plan(tuple(paths), read, {path: Counter(event.kind for event in read(path)) for path in paths})


def publish(plan: Plan, bootstrap: str, console: Console, tally: Tally, *, wait: bool = True) -> None:
    """Send the plan's events and, if asked, wait for their receipts; the tally holds what is known at any moment."""
    pending: set[Place] = set()
    with reachable(bootstrap), _connected(bootstrap) as (consumer, producer):
        partitions = _partitions(consumer, bootstrap)
        receipts = Receipts(consumer)
        with stage(console, "publishing", plan.total) as advance:
            for place in _acknowledged(_send(plan.events(), producer, partitions), tally):
                pending.add(place)
                advance()
        if wait and pending:
            _await(receipts, pending, tally, console)


def _await(receipts: Receipts, pending: set[Place], tally: Tally, console: Console) -> None:
    with stage(console, "receipts", len(pending)) as advance:
        receipts.collect(pending, tally, advance)


@contextmanager
def _connected(bootstrap: str) -> Iterator[tuple[Any, Any]]:
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


def _partitions(consumer: Any, bootstrap: str) -> int:
    """Count the partitions of the events' topic; it and the receipts' must be there before anything is sent."""
    found = {topic: len(consumer.partitions_for_topic(topic) or ()) for topic in (TOPIC, RECEIPTS)}
    for topic, count in found.items():
        if not count:
            raise NotPublished(f"The topic {topic} is not at {bootstrap}: make it with `./tenure topics apply`.")
    return found[TOPIC]


def _send(events: Iterable[Outgoing], producer: Any, partitions: int) -> Iterator[Any]:
    """Hand events to the producer; yields each one's future, in order."""
    for event in events:
        key = event.key
        yield producer.send(
            TOPIC,
            key=key.encode(),
            value=event.data,
            headers=event.headers,
            partition=shard_of(key) % partitions,
        )


def _acknowledged(futures: Iterable[Any], tally: Tally) -> Iterator[Place]:
    """Yield where each event arrived, keeping at most so many unacknowledged."""
    waiting: deque[Any] = deque()
    for future in futures:
        waiting.append(future)
        while waiting and (len(waiting) > IN_FLIGHT_MAX or waiting[0].is_done):
            yield _place(waiting.popleft(), tally)
    while waiting:
        yield _place(waiting.popleft(), tally)


def _place(future: Any, tally: Tally) -> Place:
    try:
        arrived = future.get(timeout=DELIVERY_SECONDS_MAX)
    except KafkaError as error:
        raise NotPublished(
            f"Kafka stopped taking events after {tally.published:,} ({error}): "
            "publish again when it answers; what is there already changes nothing."
        ) from error
    tally.published += 1
    return arrived.topic, arrived.partition, arrived.offset
