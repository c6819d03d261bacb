"""What stops an execution behind the gate, on a real PostgreSQL: each reason, and what becomes of the order."""

import asyncio
from datetime import timedelta
from types import SimpleNamespace

import pytest

from services.retention import agents
from services.retention.actions import execute, holds
from services.retention.actions.take_in import fresh, take_in, take_news
from services.retention.storage.holds import HOLD_GATE
from shared.batches import Batch, Span
from shared.db import driver, transaction
from shared.events import REGISTERED, EventParked, EventResolved, encode
from shared.ids import event_uid, receipt_id
from shared.in_force import Packs
from shared.keys import read_keys
from shared.positions import Place
from tests.make_facts import PACK
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
from tests.make_registered import contact, record_state, ref, suspect, uid
from tools.stack import keys

LATER = REAL + timedelta(minutes=1)


@pytest.fixture
async def engines(database):
    async with own_engines(database) as (worker, api):
        await take(worker, record_state(links=[suspect("p1", "victim")]))
        await hear(worker)
        await tick(worker, OPENS)
        yield worker, api


async def why(engine, now=REAL, **more):
    """Give why the one order was not carried out; None: it was."""
    done = await carry_out(engine, DUE, now, **more)
    [refusal] = done.outcomes.values()
    return refusal.why if refusal else None


async def news(engine, *events):
    async with transaction(engine) as connection:
        await take_news(connection, events)


async def test_a_pending_mark_on_anybody_linked_makes_it_wait(engines):
    worker, _ = engines
    async with transaction(worker) as connection:
        await take_in(connection, [fresh(contact(on="2023-01-01"), PACK)], REAL)
    assert await why(worker) == "dirty"
    assert (await carry_out(worker, DUE)).outcomes == {}  # It left the head of the queue for a while.
    await settle_all(worker)
    assert await why(worker, LATER) is None


@pytest.mark.parametrize("subject", [uid("r1"), ref("p1")], ids=["the record", "a person on it"])
async def test_a_parked_event_makes_it_wait_until_it_is_resolved(engines, subject):
    worker, _ = engines
    event = event_uid("s", "parked")
    await news(worker, EventParked(event, subject, "field_missing", REAL))
    assert await why(worker) == "parked"
    await news(worker, EventResolved(event, subject, LATER))
    assert await why(worker, LATER) is None


SOUND = record_state(sequence=2)
LETTERS = {
    "underivable": (encode(record_state(sequence=2, occurred_on="2022-13-01")), b"other", (), False),
    "not_its_type": (encode(SOUND).replace(b'"sequence":2', b'"sequence":"x"'), b"other", (), False),
    "unreadable, by its key": (b"{", str(uid("r1")).encode(), (), False),
    "nothing, by its header": (None, b"", [("ce_subject", str(ref("p1")).encode())], False),
    "ended the process, by its key": (encode(SOUND), str(uid("r1")).encode(), (), True),
}


@pytest.mark.parametrize(("value", "key", "more", "poison"), LETTERS.values(), ids=LETTERS)
async def test_a_dead_letter_keeps_its_subject_from_disposal(engines, tmp_path, value, key, more, poison):
    worker, _ = engines
    keys.make(tmp_path)
    desk = agents.Desk(read_keys(tmp_path, "retention"), Packs(PACK))
    record = SimpleNamespace(
        partition=3, offset=7, key=key, value=value, headers=[("ce_type", SOUND.type.encode()), *more]
    )
    span = Span(Place("cluster", REGISTERED, "first", 3), [record], 7, 8, poison=poison)
    async with transaction(worker) as connection:
        await agents.registered(desk, connection, Batch(None, [span], 0.0))
    assert await why(worker) == "parked"
    assert await states(worker) == {uid("r1"): "ordered"}
    [[kept]] = await select(worker, "SELECT event_uid FROM parked")
    assert kept == receipt_id("cluster", REGISTERED, "first", 3, 7)


