"""The relay: one fenced publisher per lane of the log, proven over kills, freezes and thaws (docs/decisions/0002).

A lane is every LANES-th shard. A relay holds its lanes by advisory locks on a connection of its own, and publishes each
through a producer whose transactional id is the service and lane: one that froze and thawed is fenced by the broker.
"""

import logging
import threading
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any, ClassVar, NamedTuple

import psycopg
from confluent_kafka import KafkaError, KafkaException, Producer
from confluent_kafka.admin import AdminClient

from shared.away import away
from shared.brokers import Brokers
from shared.clock import monotonic
from shared.crash import crash_point
from shared.db import BY_KEY
from shared.ids import SHARDS, named
from shared.tracing import HEADER

log = logging.getLogger(__name__)

ROWS_MAX = 5_000
# A Kafka transaction costs the same for one shard as for four: two lanes let two workers share the work, and cost a
# quarter of what eight would. A relay takes one at first, and one more that nobody serves at each look.
LANES = 2
POLL_SECONDS = 0.05  # For what other processes queue; of what its own commits a relay is told.
HEARTBEAT_SECONDS = 2.0
IDLE_SESSION_MS_MAX = 10_000  # A silent relay's connection is closed, and its shards are free.
LOOK_SECONDS = 1.0
COMMIT_SECONDS_MAX = 30
QUEUE_KB_MAX = 32_768
LINGER_MS = 1_000  # A commit flushes at once: what a transaction has for a partition then goes in one piece.
LOCK_SPACE = 77

# Whole transactions in their order, up to ROWS_MAX rows of the log (or the one transaction that alone is larger).
_QUEUED = """
SELECT q.shard, q.queue_id, l.log_id, l.at, l.topic, l.key, l.type, l.subject, l.payload, l.headers, q.trace
FROM (SELECT *, sum(cardinality(log_ids)) OVER (ORDER BY queue_id) - cardinality(log_ids) AS before
      FROM (SELECT shard, queue_id, log_ids, trace FROM unpublished WHERE shard = ANY(%s)
            ORDER BY queue_id LIMIT 512) oldest) q,
    unnest(q.log_ids) WITH ORDINALITY AS u(log_id, n) JOIN log l USING (log_id)
WHERE q.before < %s ORDER BY q.queue_id, u.n"""
_DONE = "DELETE FROM unpublished WHERE queue_id = ANY(%s)"


def shards_of(lane: int) -> range:
    """Give the shards of a lane."""
    return range(lane, SHARDS, LANES)


def partitions_of(brokers: Brokers) -> dict[str, int]:
    """Give how many partitions each topic has now; raises `KafkaException` while the broker is away."""
    found = AdminClient({**brokers.librdkafka(), "log_level": 0}).list_topics(timeout=5)
    return {name: len(topic.partitions) for name, topic in found.topics.items()}


def take_lane(session: "psycopg.Connection[Any]", lane: int) -> bool:
    """Try to hold a lane of the schema's log, for as long as the session lives."""
    space = f"SELECT pg_try_advisory_lock(hashtext(current_schema()), {LOCK_SPACE * 100} + %s)"
    found = session.execute(space, (lane,)).fetchone()
    return bool(found and found[0])


class Fenced(Exception):
    """Another relay has the lane; this process must go."""


class Row(NamedTuple):
    """One log row on its way out."""

    shard: int
    queue_id: int
    log_id: int
    at: Any
    topic: str
    key: str
    type: str
    subject: Any
    payload: bytes
    headers: Mapping[str, str] | None
    trace: str | None  # Its transaction's; what has a header of its own belongs elsewhere.


@dataclass(frozen=True, slots=True)
class Route:
    """Whose log a relay publishes, from which database, to which broker."""

    service: str
    database_url: str = field(repr=False)
    brokers: Brokers


def session_of(route: Route) -> "psycopg.Connection[Any]":
    """Open the session that holds a relay's locks and does its work: by key, whatever the statistics say."""
    settings = {**BY_KEY, "idle_session_timeout": IDLE_SESSION_MS_MAX, "tcp_keepalives_idle": 5}
    options = " ".join(f"-c {name}={value}" for name, value in {**settings, "tcp_user_timeout": 10_000}.items())
    return psycopg.connect(route.database_url, autocommit=True, options=options)


def headers_of(service: str, row: Row) -> list[tuple[str, bytes]]:
    """Give the CloudEvents attributes of a log row, binary mode: the id is the same however often it is published."""
    headers = [
        *_of_type(service, row.type),
        ("ce_id", str(named(f"log\n{service}\n{row.log_id}")).encode()),
        ("ce_subject", str(row.subject).encode()),
        ("ce_time", _instant(row.at)),
        ("ce_partitionkey", row.key.encode()),
    ]
    own = row.headers or ({HEADER: row.trace} if row.trace else {})
    return headers + [(name, value.encode()) for name, value in own.items()]


@lru_cache(maxsize=256)
def _of_type(service: str, kind: str) -> tuple[tuple[str, bytes], ...]:
    source = f"urn:tenure:{service}".encode()
    fixed = ("ce_specversion", b"1.0"), ("content-type", b"application/json")
    return (*fixed, ("ce_source", source), ("ce_type", kind.encode()))


@lru_cache(maxsize=256)
def _instant(at: datetime) -> bytes:
    return at.isoformat().encode()


