"""P1 and P2: from events on the topic to everything durable, in events a second, beside the limit and the ORM."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

import psycopg

from benchmarks import measuring
from benchmarks.measuring import Result, Say, check_rows, fresh_database, middle
from benchmarks.peers import limit, orm
from shared.ledger import SEALER
from shared.relay import LANES, take_lane
from tools.stack.assembly import Stack
from tools.stack.errors import StackError
from tools.stack.service import Service

ORM_EVENTS = 1_000
RELAYING = "relaying"
PROGRESS_SECONDS_MAX = 60.0
LEAVE_SECONDS = 11.0  # A stopped worker's place in the group is kept so long, and its partitions with it.
_LOOK = "SELECT coalesce(sum(next_offset), 0)::bigint FROM position WHERE topic = %s"
_SINCE = "SELECT extract(epoch FROM min(received_at))::float8 FROM arrival"
_PUBLISHED = """
SELECT (SELECT count(*) FROM log WHERE topic IS NOT NULL)
    - (SELECT coalesce(sum(cardinality(log_ids)), 0) FROM unpublished)"""

_HOLD_SEALER = "SELECT pg_try_advisory_lock(hashtext(current_schema()), %s)"


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be measured."""

    events: int
    repetitions: int
    workers: int
    peers: tuple[str, ...]


@dataclass(slots=True)
class Bench:
    """A running stack with its events, and the rates so far by who did it; the first of each is a warm-up."""

    stack: Stack
    plan: Plan
    say: Say
    ends: dict[int, int] = field(default_factory=dict)
    rates: dict[str, list[float]] = field(default_factory=dict)
    busy: list[float] = field(default_factory=list)
    rows: list[limit.Rows] = field(default_factory=list)

    def measure(self, who: str, run: Callable[[], float], *, counts: bool) -> None:
        """Run one once."""
        rate = run()
        if counts:
            self.rates.setdefault(who, []).append(rate)
        self.say(f"{who}: {rate:,.0f} events/s{'' if counts else ' (warm-up)'}")

    def ours(self, workers: int, *, relaying: bool = True) -> float:
        """Let our worker take the events in, on empty tables; not `relaying`, somebody else has the relay's lanes."""
        with fresh_database(self.stack, "ours") as url, ExitStack() as running:
            if not relaying:
                running.enter_context(lanes_held(url))
            services = [measuring.worker_on(self.stack, "ours", slot) for slot in range(workers)]
            for each in services:
                each.spawn()
                running.callback(each.stop)
            with psycopg.connect(url, autocommit=True) as data:
                seconds, busy = _until_durable(data, self.plan.events, services)
                check_rows(data, self.plan.events, "ours")
                if "limit" in self.plan.peers and not self.rows:
                    self.rows = limit.rows_of(data)
        if workers == self.plan.workers and relaying:
            self.busy.append(busy)
        return self.plan.events / seconds

    def limit(self) -> float:
        """Let the limit store the very rows that ours left."""
        with fresh_database(self.stack, "limited") as url:
            seconds = limit.run(url, self.stack.bootstrap, self.rows)
            with psycopg.connect(url) as data:
                check_rows(data, self.plan.events, "limit")
        return self.plan.events / seconds

    def orm(self) -> float:
        """Let the composition of Faust and ORM take the first few thousand events in."""
        count = min(ORM_EVENTS, self.plan.events)
        with fresh_database(self.stack, "mapped") as url:
            seconds = orm.run(url, self.stack, count)
            with psycopg.connect(url) as data:
                check_rows(data, count, "orm")
        return count / seconds

    def one_worker(self) -> float:
        """Let one worker do what more do."""
        time.sleep(LEAVE_SECONDS)
        return self.ours(1)


@contextmanager
def lanes_held(url: str) -> Iterator[None]:
    """Hold the relay's lanes and the sealer's lock, as another worker would, and see that nothing went out."""
    with psycopg.connect(url, autocommit=True) as session:
        held = [take_lane(session, lane) for lane in range(LANES)]
        held += session.execute(_HOLD_SEALER, [SEALER]).fetchone() or ()
        if not all(held):
            raise StackError("Somebody has a lane of the relay or the sealer's lock in a database that was just made.")
        yield
        if session.execute("SELECT count(*) FROM leaf").fetchone() != (0,):
            raise StackError("The sealer has sealed though its lock was held: this is not P1.")
        if session.execute(_PUBLISHED).fetchone() != (0,):
            raise StackError("The relay has published though its lanes were held: this is not P1.")


def _until_durable(data: psycopg.Connection, count: int, services: list[Service]) -> tuple[float, float]:
    """Wait until every position is at its end; seconds since the first arrival was in hand, and cores busy."""
    moved, at, before = time.monotonic(), 0, _ticks()
    while at < count:
        found = data.execute(_LOOK, [measuring.TOPIC]).fetchone()
        assert found is not None
        if found[0] > at:
            if at == 0:
                before = _ticks()
            moved, at = time.monotonic(), found[0]
        if time.monotonic() - moved > PROGRESS_SECONDS_MAX or not all(each.running() for each in services):
            raise StackError(f"intake's worker stopped at {at:,} events:\n{services[0].last_lines()}")
        time.sleep(0.02)
    ended, after = time.time(), _ticks()
    busy = 100 * (1 - (after[1] - before[1]) / max(1, after[0] - before[0]))
    since = data.execute(_SINCE).fetchone()
    assert since is not None
    return ended - since[0], busy


def _ticks() -> tuple[int, int]:
    """Give the ticks of all cores since the start, and how many of them were idle."""
    with open("/proc/stat") as file:
        counted = [int(number) for number in file.readline().split()[1:9]]
    return sum(counted), counted[3] + counted[4]


def run(plan: Plan, say: Say) -> list[Result]:
    """Measure, interleaved: ours, each peer, ours, each peer, after a warm-up of each."""
    relaying = plan.workers > 1  # P1 ends at what is durable, as the limit does; P2 asks for the relay as well.
    with measuring.servers(say=say) as stack:
        bench = Bench(stack, plan, say)
        say(f"{plan.events:,} events go to {measuring.TOPIC}")
        bench.ends = measuring.preload(stack, plan.events)
        peers = {"limit": bench.limit, "orm": bench.orm, "one_worker": bench.one_worker}
        for turn in range(plan.repetitions + 1):
            bench.measure("ours", lambda: bench.ours(plan.workers, relaying=relaying), counts=turn > 0)
            if not relaying:
                bench.measure(RELAYING, lambda: bench.ours(1), counts=turn > 0)
            for name in plan.peers:
                bench.measure(name, peers[name], counts=turn > 0)
        return _results(bench, measuring.versions(stack))


def _results(bench: Bench, versions: dict[str, str]) -> list[Result]:
    plan, ours = bench.plan, middle(bench.rates["ours"])
    about = (plan.repetitions, plan.events, plan.workers, versions, measuring.cores())
    results = []
    for peer in plan.peers:
        theirs = middle(bench.rates[peer])
        ratios = [mine / its for mine, its in zip(bench.rates["ours"], bench.rates[peer], strict=True)]
        ratio = sorted(ratios)[len(ratios) // 2]
        results.append(Result("ingest", "events_per_second", ours, "1/s", peer, theirs, round(ratio, 3), *about))
    if RELAYING in bench.rates:
        rate = middle(bench.rates[RELAYING])
        results.append(Result("ingest", f"{RELAYING}_events_per_second", rate, "1/s", None, None, None, *about))
    busy = middle(bench.busy[1:])
    results.append(Result("ingest", "cores_busy_percent", busy, "%", None, None, None, *about))
    return results
