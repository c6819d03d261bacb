"""`bench estate`: an estate of millions of records on a private stack, with its log, so that `verify` holds on it."""

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from multiprocessing import get_context
from pathlib import Path

import psycopg

from benchmarks import measuring
from benchmarks.estate import filling, indexes, lives
from benchmarks.estate.sampling import sample
from benchmarks.measuring import Result, Say
from shared.db import connect, transaction
from shared.keys import read_keys
from shared.ledger import seal
from tools.stack.assembly import Stack
from tools.stack.errors import StackError
from tools.stack.paths import Paths
from tools.stack.postgres import DATABASE
from tools.stack.service import Service
from tools.stack.settings import role_url

PROCESSES = 2
PROGRESS_SECONDS = 2.0
SAMPLE = 5_000
BEFORE_ALL = date(2000, 1, 1)  # Nothing is due: what a worker does then is what is measured.
TABLES = ("record", "nominal", "fact", "schedule", "person_schedule")
# As a machine for so many records is set up; the product's own settings otherwise.
SERVER = {"shared_buffers": "2GB", "max_wal_size": "8GB", "wal_level": "minimal", "max_wal_senders": "0"}
_SEQUENCES = """
SELECT setval(pg_get_serial_sequence('record', 'record_key'), (SELECT max(record_key) FROM record)),
    setval(pg_get_serial_sequence('nominal', 'nominal_key'), (SELECT max(nominal_key) FROM nominal))"""


@dataclass(frozen=True, slots=True)
class Plan:
    """How large, where, and whether it was made before."""

    records: int
    folder: Path | None = None
    verify: bool = False
    broker: bool = True


@dataclass(slots=True)
class Estate:
    """An estate that stands."""

    stack: Stack
    records: int
    seconds: float

    @property
    def url(self) -> str:
        """Give the administrator's URL, with retention's tables in sight."""
        return f"{self.stack.admin_url}?options=-csearch_path%3Dretention"

    @property
    def engine_url(self) -> str:
        """Give the URL of retention's worker, for an engine."""
        return role_url(self.stack.admin_url, "tenure_retention_worker", self.stack.paths)


@contextmanager
def standing(plan: Plan, say: Say) -> Iterator[Estate]:
    """Give an estate: the one in the folder, or one that is made now (and stays in the folder, if one is named)."""
    home = plan.folder or Path(tempfile.mkdtemp(prefix="tenure-estate-"))
    home.mkdir(parents=True, exist_ok=True)
    home.chmod(0o711)  # The database's own user must pass through.
    settings = {"TENURE_POLICY": str(filling.PACK), "TENURE_BROKER": "kafka"}
    stack = Stack(Paths(home), settings, ("kafka", "postgres") if plan.broker else ("postgres",))
    assert stack.postgres is not None
    stack.postgres.settings |= SERVER
    try:
        stack.start_servers(say)
        yield _stands(stack, plan, say)
    finally:
        stack.stop()
        if plan.folder is None:
            shutil.rmtree(home, ignore_errors=True)


def _stands(stack: Stack, plan: Plan, say: Say) -> Estate:
    estate = Estate(stack, plan.records, 0.0)
    with psycopg.connect(estate.url) as data:
        row = data.execute("SELECT max(record_key) FROM schedule").fetchone()
    there = row[0] if row and row[0] else 0
    if there and there != plan.records:
        raise StackError(
            f"The estate in {plan.folder} has {there:,} records, not {plan.records:,}; name another folder."
        )
    if there:
        say(f"the estate of {there:,} records is there already")
    else:
        estate.seconds = _fill(estate, plan, say)
    return estate


def _fill(estate: Estate, plan: Plan, say: Say) -> float:
    began = time.monotonic()
    told = filling.Told(estate.stack.admin_url, plan.records, None)
    with psycopg.connect(estate.url, autocommit=True) as data:
        if not plan.verify:  # As if all of it had been announced: only what moves is then sent.
            data.execute("ALTER TABLE schedule ALTER announced_version SET DEFAULT 1")
    context = get_context("spawn")
    pool = ProcessPoolExecutor(PROCESSES, context, filling.begin, (told,))
    with pool, indexes.without(estate.url, TABLES):
        with indexes.without(estate.url, ["link"]):  # By which nominals are dated.
            _each(pool, "records", plan.records, say)
        _each(pool, "nominals", lives.nominals_in(plan.records), say)
        _each(pool, "schedules", plan.records, say)
        say("indexes are made")
    _finish(estate, say)
    return round(time.monotonic() - began, 1)


def _each(pool: ProcessPoolExecutor, what: str, count: int, say: Say) -> None:
    runs = [range(at, min(at + filling.RUN, count)) for at in range(0, count, filling.RUN)]
    done, told = 0, time.monotonic()
    for n in pool.map(filling.fill, [what] * len(runs), runs):
        done += n
        if time.monotonic() - told > PROGRESS_SECONDS:
            say(f"{what}: {done:,} of {count:,}")
            told = time.monotonic()


