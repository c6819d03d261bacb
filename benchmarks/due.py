"""P6: claim a thousand due among millions, beside the same in a small estate; and a tick that finds nothing."""

import asyncio
import time
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import date
from pathlib import Path
from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncEngine

from benchmarks import estate, measuring
from benchmarks.estate import filling
from benchmarks.estate.facts import NOW
from benchmarks.estate.lives import AS_OF
from benchmarks.measuring import Result, Say, middle
from services.retention.actions import due
from services.retention.storage import reviews
from shared.db import BY_KEY, connect, driver, transaction
from shared.policy import Pack
from tools.stack.errors import StackError

CLAIMED = 1_000
SMALL_RECORDS = 100_000
EMPTY_TURNS = 15
NOTHING_DUE = date(2000, 1, 1)
_DAY = (
    "SELECT open_on FROM schedule WHERE state = 'current' AND lifecycle = 'current' ORDER BY open_on OFFSET $1 LIMIT 1"
)
_PUT_BACK = """
UPDATE schedule s SET lifecycle = 'current', reason = NULL, announced_version = s.version
FROM unnest($1::bigint[]) k WHERE s.record_key = k"""


class Plan(NamedTuple):
    """What is to be measured."""

    records: int
    folder: Path | None
    repetitions: int


class Took(NamedTuple):
    """Milliseconds of each turn."""

    claims: list[float]
    empty_claims: list[float]
    empty_ticks: list[float]


def run(plan: Plan, say: Say) -> list[Result]:
    """Claim in turns from both estates, after a warm-up of each."""
    with ExitStack() as both:
        plans = [estate.Plan(plan.records, plan.folder, broker=False), estate.Plan(SMALL_RECORDS, broker=False)]
        large, small = (both.enter_context(estate.standing(each, say)) for each in plans)
        took = asyncio.run(_measure(plan, [large, small], say))
        versions = measuring.versions(large.stack)
    (ours, theirs), turns = took, plan.repetitions
    about = (plan.records, 1, versions, measuring.cores())
    results = []
    for name, mine, its, count in (
        ("claim_ms", ours.claims, theirs.claims, turns),
        ("empty_claim_ms", ours.empty_claims, theirs.empty_claims, turns * EMPTY_TURNS),
        ("empty_tick_ms", ours.empty_ticks, theirs.empty_ticks, turns * EMPTY_TURNS),
    ):
        ratio = round(middle(its) / middle(mine), 2)
        results.append(
            Result("due", name, _fine(mine), "ms", f"{SMALL_RECORDS:,} records", _fine(its), ratio, count, *about)
        )
    return results


def _fine(values: Sequence[float]) -> float:
    return round(sorted(values)[len(values) // 2], 2)


async def _measure(plan: Plan, estates: list[estate.Estate], say: Say) -> list[Took]:
    engines = [connect(each.engine_url, name="due", pool_size=3, **BY_KEY) for each in estates]
    took, pack = [Took([], [], []) for _ in engines], filling.pack_of()
    try:
        days = [await _day(engine) for engine in engines]
        for turn in range(plan.repetitions + 1):
            for engine, day, its, which in zip(engines, days, took, estates, strict=True):
                claim = await _claim(engine, day)
                empty_claims = [await _empty_claim(engine) for _ in range(EMPTY_TURNS)]
                ticks = [await _tick(engine, pack) for _ in range(EMPTY_TURNS)]
                if turn:
                    its.claims.append(claim)
                    its.empty_claims.extend(empty_claims)
                    its.empty_ticks.extend(ticks)
                said = f"claim {claim:.1f} ms, empty claim {_fine(empty_claims)} ms, empty tick {_fine(ticks)} ms"
                say(f"{which.records:,} records: {said}{'' if turn else ' (warm-up)'}")
    finally:
        for engine in engines:
            await engine.dispose()
    return took


async def _day(engine: AsyncEngine) -> date:
    """Find a day on which there are at least as many due as are claimed."""
    async with transaction(engine) as connection:
        found = await (await driver(connection)).fetchval(_DAY, CLAIMED)
    assert isinstance(found, date), "an estate has a thousand records"
    return max(found, AS_OF)


async def _claim(engine: AsyncEngine, today: date) -> float:
    began = time.perf_counter()
    async with transaction(engine) as connection:
        keys = await reviews.surface(connection, today, CLAIMED)
    took = 1000 * (time.perf_counter() - began)
    if len(set(keys)) != CLAIMED:
        raise StackError(f"{len(keys):,} records were claimed where {CLAIMED:,} were due.")
    async with transaction(engine) as connection:
        await (await driver(connection)).execute(_PUT_BACK, list(keys))
    return took


async def _empty_claim(engine: AsyncEngine) -> float:
    began = time.perf_counter()
    async with transaction(engine) as connection:
        found = await reviews.surface(connection, NOTHING_DUE, CLAIMED)
    assert not found, "nothing is due before the first record"
    return 1000 * (time.perf_counter() - began)


async def _tick(engine: AsyncEngine, pack: Pack) -> float:
    began = time.perf_counter()
    async with transaction(engine) as connection:
        did = await due.tick(connection, pack, NOTHING_DUE, NOW)
    assert not any(did[:3]), "nothing is due before the first record"
    return 1000 * (time.perf_counter() - began)
