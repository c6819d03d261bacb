"""P4: batches of events over HTTP, durable before each answer, in events a second, beside the topic in the same run."""

import json
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from statistics import quantiles
from typing import Any

import psycopg

from benchmarks import measuring
from benchmarks.clients import Load
from benchmarks.ingest import Bench, Plan
from benchmarks.measuring import Result, Say, check_rows, fresh_database, middle
from tools.stack.assembly import Stack
from tools.stack.errors import StackError
from tools.stack.issuer import token
from tools.stack.paths import ROOT

BATCH_EVENTS, CLIENTS = 100, 16
READY_SECONDS_MAX = 60.0


@dataclass(slots=True)
class Turns:
    """What each turn over HTTP came to."""

    rates: list[float] = field(default_factory=list)
    took: list[float] = field(default_factory=list)


def run(events: int, repetitions: int, say: Say) -> list[Result]:
    """Measure, interleaved: over HTTP, from the topic, over HTTP, ... after a warm-up of each."""
    with measuring.servers(say=say) as stack:
        bench, turns = Bench(stack, Plan(events, repetitions, 1, ()), say), Turns()
        say(f"{events:,} events go to {measuring.TOPIC}")
        bench.ends = measuring.preload(stack, events)
        for turn in range(repetitions + 1):
            posted = _over_http(stack, bench, f"turn{turn}")
            rate = events / posted["seconds"]
            say(f"over http: {rate:,.0f} events/s{'' if turn else ' (warm-up)'}")
            if turn:
                turns.rates.append(rate)
                turns.took += posted["took"]
            bench.measure("ours", lambda: bench.ours(1), counts=turn > 0)
        return _results(bench, turns, measuring.versions(stack))


def _over_http(stack: Stack, bench: Bench, name: str) -> dict[str, Any]:
    """Post to an API on empty tables; a worker beside it publishes and seals, as everywhere, and reads nothing."""
    count = bench.plan.events
    with fresh_database(stack, "posted") as url, ExitStack() as running:
        with psycopg.connect(url, autocommit=True) as data:
            measuring.stand_at(data, stack, bench.ends)
        api = measuring.service_on(stack, "posted", "intake", "api")
        for each in (measuring.worker_on(stack, "posted", 0), api):
            each.spawn()
            running.callback(each.stop)
        api.wait_ready(READY_SECONDS_MAX)
        told = token("upstream", stack.paths.keys)
        posted = posted_by_clients(stack, Load(api.port, told, name, 0, count, BATCH_EVENTS, CLIENTS))
        with psycopg.connect(url) as data:
            check_rows(data, count, "http")
        return posted


def posted_by_clients(stack: Stack, load: Load) -> dict[str, Any]:
    """Let clients in a process of their own post a load; every event is to be accepted."""
    path = stack.paths.run / f"load-{load.run}.json"
    path.touch(mode=0o600)
    path.write_text(json.dumps(asdict(load)))
    ran = subprocess.run(
        [sys.executable, "-m", "benchmarks.clients", str(path)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    path.unlink()
    try:
        posted: dict[str, Any] = json.loads(ran.stdout)
    except ValueError:
        raise StackError(f"The clients failed:\n{ran.stderr[-2000:]}") from None
    if posted["failures"] or posted["outcomes"] != {"accepted": load.events}:
        raise StackError(f"Not every event was accepted: {posted['outcomes']} {posted['failures'][:1]}")
    return posted


def _results(bench: Bench, turns: Turns, versions: dict[str, str]) -> list[Result]:
    plan, topic = bench.plan, bench.rates["ours"]
    about = (plan.repetitions, plan.events, 1, versions, measuring.cores())
    ratios = sorted(mine / its for mine, its in zip(turns.rates, topic, strict=True))
    ratio = round(ratios[len(ratios) // 2], 3)
    rate = Result("http", "events_per_second", middle(turns.rates), "1/s", "ingest", middle(topic), ratio, *about)
    cuts = quantiles([1000 * each for each in turns.took], n=100)
    return [rate] + [
        Result("http", f"answer_p{part}_ms", round(cuts[part - 1], 1), "ms", None, None, None, *about)
        for part in (50, 99)
    ]
