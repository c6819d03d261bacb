"""I7 and I11 of records, from raw tables: each reason counts, and what somebody tampers with is found."""

import asyncio
import os
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from unittest.mock import patch

import psycopg
import pytest

from services.retention.actions import backlog, holds
from shared.db import driver, transaction
from tests.integration.test_retention_lifecycle import ENDS, LOOKED_AT
from tests.make_lifecycle import REAL, hear, new_hold, own_engines, take, tick
from tests.make_registered import record_state, suspect, uid
from tools.verify.checks.overdue import check_deadlines, check_overdue
from tools.verify.findings import Tally
from tools.verify.tables import Schema

LOOSE = "records past their last day with no task, order, hold or reason"
UNSEEN = "records that have fallen due and wait without being in the published backlog"
TODAY = ENDS + timedelta(days=1)
MODE = {"pack": {"mode": "live"}}


@pytest.fixture
async def engines(database):
    async with own_engines(database) as made:
        yield made


@contextmanager
def estate(url, packs=MODE, patience=0.0, at=lambda *_: None):
    settings = patch.dict(os.environ, TENURE_VERIFY_DATABASE_URL=url)
    with settings, psycopg.connect(url.replace("+asyncpg", "")) as retention:
        retention.execute("SET search_path = retention")
        yield SimpleNamespace(
            retention=Schema("retention", retention),
            packs={row[0]: packs for row in retention.execute("SELECT DISTINCT pack FROM schedule")},
            now=datetime.now(UTC),
            progress=SimpleNamespace(at=at),
            patience=patience,
        )


async def wrong(engines, check, **more):
    url = engines[0].url.render_as_string(hide_password=False)
    tally = Tally()
    with estate(url, **more) as seen:
        if check is check_overdue:  # The tasks are another service's: no test here has any.
            seen.review = SimpleNamespace(stream=lambda _: [(row[0],) for row in seen.retention.rows(_REVIEWS)])
        check(seen, tally)
    return dict(tally.wrong)


_REVIEWS = "SELECT review_id FROM review"


async def tamper(engine, statement):
    async with transaction(engine) as connection:
        await (await driver(connection)).execute(statement)


@pytest.fixture
async def due(engines):
    """Give a database on whose last day nothing is forgotten: one record's review is open."""
    worker, api = engines
    await take(worker, record_state(links=[suspect("p1")]))
    await hear(worker)
    await tick(worker, TODAY)
    await tamper(api, f"UPDATE clock SET offset_days = {(TODAY - REAL.date()).days}")
    return engines


async def test_a_review_that_is_open_has_it_in_hand(due):
    assert await wrong(due, check_overdue) == {}
    assert await wrong(due, check_deadlines) == {}


@pytest.mark.parametrize(
    "statement",
    [
        pytest.param("UPDATE review SET state = 'decided'", id="its review ended and moved nothing"),
        pytest.param("DELETE FROM review_member", id="its review does not cover it"),
        pytest.param(
            "UPDATE review SET state = 'withdrawn'; UPDATE schedule SET held = true", id="a hold that is none"
        ),
        pytest.param(
            "UPDATE review SET state = 'decided'; UPDATE schedule SET lifecycle = 'ordered'", id="an order that is none"
        ),
        pytest.param("UPDATE review SET state = 'decided'; UPDATE schedule SET lifecycle = 'current'", id="forgotten"),
    ],
)
async def test_what_nobody_has_in_hand_is_found(due, statement):
    await tamper(due[0], statement)
    assert await wrong(due, check_overdue) == {LOOSE: 1}
    assert await wrong(due, check_deadlines) == {UNSEEN: 1}


async def test_what_is_asked_for_held_or_observed_has_its_reason(due):
    worker, api = due
    await tamper(worker, "UPDATE review SET state = 'decided'")
    assert await wrong(due, check_overdue, packs={"pack": {"mode": "observe"}}) == {}
    await tamper(worker, "INSERT INTO review_wanted (nominal_key, cause) SELECT nominal_key, 'death' FROM nominal")
    assert await wrong(due, check_overdue) == {}
    await tamper(worker, "UPDATE link SET offending = false, accused_on = since_on")
    assert await wrong(due, check_overdue) == {}
    await tamper(worker, "UPDATE link SET accused_on = NULL")
    assert await wrong(due, check_overdue) == {LOOSE: 1}
    await tamper(worker, "UPDATE link SET offending = true")
    await tamper(worker, "DELETE FROM review_wanted")
    async with transaction(api) as connection:
        await holds.place(connection, new_hold(records=[uid("r1")]), LOOKED_AT, REAL)
    assert await wrong(due, check_overdue) == {LOOSE: 1}  # Not shown yet.
    async with transaction(worker) as connection:
        await holds.sweep_arrivals(connection, 0, REAL)
    assert await wrong(due, check_overdue) == {}


async def test_what_is_published_as_waiting_waits_in_sight(due):
    worker, _ = due
    await tamper(worker, "UPDATE review SET state = 'decided'; UPDATE schedule SET lifecycle = 'current'")
    async with transaction(worker) as connection:
        await backlog.tell(connection, TODAY, REAL)
    assert await wrong(due, check_overdue) == {}
    assert await wrong(due, check_deadlines) == {}


@pytest.mark.parametrize("check", [check_overdue, check_deadlines])
async def test_what_fell_due_since_the_last_tick_has_its_turn_at_the_next(due, check):
    await tamper(due[0], "UPDATE review SET state = 'decided'; UPDATE schedule SET lifecycle = 'current'")
    asked, loop = asyncio.Event(), asyncio.get_running_loop()

    def at(what, *_):
        if what.startswith("waits for their turn"):
            loop.call_soon_threadsafe(asked.set)

    looking = asyncio.create_task(asyncio.to_thread(lambda: asyncio.run(wrong(due, check, patience=60.0, at=at))))
    await asked.wait()
    await tick(due[0], TODAY)
    assert await looking == {}


async def test_a_deadline_that_two_claim_is_found(due):
    await tamper(due[0], "UPDATE schedule SET lifecycle = 'due'")
    await tamper(
        due[0],
        """INSERT INTO disposal_order (disposal_id, record_key, row_id, n, state, opened_on, execute_from, opened_at)
        SELECT gen_random_uuid(), record_key, 'R01', 1, 'cooling', current_date, current_date, now() FROM schedule""",
    )
    assert await wrong(due, check_deadlines) == {"records on order that are not shown so": 1}


async def test_an_open_review_without_a_task_is_found(due):
    await tamper(due[0], "UPDATE review SET requested_at = now() - interval '10 minutes'")
    url = due[0].url.render_as_string(hide_password=False)
    tally = Tally()
    with estate(url) as seen:
        seen.review = SimpleNamespace(stream=lambda _: [])
        check_overdue(seen, tally)
    assert dict(tally.wrong) == {"open reviews of which nobody has a task": 1}
