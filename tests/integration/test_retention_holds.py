"""Holds on a real PostgreSQL: what they cover, how they come and go, and what records show of it."""

from datetime import date, timedelta

import msgspec
import pytest

from services.retention.actions import holds
from services.retention.domain import Holdable, Scope, Traits, matches
from services.retention.storage.holds import covering, pass_gate, preview, read_hold
from services.retention.storage.sweeping import unswept
from shared.db import driver, transaction
from shared.errors import Conflict, Forbidden, Invalid, Overloaded
from shared.events import HOLDS, REVIEWS, ReviewRequested
from shared.ids import nominal_ref, record_id
from tests.make_lifecycle import (
    DUE,
    OPENS,
    REAL,
    carry_out,
    hear,
    new_hold,
    own_engines,
    select,
    settle_all,
    states,
    take,
    tick,
)
from tests.make_registered import record_state, ref, suspect, uid

TODAY = date(2026, 3, 2)
DAYS = ["2022-08-01", "2022-09-15", "2023-01-01"]


@pytest.fixture
async def engines(database):
    async with own_engines(database) as both:
        yield both


async def place(engine, today=TODAY, **scope):
    hold = new_hold(**scope)
    async with transaction(engine) as connection:
        await holds.place(connection, hold, today, REAL)
    async with transaction(engine) as connection:
        return hold.hold_id, await holds.executed_before(connection, hold.hold_id)


async def release(engine, hold_id, first="D-RM1", second="D-HIM1"):
    async with transaction(engine) as connection:
        found = await holds.found(connection, hold_id, lock=True)
        await holds.propose_release(connection, found, first, "the inquiry has ended", REAL)
    async with transaction(engine) as connection:
        await holds.approve_release(connection, await holds.found(connection, hold_id, lock=True), second, REAL)


async def sweep(engine):
    """Show all holds that came or went, and later arrivals."""
    while True:
        async with transaction(engine) as connection:
            waiting = await unswept(connection)
            if not waiting:
                break
            assert (await holds.sweep_hold(connection, waiting[0], 0, REAL)).after is None
    async with transaction(engine) as connection:
        await holds.sweep_arrivals(connection, 0, REAL)


async def held(engine):
    rows = await select(engine, "SELECT record_uid FROM schedule JOIN record USING (record_key) WHERE held")
    return {row[0] for row in rows}


def scope_at_random(rng, records, people):
    some = {
        "records": rng.sample(records, 3),
        "nominals": [ref(person) for person in rng.sample(people, 2)],
        "record_types": rng.sample(["crime_report", "stop_and_search"], 1),
        "offences": rng.sample(["28/11", "8/01"], 1),
        "units": rng.sample(["Barking", "Camden", "Brent"], 2),
        "sources": rng.sample(["crime", "other"], 1),
        "from_on": date.fromisoformat(rng.choice(DAYS)),
        "to_on": date(2023, 6, 1),
    }
    names = rng.sample(sorted(some), rng.choice([1, 1, 2, 3]))
    return {name: some[name] for name in names}


async def test_what_the_database_holds_is_what_the_rule_holds(engines, rng):
    worker, api = engines
    people = [f"p{n}" for n in range(6)]
    made = {}
    for n in range(40):
        state = {
            "links": [
                suspect(person, rng.choice(["suspect", "victim"]))
                for person in rng.sample(people, rng.choice([0, 1, 2]))
            ],
            "unit": rng.choice(["Barking", "Camden", "Brent", None]),
            "offences": rng.choice([["28/11"], ["8/01"], []]),
            "occurred_on": rng.choice(DAYS),
            "reported_at": None,
            "created_on": rng.choice(DAYS),
        }
        made[f"r{n}"] = state
    await take(worker, *(record_state(name, **state) for name, state in made.items()))
    records = [uid(name) for name in made]
    held_by = {}
    for _ in range(25):
        scope = scope_at_random(rng, records, people)
        hold_id, _ = await place(api, **scope)
        held_by[hold_id] = msgspec.convert(
            {name: list(value) if isinstance(value, list) else value for name, value in scope.items()}, Scope
        )
        async with transaction(api) as connection:
            counted = await preview(connection, held_by[hold_id])
        expected = sum(matches(held_by[hold_id], holdable(name, state)) for name, state in made.items())
        assert counted["matches"] == expected
    keys = {row[0]: row[1] for row in await select(worker, "SELECT record_key, record_uid FROM record")}
    async with transaction(worker) as connection:
        found = await covering(connection, sorted(keys))
    shown = {keys[key]: ids for key, ids in found.items()}
    for name, state in made.items():
        expected = {hold_id for hold_id, scope in held_by.items() if matches(scope, holdable(name, state))}
        assert shown.get(uid(name), set()) == expected


