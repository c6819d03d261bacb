"""A back-load beside live events: how late these are with it and without, its rate, and the reader's memory."""

import secrets
import time
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from statistics import median, quantiles

import psycopg

from benchmarks import latency, measuring
from benchmarks.latency import RECEIPTS, SCHEDULES, WARM_UP_SECONDS, Reader
from benchmarks.measuring import TOPIC, Result, Say, middle
from shared.events import BACKLOAD
from tools.stack.assembly import Stack
from tools.stack.errors import StackError
from tools.stack.postgres import DATABASE

SERVICES = ("intake-worker", "retention-worker")
ALONE_SHARE = 4  # A quarter of the back-load is read while no live events come.
SETTLED_SHARE = 4  # A quarter of that is read before its rate is taken.
TURN_SECONDS = 3.0  # Longer than a look: a turned switch is heeded by then.
STILL_SECONDS_MAX = 60.0
_TURN = "UPDATE backload SET paused = %s, version = version + 1"
_READ = "SELECT coalesce(sum(next_offset), 0)::bigint FROM position WHERE topic = %s"


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be measured."""

    events: int
    rate: int
    seconds: int
    repetitions: int


@dataclass(slots=True)
class Bench:
    """A running stack with its back-load, and what was seen so far."""

    stack: Stack
    plan: Plan
    say: Say
    data: psycopg.Connection
    readers: tuple[Reader, ...]
    late: dict[tuple[str, str], list[tuple[float, float]]] = field(default_factory=dict)
    """By what came back and beside what: p50 and p99 of each turn, in milliseconds."""
    rates: dict[str, list[float]] = field(default_factory=dict)

    def turn(self, paused: bool) -> None:
        """Pause the back-load, or let it go on."""
        self.data.execute(_TURN, [paused])
        time.sleep(TURN_SECONDS)

    def ask(self, sql: str, *values: str) -> int:
        """Ask the database for a number."""
        row = self.data.execute(sql, values).fetchone()
        assert row is not None
        return int(row[0])

    def read(self, topic: str) -> int:
        """Count what intake has read of a topic."""
        return self.ask(_READ, topic)

    def dated(self) -> int:
        """Count the records that have a schedule: each event of ours is of a record of its own."""
        return self.ask("SELECT count(*) FROM retention.schedule")

    def live(self, who: str) -> None:
        """Send live events at an even rate, and see how long each waits for its receipt and its schedule.

        The first seconds stand by themselves: a back-load that was alone has more in hand than one beside others.
        """
        before, began = self.read(BACKLOAD), time.monotonic()
        sent = latency.publish(self.stack, self.plan.rate, WARM_UP_SECONDS + self.plan.seconds)
        after, ended = self.read(BACKLOAD), time.monotonic()
        latency.await_keys([(reader, set(keys)) for reader, keys in zip(self.readers, sent, strict=True)])
        rate, words = (after - before) / (ended - began), []
        for reader, keys, name in zip(self.readers, sent, ("receipt", "schedule"), strict=True):
            took = [1000 * (reader.seen[key] - at) for key, at in keys.items()]
            first = self.plan.rate * WARM_UP_SECONDS
            for part, its in ((f"first_{name}", took[:first]), (f"live_{name}", took[first:])):
                cuts = quantiles(its, n=100)
                self.late.setdefault((part, who), []).append((cuts[49], cuts[98]))
                words.append(f"{part} p50 {cuts[49]:.0f} ms, p99 {cuts[98]:.0f} ms")
        if who == "beside":
            self.rates.setdefault("beside", []).append(rate)
        self.say(f"{who}: {'; '.join(words)}; back-load {rate:,.0f} events/s")

    def drain(self, topic: str, count: int) -> None:
        """Let `count` more of a topic be read and dated from intake's worker's start on, while nothing else comes.

        The rate is that at which all get their schedules once a first part is read: until then the worker joins, and
        looks whether live events come.
        """
        worker, read, before = self.stack.processes["intake-worker"], self.read(topic), self.dated()
        worker.start(60)
        moved, at, first, began = time.monotonic(), before, before, 0.0
        while at < before + count:
            if not began and self.read(topic) >= read + count // SETTLED_SHARE:
                first, began = self.dated(), time.monotonic()
            now = self.dated()
            if now > at:
                at, moved = now, time.monotonic()
            if time.monotonic() - moved > STILL_SECONDS_MAX:
                raise StackError(f"{topic} stands still: {at:,} of {before + count:,} are dated.")
            time.sleep(0.05)
        rate = (at - first) / (moved - began)
        self.rates.setdefault(topic, []).append(rate)
        self.say(f"{topic} alone: {rate:,.0f} events/s, dated")
        worker.stop()

    def memory_mb(self) -> float:
        """Give the resident memory of intake's worker."""
        identity = self.stack.processes["intake-worker"].identity()
        assert identity is not None, "it runs"
        pages = int(Path(f"/proc/{identity.pid}/statm").read_text().split()[1])
        return round(pages * 4096 / 1e6, 1)


