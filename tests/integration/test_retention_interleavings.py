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
WAITED_SECONDS = 0.002
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


def pauses(rng):
    """Pause between statements: mostly not, sometimes for milliseconds."""

    async def pause(_):
        await asyncio.sleep(rng.choice([0, 0, rng.uniform(0, 0.004), rng.uniform(0, 0.015)]))

    return pause


async def carry_out(engine, rng, outcomes):
    await asyncio.sleep(rng.uniform(0, 0.006))
    async with transaction(engine) as connection:
        done = await execute.execute(connection, PACK, DUE, REAL, RECORDS // 2, pauses(rng))
        assert done.blocked is None
    outcomes.extend("executed" if refusal is None else refusal.why for refusal in done.outcomes.values())


async def hold_some(engine, rng, scope, listed):
    """Place a hold; give what it could see executed when it was let through the gate, and how long it waited."""
    await asyncio.sleep(rng.uniform(0, 0.012))
    pause = pauses(rng)
    async with transaction(engine) as connection:
        began = monotonic()
        await holds.place(connection, new_hold(**scope), DUE, REAL)
        waited = monotonic() - began
        await pause("placed")
        raw = await driver(connection)
        seen = {row[0] for row in await raw.fetch(EXECUTED, listed)}
    return seen, waited


async def race(engine, api, rng, case):
    """Run one case; give the held records that were executed behind the hold's back, and what it came to."""
    all_of_it = [uid(name) for name in names(case)]
    listed = rng.sample(all_of_it, 3)
    async with transaction(engine) as connection:
        await (await driver(connection)).execute(NOW_DUE, DUE, all_of_it)
    outcomes = []
    (seen, waited), *_ = await asyncio.gather(
        hold_some(api, rng, {"records": listed}, listed),
        *(carry_out(engine, random.Random(rng.random()), outcomes) for _ in range(2)),
    )
    gone = {row[0] for row in await select(engine, EXECUTED, listed)}
    return gone - seen, seen, waited, outcomes


async def run(engine, api, rng, cases):
    lost, tally = [], Counter()
    for case in range(cases):
        behind, seen, waited, outcomes = await race(engine, api, rng, case)
        lost += [case] if behind else []
        tally.update(outcomes)
        tally["hold_waited_at_the_gate"] += waited > WAITED_SECONDS
        tally["hold_won_some_and_lost_some"] += bool(seen) and "held" in outcomes
        tally["hold_found_some_gone"] += bool(seen)
        tally["hold_stopped_some"] += "held" in outcomes
        async with transaction(engine) as connection:
            await (await driver(connection)).execute(LATER, DUE + timedelta(days=9_000))
    return lost, tally


async def test_an_acknowledged_hold_wins_every_race(database, rng, seed):
    async with own_engines(database) as (engine, api):
        await estate(engine, CASES)
        lost, tally = await run(engine, api, rng, CASES)
    print(f"\nseed {seed}: {CASES} interleavings, {len(lost)} lost; {dict(tally)}")
    assert lost == []
    # How often the pause mattered: without the gate's order, these holds would have slipped by an execution.
    assert tally["hold_waited_at_the_gate"] > 0
    assert tally["hold_stopped_some"] > 0
    assert tally["hold_found_some_gone"] > 0


async def test_without_the_gate_the_same_races_are_lost(database, rng, seed, monkeypatch):
    async def no_gate(_):
        pass

    monkeypatch.setattr(gate, "pass_gate", no_gate)
    async with own_engines(database) as (engine, api):
        await estate(engine, CONTROL_CASES)
        lost, tally = await run(engine, api, rng, CONTROL_CASES)
    print(f"\nseed {seed}: control without the gate: {len(lost)} of {CONTROL_CASES} lost; {dict(tally)}")
    assert lost
