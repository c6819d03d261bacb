"""A hold placed and released before any sweep saw it: what it covered is kept, dated anew and reviewed all the same."""

from datetime import timedelta

import msgspec
import pytest

from services.retention.actions import holds
from services.retention.storage import sweeping
from services.retention.storage.holds import binding
from services.retention.storage.sweeping import unswept
from shared.db import driver, transaction
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

COVERS = {
    "records": {"records": [uid("r1")]},
    "nominals": {"nominals": [ref("p1")]},
    "record types": {"record_types": ["crime_report"]},
    "units": {"units": ["Barking"]},
    "offences": {"offences": ["28/11"]},
    "dates": {"from_on": OPENS.replace(year=2022, month=8, day=1), "to_on": OPENS.replace(year=2022, month=8, day=1)},
    "sources": {"sources": ["crime"]},
}
MISSES = {
    "records": {"records": [uid("r9")]},
    "nominals": {"nominals": [ref("p9")]},
    "record types": {"record_types": ["stop_and_search"]},
}

RECORDS = "SELECT record_key FROM record ORDER BY 1"


@pytest.fixture
async def engines(database):
    async with own_engines(database) as (worker, api):
        await take(worker, record_state(unit="Barking", links=[suspect("p1", "victim")]))
        await hear(worker)
        await tick(worker, OPENS)
        yield worker, api


async def brief(api, **scope):
    """Place a hold and release it, as two people may within 100 ms."""
    hold = new_hold(**scope)
    async with transaction(api) as connection:
        await holds.place(connection, hold, OPENS, REAL)
    async with transaction(api) as connection:
        found = await holds.found(connection, hold.hold_id, lock=True)
        await holds.propose_release(connection, found, "D-RM1", "placed in error", REAL)
    async with transaction(api) as connection:
        await holds.approve_release(connection, await holds.found(connection, hold.hold_id, lock=True), "D-HIM1", REAL)
    return hold.hold_id


async def sweep(worker, times=20):
    for _ in range(times):
        async with transaction(worker) as connection:
            if not (waiting := await unswept(connection)):
                return
            await holds.sweep_hold(connection, waiting[0], 0, REAL)


async def asked(worker):
    return [tuple(row) for row in await select(worker, "SELECT record_key, cause FROM review_wanted ORDER BY 1")]


async def shown(worker):
    rows = await select(worker, "SELECT lifecycle, reason, held FROM schedule ORDER BY record_key")
    return [tuple(row) for row in rows]


async def in_review(worker):
    return [tuple(row) for row in await select(worker, "SELECT kind, cause FROM review WHERE state = 'open'")]


@pytest.mark.parametrize("scope", COVERS.values(), ids=COVERS)
async def test_what_it_covered_is_reviewed_and_not_destroyed_on_the_old_day(engines, scope):
    worker, api = engines
    hold = await brief(api, **scope)
    await sweep(worker)
    assert await shown(worker) == [("due", "hold_released", False)]
    assert [cause for _, cause in await asked(worker)] == ["hold_released"]
    assert [row[0] for row in await select(worker, "SELECT hold_id FROM hold_exposure")] == [hold]
    await settle_all(worker)
    await tick(worker, DUE)
    assert await in_review(worker) == [("triggered", "hold_released")]
    assert await states(worker) == {uid("r1"): "in_review"}
    assert (await carry_out(worker, DUE)).outcomes == {}


@pytest.mark.parametrize("scope", MISSES.values(), ids=MISSES)
async def test_what_it_did_not_cover_goes_on(engines, scope):
    worker, api = engines
    await brief(api, **scope)
    await sweep(worker)
    assert await shown(worker) == [("ordered", "cooling_off", False)]
    assert await asked(worker) == []
    assert list((await carry_out(worker, DUE)).outcomes.values()) == [None]


@pytest.mark.parametrize("scope", COVERS.values(), ids=COVERS)
async def test_nothing_it_covered_is_carried_out_before_its_sweep(engines, scope):
    worker, api = engines
    await brief(api, **scope)
    assert [refusal.why for refusal in (await carry_out(worker, DUE)).outcomes.values()] == ["held"]
    await sweep(worker)
    assert await shown(worker) == [("due", "hold_released", False)]
    assert [cause for _, cause in await asked(worker)] == ["hold_released"]
    await settle_all(worker)
    await tick(worker, DUE)
    assert await in_review(worker) == [("triggered", "hold_released")]