async def test_old_news_stops_everything(engines):
    worker, _ = engines
    stale = REAL + timedelta(minutes=PACK.limits.news_age_minutes_max, seconds=1)
    assert (await carry_out(worker, DUE, stale)).blocked == "old_news"
    await hear(worker, stale)
    async with transaction(worker) as connection:
        await (await driver(connection)).execute("UPDATE watermark SET upto = $1 WHERE partition = 3", REAL)
    assert (await carry_out(worker, DUE, stale)).blocked == "old_news"
    await hear(worker, stale)
    assert await why(worker, stale) is None


async def test_a_partition_never_heard_of_stops_everything(database):
    async with own_engines(database) as (worker, _):
        await take(worker, record_state())
        await tick(worker, OPENS)
        assert (await carry_out(worker, DUE)).blocked == "old_news"


async def test_another_rule_drops_the_order(engines):
    worker, _ = engines
    await take(worker, record_state(sequence=2, links=[suspect("p1")]))
    assert await why(worker) == "rule"
    assert await states(worker) == {uid("r1"): "due"}


async def test_a_hold_not_yet_shown_anywhere_stops_it(engines):
    worker, api = engines
    async with transaction(api) as connection:
        await holds.place(connection, new_hold(nominals=[ref("p1")]), OPENS, REAL)
    assert [tuple(row) for row in await select(worker, "SELECT held FROM schedule")] == [(False,)]
    assert await why(worker) == "held"
    assert await states(worker) == {uid("r1"): "due"}
    assert await select(worker, "SELECT FROM disposal") == []


async def test_a_schedule_somebody_is_writing_makes_its_order_wait(engines):
    worker, _ = engines
    async with transaction(worker) as other:
        await (await driver(other)).execute("UPDATE schedule SET version = version")
        assert await why(worker) == "busy"
    assert await why(worker, LATER) is None


async def test_nothing_is_carried_out_twice(engines):
    worker, _ = engines
    done = await asyncio.gather(*(carry_out(worker, DUE) for _ in range(4)))
    assert sum(len(each.outcomes) for each in done) == 1
    assert len(await select(worker, "SELECT FROM disposal")) == 1


async def test_the_notice_the_disposal_and_the_order_stand_or_fall_together(engines):
    worker, _ = engines

    async def crash(point):
        if point == "written":
            raise RuntimeError(point)

    with pytest.raises(RuntimeError):
        await carry_out(worker, DUE, pause=crash)
    assert await select(worker, "SELECT FROM disposal") == []
    assert await states(worker) == {uid("r1"): "ordered"}
    assert await why(worker) is None
    assert len(await select(worker, "SELECT FROM log WHERE topic = 'retention.disposals.v1'")) == 1


async def test_settling_never_takes_an_execution_back(engines):
    worker, _ = engines
    assert await why(worker) is None
    await take(worker, contact(on="2028-01-01"))
    assert await states(worker) == {uid("r1"): "executed"}


async def test_the_gate_is_the_first_statement_and_is_shared(engines):
    worker, _ = engines
    seen = {}

    async def look(point):
        if point == "gate":
            rows = await select(
                worker,
                "SELECT mode, granted FROM pg_locks WHERE locktype = 'advisory' AND objid = $1 AND objsubid = 2",
                HOLD_GATE,
            )
            seen[point] = [tuple(row) for row in rows]

    await carry_out(worker, DUE, pause=look)
    assert seen == {"gate": [("ShareLock", True)]}


async def test_a_set_of_500_is_short(database):
    async with own_engines(database) as (worker, _):
        await take(worker, *(record_state(f"r{n}") for n in range(execute.EXECUTED_PER_SET_MAX)))
        await hear(worker)
        await tick(worker, OPENS)
        async with transaction(worker) as connection:
            raw = await driver(connection)
            began = await raw.fetchval("SELECT clock_timestamp()")
            done = await execute.execute(connection, PACK, DUE, REAL)
            took = await raw.fetchval("SELECT clock_timestamp()") - began
    assert set(done.outcomes.values()) == {None}
    print(f"\n500 records in one set: {took.total_seconds() * 1000:.0f} ms")
    assert took < timedelta(seconds=10)  # 100 ms on a quiet machine; tests share this one with others.
