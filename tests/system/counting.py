"""What came of it: counts and states straight from the tables and topics, and what an undisturbed run would give."""

import json
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import psycopg
import pytest
import rfc8785
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka import Message as Read

from shared.keys import read_keys
from tests.system.publishing import INBOUND, PARTITIONS, Message

_QUEUED = "SELECT (SELECT count(*) FROM unpublished), (SELECT count(*) FROM unsealed)"
RECEIPTS, REGISTERED = "records.receipts.v1", "records.registered.v1"


class State(NamedTuple):
    """How a record or nominal stands."""

    sequence: int
    version: int
    state_mac: bytes


class Counted(NamedTuple):
    """Arrivals: rows, distinct places, and rows by outcome."""

    rows: int
    places: int
    outcomes: dict[str, int]


def ask(url: str, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
    """Run one query as the administrator, in intake's schema."""
    options = "-c search_path=intake"
    with psycopg.connect(url, autocommit=True, connect_timeout=3, options=options) as connection:
        return connection.execute(sql, parameters or None).fetchall()


def arrivals(url: str) -> Counted:
    """Count arrivals and their distinct (incarnation, partition, offset)."""
    distinct = "count(DISTINCT (place->'incarnation', place->'partition', place->'offset'))"
    [(rows, places)] = ask(url, f"SELECT count(*), {distinct} FROM arrival")
    return Counted(rows, places, dict(ask(url, "SELECT outcome, count(*) FROM arrival GROUP BY 1")))


def accounts(url: str) -> dict[str, int]:
    """Give the events account by outcome; it must agree with the rows."""
    return {outcome: int(n) for outcome, n in ask(url, "SELECT outcome, sum(n) FROM account GROUP BY 1")}


def states(url: str) -> dict[UUID, State]:
    """Give every subject's state as stored."""
    rows = ask(url, "SELECT record_uid, sequence, version, state_mac FROM record")
    return {row[0]: State(row[1], row[2], bytes(row[3])) for row in rows}


def undisturbed(messages: Iterable[Message], keys: Path) -> dict[UUID, State]:
    """Compute what the states would be if nothing had ever gone wrong: the messages folded in their order."""
    mac = read_keys(keys, "intake").mac
    folded: dict[UUID, State] = {}
    for each in messages:
        event = each.event
        if event is None or not event.sequence:
            continue
        subject, new = UUID(event.subject), mac(b"state\n" + rfc8785.dumps(event.data))
        known = folded.get(subject)
        if known is None or event.sequence > known.sequence:
            version = (known.version if known else 0) + (known is None or known.state_mac != new)
            folded[subject] = State(event.sequence, version, new)
    return folded


def consumer(bootstrap: str) -> Consumer:
    settings = {"bootstrap.servers": bootstrap, "group.id": "tenure-tests", "enable.auto.commit": False, "log_level": 0}
    return Consumer({**settings, "isolation.level": "read_committed", "enable.partition.eof": True})


def ends(bootstrap: str, topic: str = INBOUND, partitions: int = PARTITIONS) -> dict[int, int]:
    """Give each partition's end; a broker that has just thawed leads no partition for a moment."""
    reader, found = consumer(bootstrap), {}

    def found_all() -> bool:
        for n in set(range(partitions)) - set(found):
            found[n] = reader.get_watermark_offsets(TopicPartition(topic, n), timeout=10)[1]
        return True

    try:
        wait_for(found_all, 30, f"the ends of {topic}")
        return found
    finally:
        reader.close()


def read(bootstrap: str, topic: str, partitions: int = PARTITIONS) -> Iterator[Read]:
    """Read all that is committed on a topic."""
    reader = consumer(bootstrap)
    reader.assign([TopicPartition(topic, n, 0) for n in range(partitions)])
    unread = set(range(partitions))
    try:
        heard = time.monotonic()
        while unread:
            found = reader.consume(2_000, timeout=0.3)
            heard = time.monotonic() if found else heard
            assert time.monotonic() - heard < 15, f"{topic} went silent with {len(unread)} partitions unread"
            for message in found:
                error = message.error()
                if error is None:
                    yield message
                elif error.code() == KafkaError._PARTITION_EOF:
                    unread.discard(message.partition())  # Its end is told again whenever it has grown.
    finally:
        reader.close()


def receipts(bootstrap: str, count: int) -> Counter[str]:
    """Give how often each receipt is on its topic, once there are `count` of them.

    A Kafka transaction is committed before its markers are in every partition: its messages can be read a moment later.
    """
    told: Counter[str] = Counter()

    def all_there() -> bool:
        nonlocal told
        told = Counter(json.loads(message.value())["receipt_id"] for message in read(bootstrap, RECEIPTS))
        return len(told) >= count

    wait_for(all_there, 20, lambda: f"{count} receipts on the topic, not {len(told)}")
    assert len(told) == count
    return told


def last_versions(bootstrap: str, topic: str) -> dict[str, int]:
    """Give the version that a topic said last of each key."""
    return {message.key().decode(): json.loads(message.value())["version"] for message in read(bootstrap, topic)}


def steps_back(bootstrap: str, topic: str = REGISTERED) -> list[tuple[str, int, int]]:
    """Give where a subject's first occurrence of a version comes after a higher one; there must be none."""
    highest: dict[str, int] = defaultdict(int)
    seen: set[tuple[str, int]] = set()
    wrong = []
    for message in read(bootstrap, topic):
        data = json.loads(message.value())
        subject, version = message.key().decode(), data.get("version")
        if version is None or (subject, version) in seen:
            continue
        seen.add((subject, version))
        if version < highest[subject]:
            wrong.append((subject, highest[subject], version))
        highest[subject] = max(version, highest[subject])
    return wrong


def progress(url: str) -> int:
    """Give how many offsets of the inbound topic are behind the stored positions."""
    return int(ask(url, "SELECT coalesce(sum(next_offset), 0) FROM position WHERE topic = %s", INBOUND)[0][0])


def wait_for(holds: Callable[[], object], seconds: float, what: str | Callable[[], str]) -> float:
    """Wait until something holds; gives how long that took. A server that is away counts as not yet."""
    began = time.monotonic()
    while True:
        try:
            if holds():
                return time.monotonic() - began
        except (psycopg.OperationalError, KafkaException):
            pass
        if time.monotonic() - began > seconds:
            pytest.fail(f"not within {seconds} s: {what if isinstance(what, str) else what()}")
        time.sleep(0.1)


def wait_drained(url: str, bootstrap: str, seconds: float) -> float:
    """Wait until all that came in is settled, published and sealed."""
    target = sum(ends(bootstrap).values())
    took = wait_for(lambda: progress(url) == target, seconds, lambda: f"{progress(url)} of {target} offsets settled")
    wait_for(lambda: ask(url, _QUEUED) == [(0, 0)], 60, lambda: f"queues empty, not {ask(url, _QUEUED)}")
    return took


def ledger_gaps(url: str) -> tuple[int, int]:
    """Give (log rows with neither a leaf nor a place in the sealer's queue, holes in the leaves' numbers).

    What the clock wrote a moment ago, a measure say, still waits for the sealer's next turn.
    """
    [(unsealed,)] = ask(
        url,
        "SELECT count(*) FROM log WHERE NOT EXISTS (SELECT FROM leaf WHERE leaf.log_id = log.log_id)"
        " AND log_id NOT IN (SELECT unnest(log_ids) FROM unsealed)",
    )
    [(holes,)] = ask(url, "SELECT coalesce(max(leaf_index) + 1, 0) - count(*) FROM leaf")
    return unsealed, holes


def last_words(log: Path, lines: int = 40) -> None:
    """Print what a process last said; pytest shows it when the test fails."""
    said = [line[:600] for line in log.read_text(errors="replace").splitlines() if '"level": "info"' not in line]
    print(f"\n{log.name}, {len(said)} lines that matter:", *said[-lines:], sep="\n")


class Watch(threading.Thread):
    """Looks ten times a second how far intake is, and remembers the longest time a partition took without a step."""

    def __init__(self, url: str) -> None:
        super().__init__(name="watch", daemon=True)
        self.url = url
        self.stopping = threading.Event()
        self.longest = 0.0
        self.seen: dict[int, tuple[int, float]] = {}
        self.start()

    def run(self) -> None:
        while not self.stopping.wait(0.1):
            try:
                found = ask(self.url, "SELECT part, next_offset FROM position WHERE topic = %s", INBOUND)
            except psycopg.OperationalError:
                continue
            for part, at in found:
                self._look(part, at, time.monotonic())

    def _look(self, part: int, at: int, now: float) -> None:
        before, moved = self.seen.get(part, (at, now))
        if at != before:
            self.longest = max(self.longest, now - moved)
        if at != before or part not in self.seen:
            self.seen[part] = (at, now)

    def finish(self) -> float:
        self.stopping.set()
        self.join(5)
        return self.longest