async def test_what_came_after_its_release_it_never_covered(engines):
    worker, api = engines
    await brief(api, record_types=["crime_report"])
    later = REAL + timedelta(seconds=1)
    await take(worker, msgspec.structs.replace(record_state("r2"), known_at=later))
    async with transaction(worker) as connection:
        keys = dict(await (await driver(connection)).fetch("SELECT record_uid, record_key FROM record"))
        assert set(await binding(connection, list(keys.values()))) == {keys[uid("r1")]}
    await sweep(worker)
    assert len(await asked(worker)) == 1


async def test_what_its_sweep_has_reached_is_free_while_it_goes_on(engines, monkeypatch):
    worker, api = engines
    monkeypatch.setattr(sweeping, "SWEEP_RECORDS_MAX", 1)
    await take(worker, record_state("r2"))
    await brief(api, record_types=["crime_report"])
    await sweep(worker, 1)
    async with transaction(worker) as connection:
        assert len(await unswept(connection)) == 1
        await holds.sweep_arrivals(connection, 0, REAL)
        await holds.show(connection, [row[0] for row in await (await driver(connection)).fetch(RECORDS)], REAL)
    assert [held for *_, held in await shown(worker)] == [False, True]
    await sweep(worker)
    assert [held for *_, held in await shown(worker)] == [False, False]
    assert [cause for _, cause in await asked(worker)] == ["hold_released"] * 2


async def test_a_hold_that_lasts_goes_before_one_that_went(engines):
    worker, api = engines
    async with transaction(api) as connection:
        await holds.place(connection, new_hold(records=[uid("r1")]), OPENS, REAL)
    await brief(api, sources=["crime"])
    await sweep(worker)
    assert await shown(worker) == [("due", "held", True)]
    assert await asked(worker) == []


async def test_two_that_went_are_asked_about_once(engines):
    worker, api = engines
    await brief(api, sources=["crime"])
    await brief(api, records=[uid("r1")])
    await sweep(worker)
    assert [cause for _, cause in await asked(worker)] == ["hold_released"]
    assert len(await select(worker, "SELECT FROM hold_exposure")) == 2


async def test_what_arrived_while_it_was_in_force_and_no_sweep_saw_is_reviewed(engines):
    worker, api = engines
    hold = new_hold(record_types=["crime_report"])
    async with transaction(api) as connection:
        await holds.place(connection, hold, OPENS, REAL)
    await sweep(worker)
    await take(worker, record_state("r2"))
    async with transaction(api) as connection:
        await holds.propose_release(connection, await holds.found(connection, hold.hold_id), "D-RM1", "over", REAL)
    async with transaction(api) as connection:
        await holds.approve_release(connection, await holds.found(connection, hold.hold_id), "D-HIM1", REAL)
    await sweep(worker)
    assert [cause for _, cause in await asked(worker)] == ["hold_released"] * 2


@pytest.mark.parametrize("was_seen", [False, True], ids=["never seen in force", "seen in force"])
async def test_a_record_that_somebody_is_writing_is_not_left_out(engines, was_seen):
    worker, api = engines
    if was_seen:
        hold = new_hold(records=[uid("r1")])
        async with transaction(api) as connection:
            await holds.place(connection, hold, OPENS, REAL)
        await sweep(worker)
        async with transaction(api) as connection:
            await holds.propose_release(connection, await holds.found(connection, hold.hold_id), "D-RM1", "over", REAL)
        async with transaction(api) as connection:
            await holds.approve_release(connection, await holds.found(connection, hold.hold_id), "D-HIM1", REAL)
    else:
        await brief(api, records=[uid("r1")])
    async with transaction(worker) as other:
        await (await driver(other)).execute("SELECT FROM schedule FOR UPDATE")
        await sweep(worker, 2)
        assert await asked(worker) == []
    await sweep(worker)
    assert await shown(worker) == [("due", "hold_released", False)]
    assert [cause for _, cause in await asked(worker)] == ["hold_released"]


async def test_a_hold_on_a_case_file_that_went_covered_its_parts(engines):
    worker, api = engines
    await take(worker, record_state("file", record_type="major_inquiry"), record_state("r2", part_of=["file"]))
    await brief(api, records=[uid("file")])
    await sweep(worker)
    uids = {row[0]: row[1] for row in await select(worker, "SELECT record_key, record_uid FROM record")}
    assert {uids[key] for key, _ in await asked(worker)} == {uid("file"), uid("r2")}
