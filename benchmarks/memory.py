"""P12: the resident memory of each process after many events, and its growth since a tenth of them."""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from confluent_kafka import Producer

from benchmarks import measuring
from benchmarks.clients import Load
from benchmarks.measuring import PARTITIONS, TOPIC, Result, Say
from benchmarks.over_http import BATCH_EVENTS, CLIENTS, posted_by_clients
from shared.ids import shard_of
from tools.cli import lag
from tools.stack.assembly import Stack
from tools.stack.errors import StackError
from tools.stack.issuer import token
from tools.stack.postgres import DATABASE
from tools.stack.service import Service

SERVICES = tuple(f"{service}-{kind}" for kind in ("worker", "api") for service in ("intake", "retention", "review"))
STEP_EVENTS = 10_000
HTTP_SHARE = 10  # One event in so many comes over HTTP.
AHEAD_MAX = 30_000
SAID_SECONDS = 15.0
STILL_SECONDS_MAX = 120.0
MOVING = 100  # The watermarks of each second are always a few messages ahead of their readers.


@dataclass(slots=True)
class Estate:
    """A whole system that takes events in, and its memory at each mark."""

    stack: Stack
    say: Say
    sent: int = 0
    marks: dict[int, dict[str, int]] = field(default_factory=dict)
    said: float = 0.0

    def send_until(self, mark: int) -> None:
        """Send events until so many were sent, never far ahead of what is taken in."""
        producer = Producer({"bootstrap.servers": self.stack.bootstrap, "linger.ms": 20, "acks": "all"})
        while self.sent < mark:
            count = min(STEP_EVENTS, mark - self.sent)
            posted = count // HTTP_SHARE
            self._produce(producer, self.sent + posted, count - posted)
            if posted:
                secret = token("upstream", self.stack.paths.keys)
                port = self.stack.ports["intake-api"]
                posted_by_clients(self.stack, Load(port, secret, "memory", self.sent, posted, BATCH_EVENTS, CLIENTS))
            self.sent += count
            self._until(lambda behind: _unread(behind) < AHEAD_MAX)

    def _produce(self, producer: Producer, first: int, count: int) -> None:
        for number in range(first, first + count):
            event = measuring.make_event(number, "memory")
            part = shard_of(event.key) % PARTITIONS
            producer.produce(TOPIC, event.data, event.key, partition=part, headers=event.headers)
            producer.poll(0)
        if producer.flush(60):
            raise StackError("Kafka did not take all the events.")

    def rest(self) -> None:
        """Wait until everything that was sent has been taken in, dated and announced."""
        self._until(_at_rest)

    def _until(self, holds: Callable[[lag.Lag], bool]) -> None:
        moved, before = time.monotonic(), -1
        while not holds(behind := lag.look()):
            left = _unread(behind) + sum(each.rows for each in behind.queues)
            if left != before:
                moved, before = time.monotonic(), left
            for each in self.stack.services():
                if not each.running():
                    raise StackError(f"{each.name} ended with {left:,} rows left:\n{each.last_lines()}")
            if time.monotonic() - moved > STILL_SECONDS_MAX:
                raise StackError(f"It stands still with {left:,} rows left.")
            self._tell(left)
            time.sleep(1)

    def _tell(self, left: int) -> None:
        if time.monotonic() - self.said > SAID_SECONDS:
            self.said = time.monotonic()
            sizes = ", ".join(f"{name} {kb / 1024:.0f}" for name, kb in resident(self.stack.services()).items())
            self.say(f"{self.sent:,} sent, {left:,} rows on their way; MB: {sizes}")

    def mark(self) -> None:
        """Note the memory of each process."""
        self.marks[self.sent] = resident(self.stack.services())
        self.said = 0.0
        self._tell(0)


def _unread(behind: lag.Lag) -> int:
    return sum(each.rows for each in behind.unread)


def _at_rest(behind: lag.Lag) -> bool:
    """Say whether nothing waits but what comes anew each second."""
    if behind.away:
        raise StackError(" ".join(behind.away))
    return all(each.rows < MOVING for each in (*behind.unread, *behind.queues))


def resident(services: Sequence[Service]) -> dict[str, int]:
    """Give each process's resident memory in kB, of which shared libraries are a part."""
    found = {}
    for each in services:
        identity = each.identity()
        if identity is None:
            raise StackError(f"{each.name} ended:\n{each.last_lines()}")
        status = Path(f"/proc/{identity.pid}/status").read_text()
        found[each.name] = int(status.partition("VmRSS:")[2].split()[0])
    return found


@contextmanager
def _told(stack: Stack) -> Iterator[None]:
    """Tell this process where the stack is, as the tools that look at it are told."""
    before = dict(os.environ)
    os.environ.update(stack.environment())
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def run(events: int, say: Say) -> list[Result]:
    """Send a tenth and note, send the rest and note again; a run, not a median: memory does not jitter as time does."""
    with measuring.servers(*SERVICES, say=say) as stack, _told(stack):
        for each in stack.services():
            each.start(60)
        estate = Estate(stack, say)
        for mark in (events // 10, events):
            estate.send_until(mark)
            estate.rest()
            estate.mark()
        with psycopg.connect(measuring.url_of(stack, DATABASE)) as data:
            measuring.check_rows(data, events, "memory", {"arrival": 1, "record": 1, "body": 1})
        return _results(estate, measuring.versions(stack))


def _results(estate: Estate, versions: dict[str, str]) -> list[Result]:
    (first, early), (last, late) = estate.marks.items()
    about = (1, last, len(late), versions, measuring.cores())
    results = []
    for name, kb in late.items():
        before, now = round(early[name] / 1024, 1), round(kb / 1024, 1)
        results.append(Result("memory", f"{name}_mb", now, "MB", f"at_{first}", before, None, *about))
        growth = round(100 * (kb - early[name]) / early[name], 1)
        results.append(Result("memory", f"{name}_growth_percent", growth, "%", None, None, None, *about))
    return results