def _finish(estate: Estate, say: Say) -> None:
    with psycopg.connect(estate.url, autocommit=True) as data:
        data.execute("ALTER TABLE schedule ALTER announced_version SET DEFAULT 0")
        data.execute(_SEQUENCES)
        say("statistics are taken")
        for table in (*TABLES, "link"):
            data.execute(f"VACUUM (ANALYZE) {table}".encode())
        data.execute("CHECKPOINT")
    say(f"{asyncio.run(_seal(estate)):,} log rows are sealed into the ledger")


async def _seal(estate: Estate) -> int:
    key = read_keys(estate.stack.paths.keys, "retention").ledger
    engine = connect(estate.engine_url, name="estate", pool_size=3)
    sealed = 0
    try:
        for _ in range(10_000):
            async with transaction(engine) as connection:
                done = await seal(connection, "retention", key, datetime.now(UTC))
            sealed += done
            if done <= 1:  # What seals the rest is announced by a row of its own, which the next worker seals.
                break
    finally:
        await engine.dispose()
    return sealed


def run(plan: Plan, say: Say) -> list[Result]:
    """Make an estate, look at it, and hold it against the rules and `verify`."""
    with standing(plan, say) as estate:
        found = asyncio.run(sample(estate, SAMPLE))
        say(f"{found.records:,} records drawn at random are derived anew from their facts: all as stored")
        about = (None, None, None, 1, plan.records, PROCESSES, measuring.versions(estate.stack), measuring.cores())
        results = [Result("estate", "seconds", estate.seconds, "s", *about)]
        results += [Result("estate", name, value, unit, *about) for name, value, unit in _described(estate)]
        if plan.verify:
            seconds = _verified(estate, say)
            results.append(Result("estate", "verify_seconds", seconds, "s", *about))
        return results


_SHARES = """
SELECT 100.0 * count(*) FILTER (WHERE grp = 'G1') / count(*),
    100.0 * count(*) FILTER (WHERE problem IS NOT NULL) / count(*),
    100.0 * count(*) FILTER (WHERE open_on <= %s AND state = 'current') / count(*) FROM schedule"""
_TAIL = """
SELECT max(n), percentile_disc(0.5) WITHIN GROUP (ORDER BY n), percentile_disc(0.99) WITHIN GROUP (ORDER BY n)
FROM (SELECT count(*) n FROM link GROUP BY nominal_key) c"""
_SIZE = """
SELECT pg_database_size(current_database()) / 1e9, pg_total_relation_size('fact') / 1e9,
    (SELECT sum(pg_total_relation_size(inhrelid)) FROM pg_inherits WHERE inhparent = 'schedule'::regclass) / 1e9"""
_LOOKS: tuple[tuple[str, tuple[str, ...], str], ...] = (
    (_SHARES.replace("%s", f"'{lives.AS_OF}'"), ("g1_share", "exception_share", "due_share"), "%"),
    (_TAIL, ("records_per_nominal_max", "records_per_nominal_p50", "records_per_nominal_p99"), "records"),
    (_SIZE, ("size", "size_facts", "size_schedules"), "GB"),
)


def _described(estate: Estate) -> Iterator[tuple[str, float, str]]:
    """Tell what the estate turned out as."""
    with psycopg.connect(estate.url) as data:
        for statement, names, unit in _LOOKS:
            row = data.execute(statement.encode()).fetchone() or ()
            yield from ((name, round(float(value), 2), unit) for name, value in zip(names, row, strict=True))


def _verified(estate: Estate, say: Say) -> float:
    """Let a worker announce everything, then let `verify` look at it."""
    with worker_on(estate):
        _wait_announced(estate, say)
        began = time.monotonic()
        command = [sys.executable, "-m", "tools.verify", "--patience", "120"]
        environment = {**os.environ, **estate.stack.environment()}
        ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        say(ran.stdout)
        if ran.returncode:
            raise StackError(f"verify does not hold on the estate:\n{ran.stdout}{ran.stderr}")
        return round(time.monotonic() - began, 1)


@contextmanager
def worker_on(estate: Estate, settings: Mapping[str, str] | None = None) -> Iterator[Service]:
    """Run retention's worker on an estate, at a time when nothing of it is due."""
    with psycopg.connect(estate.url, autocommit=True) as data:
        data.execute("UPDATE clock SET offset_days = %s", [(BEFORE_ALL - datetime.now(UTC).date()).days])
    worker = measuring.service_on(estate.stack, DATABASE, "retention", "worker")
    worker.settings |= settings or {}
    worker.spawn()
    try:
        worker.wait_ready(60)
        yield worker
    finally:
        worker.stop()


def _wait_announced(estate: Estate, say: Say) -> None:
    left: int | None = None
    with psycopg.connect(estate.url, autocommit=True) as data:
        while left is None or left > 0:
            before = left
            row = data.execute("SELECT count(*) FROM schedule WHERE announced_version < version").fetchone()
            left = row[0] if row else 0
            say(f"{left:,} schedules wait to be announced")
            if before is not None and left >= before > 0:
                raise StackError("The announcer stands still.")
            time.sleep(PROGRESS_SECONDS if left else 0)
