"""P5 (a): a changed period of one row among millions of records, until all that moved is announced on its topic."""

import asyncio
import re
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import psycopg

from benchmarks import estate, measuring
from benchmarks.estate import facts, filling, lives
from benchmarks.hearing import Hearing
from benchmarks.measuring import Result, Say
from benchmarks.peers.swap import Swap
from services.retention.actions.redate import follow
from shared.calendar_rules import day_after
from shared.db import connect, transaction
from shared.events import SCHEDULES
from shared.policy import Pack
from tools.stack.errors import StackError
from tools.stack.migrate import pack_at
from tools.stack.service import Service

ROW = "R29"
SECONDS_MAX = 1_800.0
_PERIOD = re.compile(rf'(id = "{ROW}"\n(?:[^\[\n].*\n)*?retain = ")(\d+)y')
_STORE = "INSERT INTO {schema}.policy VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING"
_OF_ROW = "SELECT record_uid::text FROM schedule JOIN record USING (record_key) WHERE row_id = %s"
_YEARS = """
SELECT extract(year FROM age(keep_until, clock_on))::int FROM schedule WHERE row_id = %s ORDER BY record_key LIMIT 1"""
_BEHIND = "SELECT count(*) FROM schedule WHERE row_id = %s AND pack <> %s"
_SINCE = "SELECT extract(epoch FROM at)::float8 FROM in_force WHERE pack_hash = %s"


class Plan(NamedTuple):
    """What is to be measured."""

    records: int
    folder: Path | None
    repetitions: int


class Turn(NamedTuple):
    """What one turn took."""

    seconds: float
    rows: int
    megabytes: float = 0.0
    idle_megabytes: float = 0.0


def run(plan: Plan, say: Say) -> list[Result]:
    """Change the row's period again and again, ours and the peer in turns, after a warm-up of each."""
    turns: dict[str, list[Turn]] = {"ours": [], "swap": []}
    with estate.standing(estate.Plan(plan.records, plan.folder), say) as stands:
        asyncio.run(_in_force(stands))
        hearing = Hearing(stands.stack.bootstrap, SCHEDULES)
        years = _years(stands)
        for turn in range(plan.repetitions + 1):
            for name in turns:
                years += 1
                done = _ours(stands, hearing, years) if name == "ours" else _peer(stands, hearing, years, say)
                said = f"{name}: {done.rows:,} records in {done.seconds:,.1f} s, {done.megabytes:,.0f} MB"
                say(f"{said}{'' if turn else ' (warm-up)'}")
                if turn:
                    turns[name].append(done)
        return _results(plan, turns, measuring.versions(stands.stack))


def _results(plan: Plan, turns: dict[str, list[Turn]], versions: dict[str, str]) -> list[Result]:
    ours, theirs = ([turn.seconds for turn in turns[name]] for name in ("ours", "swap"))
    ratio = sorted(its / mine for mine, its in zip(ours, theirs, strict=True))[len(ours) // 2]
    about = (plan.repetitions, plan.records, 1, versions, measuring.cores())
    peak = max(turn.megabytes for turn in turns["ours"])
    idle = max(turn.idle_megabytes for turn in turns["ours"])
    mine, its = measuring.middle(ours), measuring.middle(theirs)
    return [
        Result("redate", "seconds", mine, "s", "swap", its, round(ratio, 2), *about),
        Result("redate", "moved", turns["ours"][-1].rows, "records", None, None, None, *about),
        Result("redate", "worker_peak", peak, "MB", "before it", idle, None, *about),
    ]


async def _in_force(stands: estate.Estate) -> None:
    """Bring the estate's own pack into force, as the worker did that settled it."""
    engine = connect(stands.engine_url, name="redate", pool_size=3)
    async with transaction(engine) as connection:
        await follow(connection, filling.pack_of(), lives.AS_OF, facts.NOW, starting=False)
    await engine.dispose()


def _years(stands: estate.Estate) -> int:
    """Find the period that the row has now: an estate that was measured on before has another."""
    with psycopg.connect(stands.url) as data:
        row = data.execute(_YEARS, [ROW]).fetchone()
    assert row is not None, "an estate has records of the row"
    years: int = row[0]
    return years


def _pack(stands: estate.Estate, years: int) -> tuple[Path, Pack]:
    """Write a pack with this period, which counts from the day after the estate's own, and store it in every schema."""
    text, found = _PERIOD.subn(rf"\g<1>{years}y", filling.PACK.read_text())
    assert found == 1, "the pack has one such row with a period in years"
    first_day = day_after(filling.pack_of().effective_on)  # One of an earlier day would never replace it.
    text = re.sub(r"effective_on = \d{4}-\d\d-\d\d", f"effective_on = {first_day}", text, count=1)
    path = stands.stack.paths.home / f"period-{years}.toml"
    path.write_text(text)
    with psycopg.connect(stands.stack.admin_url, autocommit=True) as data:
        for schema in ("intake", "retention", "review"):
            data.execute(_STORE.format(schema=schema).encode(), [*pack_at(path), datetime.now(UTC)])
    return path, filling.pack_of(text)


def _ours(stands: estate.Estate, hearing: Hearing, years: int) -> Turn:
    """Start a worker with the new pack; from its coming into force to the last message."""
    path, pack = _pack(stands, years)
    wanted = _wanted(stands)
    with estate.worker_on(stands, {"TENURE_POLICY": str(path)}) as worker:
        idle = _megabytes(worker, "VmRSS")
        hearing.hear(wanted, SECONDS_MAX)
        ended = time.time()
        peak = _megabytes(worker, "VmHWM")
    with psycopg.connect(stands.url) as data:
        behind, since = (data.execute(s, p).fetchone() for s, p in ((_BEHIND, [ROW, pack.hash]), (_SINCE, [pack.hash])))
    if since is None or behind != (0,):
        raise StackError(f"{behind} records of the row are not dated by the new pack.")
    return Turn(ended - since[0], len(wanted), peak, idle)


def _megabytes(worker: Service, name: str) -> float:
    identity = worker.identity()
    assert identity is not None, "the worker runs"
    status = Path(f"/proc/{identity.pid}/status").read_text()
    found = re.search(rf"{name}:\s+(\d+) kB", status)
    return round(int(found[1]) / 1_000, 1) if found else 0.0


def _peer(stands: estate.Estate, hearing: Hearing, years: int, say: Say) -> Turn:
    _, pack = _pack(stands, years)
    wanted = _wanted(stands)
    began = time.time()
    Swap(stands, pack, ROW, say).run()
    hearing.hear(wanted, SECONDS_MAX)
    ended = time.time()
    with psycopg.connect(stands.url) as data:
        if data.execute(_BEHIND, [ROW, pack.hash]).fetchone() != (0,):
            raise StackError("The peer left records behind.")
    return Turn(ended - began, len(wanted))


def _wanted(stands: estate.Estate) -> set[str]:
    with psycopg.connect(stands.url) as data:
        return {row[0] for row in data.execute(_OF_ROW, [ROW])}