def make_producer(brokers: Brokers, transactional_id: str) -> Producer:
    """Make a producer that fences the one before with its id, and aborts what it left open."""
    producer = Producer(
        {
            **brokers.librdkafka(),
            "transactional.id": transactional_id,
            "transaction.timeout.ms": 10_000,
            "message.timeout.ms": 8_000,
            "linger.ms": LINGER_MS,
            "queue.buffering.max.kbytes": QUEUE_KB_MAX,
            "log_level": 2,
        }
    )
    producer.init_transactions(COMMIT_SECONDS_MAX)
    return producer


def in_transaction(producer: Producer, produce: Callable[[Producer], None]) -> None:
    """Run `produce` in one Kafka transaction; raise `Fenced` when another has our id, else abort and raise."""
    try:
        producer.begin_transaction()
        produce(producer)
        producer.commit_transaction(COMMIT_SECONDS_MAX)
    except KafkaException as error:
        cause: KafkaError = error.args[0]
        if cause.fatal():
            raise Fenced(str(cause)) from error
        producer.abort_transaction(COMMIT_SECONDS_MAX)
        raise


class Relay(threading.Thread):
    """Publishes what the log has queued, for the lanes that it holds."""

    lanes: ClassVar[int] = LANES

    def __init__(self, route: Route) -> None:
        super().__init__(name="relay", daemon=True)
        self.route = route
        self.every_second: Callable[[int, Producer], None] | None = None  # What more a lane says each second.
        self.told: Callable[[Sequence[Row]], None] = lambda rows: None  # Hears what is on the topics, in order.
        self.wake, self.stopping = threading.Event(), threading.Event()
        self.failure: BaseException | None = None
        self.producers: dict[int, Producer] = {}
        self.partitions: dict[str, int] = {}
        self.beat = self.looked = self.second = 0.0
        self.published = 0

    def run(self) -> None:
        """Serve until stopped; transient trouble starts the session anew, a fence ends it."""
        delay = 0.2
        while not self.stopping.is_set():
            try:
                self._session()
                delay = 0.2
            except (psycopg.OperationalError, KafkaException) as error:
                said = {"action": "relay_retry", "cause": type(error).__name__}
                log.warning("The relay starts anew in %.1f s: %s.", delay, away(error), extra=said)
                self.producers.clear()
                self.stopping.wait(delay)
                delay = min(delay * 2, 5.0)
            except BaseException as error:  # Handed to the worker, which ends the process with it.
                self.failure = error
                return

    def stop(self) -> None:
        """Ask to stop, and wait for the transaction in hand."""
        self.stopping.set()
        self.wake.set()
        self.join(timeout=8)

    def _session(self) -> None:
        with (
            session_of(self.route) as session,
            ThreadPoolExecutor(LANES, thread_name_prefix="lane") as pool,
        ):
            self.looked = 0.0
            self.partitions = partitions_of(self.route.brokers)
            while not self.stopping.is_set():
                self._hold(session)
                moved = self._once(session, pool) if self.producers else 0
                if not moved:
                    self.wake.wait(POLL_SECONDS)
                    self.wake.clear()

    def _hold(self, session: "psycopg.Connection[Any]") -> None:
        """Keep our locks alive, and take lanes that nobody serves."""
        if monotonic() - self.beat > HEARTBEAT_SECONDS:
            session.execute("SELECT 1")
            self.beat = monotonic()
        if len(self.producers) == self.lanes or monotonic() - self.looked < LOOK_SECONDS:
            return
        self.looked = monotonic()
        for lane in range(self.lanes):
            if lane not in self.producers and self.take(session, lane):
                self.producers[lane] = make_producer(self.route.brokers, self.transactional_id(lane))
                return

    def transactional_id(self, lane: int) -> str:
        """Name the producer of a lane, the same in every process."""
        return f"{self.route.service}-{lane}"

    def take(self, session: "psycopg.Connection[Any]", lane: int) -> bool:
        """Try to become the one relay of a lane, for as long as the session lives; the announcer has other locks."""
        return take_lane(session, lane)

    def _once(self, session: "psycopg.Connection[Any]", pool: ThreadPoolExecutor) -> int:
        shards = [shard for lane in self.producers for shard in shards_of(lane)]
        rows = [Row(*row) for row in session.execute(_QUEUED, (shards, ROWS_MAX), binary=True)]
        says_more = self.every_second is not None and monotonic() - self.second > 1
        by_lane: dict[int, list[Row]] = {lane: [] for lane in self.producers} if says_more else defaultdict(list)
        for row in rows:
            by_lane[row.shard % LANES].append(row)
        for done in [pool.submit(self._publish, lane, its, says_more) for lane, its in by_lane.items()]:
            done.result()
        if says_more:
            self.second = monotonic()
        if not rows:
            return 0
        crash_point("relay_after_kafka_commit")
        crash_point("relay_before_delete")
        # In the session that has our locks: where it is gone, and they with it, this raises.
        session.execute(_DONE, (list({row.queue_id for row in rows}),))
        self.beat = monotonic()
        self.published += len(rows)
        self.told(rows)
        return len(rows)

    def _publish(self, lane: int, rows: list[Row], says_more: bool) -> None:
        def produce(producer: Producer) -> None:
            for row in rows:
                count = self.partitions[row.topic]
                headers = headers_of(self.route.service, row)
                send(producer, row.topic, row.payload, row.key, partition=row.shard % count, headers=headers)
            if says_more and self.every_second:
                self.every_second(lane, producer)

        in_transaction(self.producers[lane], produce)


def send(producer: Producer, topic: str, value: bytes, key: str, **more: Any) -> None:
    """Hand over one message; without a poll for each, which lets go of the interpreter each time."""
    while True:
        try:
            producer.produce(topic, value, key, **more)
        except BufferError:
            producer.poll(0.05)  # librdkafka's queue is full: let it drain.
        else:
            return
