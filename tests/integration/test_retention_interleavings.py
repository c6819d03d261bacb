"""A hold races executions on a real PostgreSQL, with pauses between statements: once acknowledged it won, each time."""

import asyncio
import random
from collections import Counter
from datetime import timedelta

from services.retention.actions import execute, holds
from services.retention.storage import holds as gate
from shared.clock import monotonic
from shared.db import driver, transaction
from tests.make_facts import PACK
from tests.make_lifecycle import DUE, OPENS, REAL, hear, new_hold, own_engines, select, take, tick
from tests.make_registered import record_state, uid

CASES, CONTROL_CASES = 500, 60
RECORDS = 4
LATER = "UPDATE disposal_order SET execute_from = $1 WHERE state = 'cooling'"
NOW_DUE = """UPDATE disposal_order o SET execute_from = $1 FROM record r
WHERE r.record_key = o.record_key AND r.record_uid = ANY($2::uuid[])"""
EXECUTED = "SELECT record_uid FROM record WHERE record_uid = ANY($1::uuid[]) AND executed_by IS NOT NULL"


def names(case):
    return [f"case-{case}-{n}" for n in range(RECORDS)]


async def estate(engine, cases):
    """Make burglaries that fell due, each with a cooled order that waits for its case."""
    await take(engine, *(record_state(name) for case in range(cases) for name in names(case)))
    await hear(engine)
    while (await tick(engine, OPENS)).ordered:
        pass
    async with transaction(engine) as connection:
        raw = await driver(connection)
        await raw.execute(LATER, DUE + timedelta(days=9_000))


def pauses(rng, passed=None):
    """Pause between statements: mostly not, sometimes for milliseconds; note when each point was passed."""

    async def pause(point):
        if passed is not None:
            passed[point] = monotonic()
        await asyncio.sleep(rng.choice([0, 0, rng.uniform(0, 0.004), rng.uniform(0, 0.015)]))

    return pause


async def carry_out(engine, rng, outcomes):
    """Carry out half of the case's orders; note the outcomes, and from when to when the gate was shared."""
    await asyncio.sleep(rng.uniform(0, 0.006))
    passed = {}
    async with transaction(engine) as connection:
        done = await execute.execute(connection, PACK, DUE, REAL, RECORDS // 2, pauses(rng, passed))
        assert done.blocked is None
    outcomes.extend("executed" if refusal is None else refusal.why for refusal in done.outcomes.values())
    return passed["gate"], monotonic(), {order for order, refusal in done.outcomes.items() if refusal is None}


async def hold_some(engine, rng, scope, listed):
    """Place a hold; give what it could see executed when it was let through the gate, and when it asked."""
    await asyncio.sleep(rng.uniform(0, 0.012))
    async with transaction(engine) as connection:
        asked = monotonic()
        await holds.place(connection, new_hold(**scope), DUE, REAL)
        await pauses(rng)("placed")
        raw = await driver(connection)
        seen = {row[0] for row in await raw.fetch(EXECUTED, listed)}
    return seen, asked


async def race(engine, api, rng, case, tally):
    """Run one case; says whether a held record was executed behind the hold's back."""
    all_of_it = [uid(name) for name in names(case)]
    listed = rng.sample(all_of_it, 3)
    async with transaction(engine) as connection:
        await (await driver(connection)).execute(NOW_DUE, DUE, all_of_it)
    outcomes = []
    (seen, asked), *sets = await asyncio.gather(
        hold_some(api, rng, {"records": listed}, listed),
        *(carry_out(engine, random.Random(rng.random()), outcomes) for _ in range(2)),
    )
    rows = await select(engine, "SELECT record_uid, executed_by FROM record WHERE record_uid = ANY($1::uuid[])", listed)
    gone = {uid for uid, order in rows if order}
    orders = {order for _, order in rows}
    tally.update(outcomes)
    tally["hold found some gone"] += bool(seen)
    tally["hold stopped some"] += "held" in outcomes
    # The hold asked while an execution of what it lists was between gate and commit: had it not waited, it had lost.
    tally["mattered"] += any(gate < asked < end and went & orders for gate, end, went in sets)
    return bool(gone - seen)


async def run(engine, api, rng, cases):
    """Run the cases; give how many were lost, and the tally."""
    lost, tally = 0, Counter()
    for case in range(cases):
        lost += await race(engine, api, rng, case, tally)
        async with transaction(engine) as connection:
            await (await driver(connection)).execute(LATER, DUE + timedelta(days=9_000))
    return lost, tally


async def test_an_acknowledged_hold_wins_every_race(database, rng, seed):
    async with own_engines(database) as (engine, api):
        await estate(engine, CASES)
        lost, tally = await run(engine, api, rng, CASES)
    print(
        f"\nseed {seed}: {CASES} interleavings, {lost} lost; the pause mattered in {tally['mattered']}; {dict(tally)}"
    )
    assert lost == 0
    assert tally["mattered"] > 0
    assert tally["hold stopped some"] > 0
    assert tally["hold found some gone"] > 0


async def test_without_the_gate_the_same_races_are_lost(database, rng, seed, monkeypatch):
    async def no_gate(_):
        pass

    monkeypatch.setattr(gate, "pass_gate", no_gate)
    async with own_engines(database) as (engine, api):
        await estate(engine, CONTROL_CASES)
        lost, tally = await run(engine, api, rng, CONTROL_CASES)
    print(f"\nseed {seed}: control without the gate: {lost} of {CONTROL_CASES} lost; {dict(tally)}")
    assert lost > 0
