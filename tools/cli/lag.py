"""How far each service is behind, in rows and in seconds: what it has not read, and what waits in its queues."""

import logging
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any, NamedTuple

import psycopg
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from kafka.errors import KafkaError as NoAnswer
from rich.console import Console
from rich.table import Table

from shared.incarnations import Incarnations, TopicsMissing
from shared.topics import BY_NAME, SERVICES
from tools.topics import BrokerMissing, bootstrap_servers, brokers_at
from tools.verify.findings import CouldNotRun
from tools.verify.tables import connect

ANSWER_SECONDS_MAX = 1.0
STATEMENT_MS_MAX = 1_000

_POSITIONS = "SELECT cluster, topic, incarnation, part, next_offset FROM position"
# A queue's rows come in the order they were put: the first one's first log row is the oldest that waits.
_QUEUE = """
SELECT (SELECT coalesce(sum(cardinality(log_ids)), 0) FROM {queue}), extract(epoch FROM clock_timestamp() - (
    SELECT at FROM log WHERE log_id = (SELECT log_ids[1] FROM {queue} ORDER BY queue_id LIMIT 1)))"""
_QUEUES = {name: _QUEUE.format(queue=name) for name in ("unpublished", "unsealed")}
_SETTLING = {
    "dirty": "SELECT count(*), extract(epoch FROM clock_timestamp() - min(marked_at)) FROM dirty",
    "unannounced": "SELECT count(*), NULL FROM schedule WHERE announced_version < version",
}

_READER = {
    "group.id": "tenure-status",
    "enable.auto.commit": False,
    "auto.offset.reset": "earliest",
    "isolation.level": "read_committed",
    "enable.partition.eof": True,
    "fetch.message.max.bytes": 1,  # One message of each partition is enough.
    "log_level": 0,
}
# librdkafka's attempts would be told one by one; a sentence says once that nobody answers.
_SILENT = logging.getLogger("tenure.status")
_SILENT.addHandler(logging.NullHandler())
_SILENT.propagate = False

Part = tuple[str, int]


class Behind(NamedTuple):
    """What waits somewhere: of a service, in a topic or a queue, how many rows, and how old the oldest is."""

    service: str
    where: str
    rows: int
    seconds: float | None


class Lag(NamedTuple):
    """How far everything is behind; what could not be asked is said in a sentence."""

    unread: list[Behind]
    queues: list[Behind]
    away: list[str]

    def told(self) -> dict[str, Any]:
        """Give it for programs."""
        unread = [{"service": s, "topic": topic, "rows": n, "seconds": age} for s, topic, n, age in self.unread]
        queues = [{"service": s, "queue": queue, "rows": n, "seconds": age} for s, queue, n, age in self.queues]
        return {"unread": unread, "queues": queues, "away": self.away}


class Tables(NamedTuple):
    """What a service's tables say: its stored positions by place, and its queues."""

    positions: dict[tuple[str, str, str, int], int]
    queues: list[Behind]


def look() -> Lag:
    """Ask broker and database once, and change nothing."""
    with ThreadPoolExecutor(len(SERVICES) + 1) as at_once:
        asked = {service: at_once.submit(_tables, service) for service in SERVICES}
        told = at_once.submit(_Broker.ask, bootstrap_servers())
        away, tables = [], {}
        for service, answer in asked.items():
            try:
                tables[service] = answer.result()
            except (CouldNotRun, psycopg.Error) as error:
                away.append(_said(error))
        try:
            unread = told.result().unread(tables)
        except (BrokerMissing, TopicsMissing, NoAnswer, KafkaException):
            unread = []
            away.append(f"The broker at {bootstrap_servers()} does not answer: what is not read is not known.")
    away += [f"{name}'s worker has never read anything." for name, its in tables.items() if not its.positions]
    return Lag(unread, [queue for each in tables.values() for queue in each.queues], list(dict.fromkeys(away)))