def run(plan: Plan, say: Say) -> list[Result]:
    """Measure, interleaved: live events without the back-load, then beside it; and each topic with nothing beside."""
    with measuring.servers(*SERVICES, say=say) as stack:
        for each in stack.services():
            each.start(60)
        with (
            psycopg.connect(measuring.url_of(stack, DATABASE), autocommit=True) as data,
            latency.reading(stack, RECEIPTS, SCHEDULES) as readers,
        ):
            bench = Bench(stack, plan, say, data, readers)
            bench.turn(paused=True)
            say(f"{plan.events:,} events go to {BACKLOAD}")
            measuring.preload(stack, plan.events, BACKLOAD, "old")
            latency.publish(stack, plan.rate, WARM_UP_SECONDS)
            first = bench.memory_mb()
            for _ in range(plan.repetitions):
                bench.live("without")
                bench.turn(paused=False)
                bench.live("beside")
                bench.turn(paused=True)
            memory = (first, bench.memory_mb())
            _alone(bench)
            return _results(bench, memory)


def _alone(bench: Bench) -> None:
    """Read a part of the back-load, and as many live events, each with nothing beside it, in turns."""
    plan = bench.plan
    left = plan.events - bench.read(BACKLOAD)
    part = min(plan.events // ALONE_SHARE, left) // plan.repetitions
    if part < plan.rate:
        raise StackError(f"Only {left:,} events of the back-load are left to be read alone: give more with --events.")
    bench.stack.processes["intake-worker"].stop()
    for _ in range(plan.repetitions):
        bench.data.execute(_TURN, [False])
        bench.drain(BACKLOAD, part)
        bench.data.execute(_TURN, [True])
        measuring.preload(bench.stack, part, TOPIC, f"live-{secrets.token_hex(4)}")
        bench.drain(TOPIC, part)


def _results(bench: Bench, memory: tuple[float, float]) -> list[Result]:
    plan = bench.plan
    about = (plan.repetitions, plan.events, len(SERVICES), measuring.versions(bench.stack), measuring.cores())
    results = []
    names = dict.fromkeys(name for name, _ in bench.late)
    for name, (at, part) in product(names, enumerate((50, 99))):
        beside, without = ([turn[at] for turn in bench.late[name, who]] for who in ("beside", "without"))
        ratio = round(median(its / own for its, own in zip(without, beside, strict=True)), 3)
        figure = (f"{name}_p{part}_ms", middle(beside), "ms", "without", middle(without), ratio)
        results.append(Result("backload", *figure, *about))
    beside_rate = ("events_per_second_beside", middle(bench.rates["beside"]), "1/s", None, None, None)
    alone, live = bench.rates[BACKLOAD], bench.rates[TOPIC]
    ratio = round(median(own / its for own, its in zip(alone, live, strict=True)), 3)
    results.append(Result("backload", *beside_rate, *about))
    results.append(
        Result("backload", "events_per_second_alone", middle(alone), "1/s", "live topic", middle(live), ratio, *about)
    )
    figure = ("worker_mb_after", memory[1], "MB", "before", memory[0], round(memory[0] / memory[1], 3))
    return [*results, Result("backload", *figure, *about)]
