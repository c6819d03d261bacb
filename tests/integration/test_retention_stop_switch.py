"""A run that would dispose of far more than was foreseen stops itself, says so, and waits for two people."""

import logging
from dataclasses import replace
from datetime import timedelta

import pytest

from services.retention.actions import orders
from services.retention.storage.disposals import paused_by
from shared.db import transaction
from tests.make_facts import PACK
from tests.make_lifecycle import DUE, OPENS, REAL, carry_out, hear, own_engines, select, take, tick
from tests.make_registered import record_state

SWITCHED = replace(PACK, limits=replace(PACK.limits, stop_count=2, stop_ratio=2))
LATE = OPENS + timedelta(days=400)
LATE_DUE = LATE + timedelta(days=PACK.limits.cooling_off_days)
AGREED_AT = REAL + timedelta(minutes=1)
AFTER = REAL + timedelta(minutes=2)


@pytest.fixture
async def engines(database):
    async with own_engines(database) as (worker, api):
        await take(worker, *(record_state(f"r{n}") for n in range(3)))
        await hear(worker, AFTER)
        yield worker, api


async def go_on(api):
    async with transaction(api) as connection:
        await orders.propose_resume(connection, "D-RM1")
    async with transaction(api) as connection:
        await orders.approve_resume(connection, "D-HIM1", AGREED_AT)


async def test_a_run_that_nobody_foresaw_stops_itself_and_two_people_let_it_go_on(engines, caplog):
    worker, api = engines
    await tick(worker, LATE)  # All at once, long after their day: nothing foresaw that they go now.
    with caplog.at_level(logging.ERROR):
        for _ in range(2):
            assert (await carry_out(worker, LATE_DUE, AFTER, SWITCHED)).blocked == "stop_switch"
    [said] = [record for record in caplog.records if getattr(record, "action", "") == "stop_switch"]
    assert (said.due, said.foreseen) == (3, 0)
    assert await select(worker, "SELECT FROM disposal") == []
    async with transaction(api) as connection:
        assert await paused_by(connection) == ["stop_switch"]
    await go_on(api)
    assert list((await carry_out(worker, LATE_DUE, AFTER, SWITCHED)).outcomes.values()) == [None] * 3


async def test_their_go_covers_what_waited_then_and_nothing_later(engines):
    worker, api = engines
    await tick(worker, LATE)
    assert (await carry_out(worker, LATE_DUE, REAL, SWITCHED)).blocked == "stop_switch"
    await go_on(api)
    await take(worker, *(record_state(f"later{n}") for n in range(3)))
    await tick(worker, LATE, AFTER)
    assert (await carry_out(worker, LATE_DUE, AFTER, SWITCHED)).blocked == "stop_switch"


async def test_what_goes_on_its_foreseen_day_is_no_runaway_however_much(engines):
    worker, _ = engines
    await tick(worker, OPENS)
    assert list((await carry_out(worker, DUE, AFTER, SWITCHED)).outcomes.values()) == [None] * 3


async def test_a_pack_without_the_numbers_has_no_stop_switch(engines):
    worker, _ = engines
    assert PACK.limits.stop_count is None
    await tick(worker, LATE)
    assert list((await carry_out(worker, LATE_DUE, AFTER)).outcomes.values()) == [None] * 3