def _said(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _tables(service: str) -> Tables:
    with closing(connect(service)) as connection:
        connection.read_only = True
        connection.execute(f"SET statement_timeout = {STATEMENT_MS_MAX}")
        positions = {row[:4]: row[4] for row in connection.execute(_POSITIONS)}
        queues = []
        for queue, statement in (_QUEUES | (_SETTLING if service == "retention" else {})).items():
            [(rows, seconds)] = connection.execute(statement.encode()).fetchall()
            queues.append(Behind(service, queue, int(rows), _age(seconds)))
        return Tables(positions, queues)


def _age(seconds: Any) -> float | None:
    return None if seconds is None else round(max(0.0, float(seconds)), 1)


class _Broker:
    """What the broker says: its id, its topics' ids, and where they end."""

    def __init__(self, consumer: Consumer, cluster: str, incarnations: dict[str, str]) -> None:
        self.consumer, self.cluster, self.incarnations = consumer, cluster, incarnations
        self.reached: dict[Part, tuple[int, int]] = {}

    @classmethod
    def ask(cls, bootstrap: str) -> "_Broker":
        """Ask for what is there; raises what the clients raise when the broker is away."""
        brokers = brokers_at(bootstrap)
        consumer = Consumer({**brokers.librdkafka(), **_READER, "logger": _SILENT})
        there = consumer.list_topics(timeout=ANSWER_SECONDS_MAX).topics
        asking = Incarnations(brokers)
        try:
            found = cls(consumer, *asking.ask(_read_topics() & there.keys()))
        finally:
            asking.close()
        for topic in found.incarnations:
            for part in there[topic].partitions:
                found.reached[topic, part] = consumer.get_watermark_offsets(
                    TopicPartition(topic, part), ANSWER_SECONDS_MAX
                )
        return found

    def unread(self, tables: dict[str, Tables]) -> list[Behind]:
        """Compare each service's positions with the ends."""
        try:
            return [
                self._behind(service, topic, tables[service])
                for service in tables
                for topic in sorted({topic for _, topic, _, _ in tables[service].positions} & self.incarnations.keys())
            ]
        finally:
            self.consumer.close()

    def _behind(self, service: str, topic: str, tables: Tables) -> Behind:
        left = {}
        for part in [part for name, part in self.reached if name == topic]:
            low, end = self.reached[topic, part]
            at = tables.positions.get((self.cluster, topic, self.incarnations[topic], part), 0)
            if (first := max(at, low)) < end:
                left[part] = (first, end)
        rows = sum(end - first for first, end in left.values())
        return Behind(service, topic, rows, self._oldest(topic, {part: first for part, (first, _) in left.items()}))

    def _oldest(self, topic: str, firsts: dict[int, int]) -> float | None:
        """Find the age of the oldest message that was not read, from the first of each partition."""
        stamps, waiting, until = [], set(firsts), time.monotonic() + ANSWER_SECONDS_MAX / 2
        self.consumer.assign([TopicPartition(topic, part, first) for part, first in firsts.items()])
        while waiting and time.monotonic() < until:
            for message in self.consumer.consume(100, 0.05):
                error = message.error()
                if error is not None and error.code() != KafkaError._PARTITION_EOF:
                    raise KafkaException(error)
                if message.partition() in waiting:
                    waiting.discard(message.partition())
                    if error is None:
                        stamps.append(message.timestamp()[1] / 1000)
        return _age(time.time() - min(stamps)) if stamps else None


def _read_topics() -> set[str]:
    return {name for name, topic in BY_NAME.items() if set(topic.read_by) & set(SERVICES)}


def show(lag: Lag, console: Console) -> None:
    """Show what waits; a row with nothing waiting is dim."""
    for title, what, rows in (("were not read", "topic", lag.unread), ("wait", "queue", lag.queues)):
        if rows:
            console.print()
            console.print(_table(title, what, rows))
    for sentence in lag.away:
        console.print(sentence, style="red", highlight=False, markup=False, soft_wrap=True)


def _table(title: str, what: str, rows: Iterable[Behind]) -> Table:
    table = Table(box=None, pad_edge=False)
    for name in ("service", what, f"rows that {title}", "oldest, in seconds"):
        table.add_column(name, justify="left" if name in ("service", what) else "right", no_wrap=name == what)
    for each in rows:
        age = "-" if each.seconds is None else f"{each.seconds:,.1f}"
        table.add_row(each.service, each.where, f"{each.rows:,}", age, style=None if each.rows else "dim")
    return table