def holdable(name, state):
    days = {date.fromisoformat(state[field]) for field in ("occurred_on", "created_on")}
    return Holdable(
        record_id("crime", name),
        frozenset(nominal_ref("crime", link["nominal_id"]) for link in state["links"]),
        Traits(
            frozenset({"crime_report"}),
            frozenset({"crime"}),
            frozenset({state["unit"]} - {None}),
            frozenset(state["offences"]),
            tuple((day, day) for day in sorted(days)),
        ),
    )


async def test_a_hold_shows_on_records_and_on_those_that_arrive_later(engines):
    worker, api = engines
    await take(worker, record_state("r1"), record_state("r2", unit="Camden"))
    await place(api, units=["Camden"])
    await place(api, records=[uid("r4")])
    await sweep(worker)
    assert await held(worker) == {uid("r2")}
    await take(worker, record_state("r3", unit="Camden"), record_state("r4"))
    await sweep(worker)
    assert await held(worker) == {uid("r2"), uid("r3"), uid("r4")}


async def test_a_past_victim_is_matched_too(engines):
    worker, api = engines
    await take(worker, record_state(links=[suspect("p9", "victim")]), record_state(sequence=2, links=[]))
    await place(api, nominals=[ref("p9")])
    await sweep(worker)
    assert await held(worker) == {uid("r1")}


async def test_a_hold_drops_open_orders_and_no_order_opens_under_it(engines):
    worker, api = engines
    await take(worker, record_state("r1"), record_state("r2"))
    await tick(worker, OPENS)
    await place(api, OPENS, records=[uid("r1")])
    await sweep(worker)
    assert await states(worker) == {uid("r1"): "due", uid("r2"): "ordered"}
    for n in range(3):
        await tick(worker, OPENS, REAL + timedelta(seconds=n))
    assert (await states(worker))[uid("r1")] == "due"
    orders = await select(worker, "SELECT state, reason FROM disposal_order ORDER BY state")
    assert [tuple(row) for row in orders] == [("cooling", None), ("dropped", "held")]


async def test_a_hold_says_what_it_came_too_late_for(engines):
    worker, api = engines
    await take(worker, record_state("r1"), record_state("r2"))
    await hear(worker)
    await tick(worker, OPENS)
    await carry_out(worker, DUE, limit=1)
    [gone] = [name for name, state in (await states(worker)).items() if state == "executed"]
    _, late = await place(api, DUE, record_types=["crime_report"])
    assert late == [gone]
    assert [refusal.why for refusal in (await carry_out(worker, DUE)).outcomes.values()] == ["held"]


async def test_the_last_release_frees_and_leads_to_a_review_not_to_a_delete(engines):
    worker, api = engines
    await take(worker, record_state())
    await hear(worker)
    first, _ = await place(api, records=[uid("r1")])
    second, _ = await place(api, sources=["crime"])
    await sweep(worker)
    await release(api, first)
    await sweep(worker)
    assert await held(worker) == {uid("r1")}
    await release(api, second)
    await sweep(worker)
    await settle_all(worker)
    assert await held(worker) == set()
    for n in range(3):
        await tick(worker, OPENS, REAL + timedelta(seconds=n))
    [row] = await select(worker, "SELECT payload FROM log WHERE topic = $1", REVIEWS)
    review = msgspec.json.decode(row[0], type=ReviewRequested)
    assert (review.kind, review.cause, review.subject) == ("triggered", "hold_released", uid("r1"))
    assert await select(worker, "SELECT FROM disposal_order") == []
    types = [row[0] for row in await select(worker, "SELECT type FROM log WHERE topic = $1 ORDER BY log_id", HOLDS)]
    assert types.count("tenure.hold.released.v1") == 4  # Each released, and each shown released everywhere.


async def test_a_release_needs_two_people(engines):
    _, api = engines
    hold_id, _ = await place(api, units=["Camden"])
    with pytest.raises(Conflict):
        async with transaction(api) as connection:
            await holds.approve_release(connection, await holds.found(connection, hold_id), "D-HIM1", REAL)
    with pytest.raises(Forbidden) as refused:
        await release(api, hold_id, "D-RM1", "D-RM1")
    assert refused.value.reason == "same_person"
    async with transaction(api) as connection:
        kept = await read_hold(connection, hold_id)
    assert kept["state"] == "release_proposed"


async def test_a_hold_on_nothing_or_without_a_review_is_refused(engines):
    _, api = engines
    with pytest.raises(Invalid):
        await place(api)
    with pytest.raises(Invalid):
        await place(api, date(2041, 1, 1), units=["Camden"])


async def test_a_hold_that_cannot_pass_the_gate_is_refused_and_not_there(engines):
    worker, api = engines
    async with transaction(worker) as executing:
        await pass_gate(executing)
        await (await driver(executing)).execute(
            "SELECT set_config('idle_in_transaction_session_timeout', '9000', true)"
        )
        with pytest.raises(Overloaded):
            await place(api, units=["Camden"])
    assert await select(worker, "SELECT FROM hold") == []
