"""The lifecycle's edges: what ticks, and what batches of decisions and answers do; a bad one is set aside."""

import asyncio
from datetime import timedelta
from types import SimpleNamespace
from uuid import UUID

import msgspec
import pytest

from services.retention import lifecycle_agents as edges
from services.retention.actions import holds
from services.retention.actions.certificates import read_holders
from shared.batches import Batch, Span
from shared.clock import wall_clock
from shared.db import driver, transaction
from shared.events import CONFIRMATIONS, DECISIONS, REVIEWS, DisposalConfirmed, ReviewDecided, ReviewRequested, encode
from shared.in_force import Packs
from shared.keys import read_keys
from shared.metrics import Meter
from shared.positions import Place
from tests.make_facts import PACK
from tests.make_lifecycle import DUE, OPENS, hear, new_hold, own_engines, select, settle_all, states, take
from tests.make_registered import record_state, suspect, uid
from tools.stack import keys


@pytest.fixture
async def world(database, tmp_path):
    keys.make(tmp_path)
    async with own_engines(database) as (engine, api):
        woken = SimpleNamespace(wake=asyncio.Event())
        meter = Meter("retention", "retention-worker")
        own = read_keys(tmp_path, "retention")
        worker = SimpleNamespace(engine=engine, keys=own, packs=Packs(PACK), relay=woken, meter=meter)
        life = edges.Lifecycle(worker, woken, read_holders(tmp_path))
        yield life, engine, api, read_keys(tmp_path, "intake")


async def rehearse(api, day):
    async with transaction(api) as connection:
        days = (day - wall_clock().date()).days
        await (await driver(connection)).execute("UPDATE clock SET offset_days = $1", days)


def batch(topic, *events):
    records = [
        SimpleNamespace(
            topic=topic,
            partition=0,
            offset=n,
            key=b"key",
            value=encode(event),
            headers=[("ce_type", event.type.encode())],
        )
        for n, event in enumerate(events)
    ]
    place = Place("cluster", topic, "first", 0)
    return Batch(None, [Span(place, records, 0, len(records))], 0.0)


async def deliver(life, topic, *events):
    async with transaction(life.worker.engine) as connection:
        await edges.handlers(life)[topic](connection, batch(topic, *events))


def answer(order, key, record="r1"):
    plain = DisposalConfirmed(order, uid(record), "intake", "erased", 1, wall_clock())
    return msgspec.structs.replace(plain, signature=key.sign(plain.signed()).hex())


async def test_by_ticks_alone_a_record_goes_on_its_day(world):
    life, engine, api, intake = world
    await take(engine, record_state())
    await hear(engine, wall_clock())
    await rehearse(api, OPENS)
    await edges.fall_due(life)
    assert await states(engine) == {uid("r1"): "ordered"}
    await edges.carry_out(life)
    assert await states(engine) == {uid("r1"): "ordered"}
    await rehearse(api, DUE + timedelta(days=1))
    await edges.carry_out(life)
    assert await states(engine) == {uid("r1"): "executed"}
    [row] = await select(engine, "SELECT disposal_id FROM disposal")
    await deliver(life, CONFIRMATIONS, answer(row[0], intake.ledger))
    assert await states(engine) == {uid("r1"): "shredded"}
    await edges.finish(life)
    assert len(await select(engine, "SELECT FROM certificate")) == 1


async def test_holds_are_shown_by_the_tick(world):
    life, engine, api, _ = world
    await take(engine, record_state())
    async with transaction(api) as connection:
        await holds.place(connection, new_hold(sources=["crime"]), OPENS, wall_clock())
    await edges.show_holds(life)
    assert [row[0] for row in await select(engine, "SELECT held FROM schedule")] == [True]
    await take(engine, record_state("r2"))
    await edges.show_holds(life)
    assert [row[0] for row in await select(engine, "SELECT held FROM schedule")] == [True, True]


async def test_a_decision_comes_in_and_a_bad_answer_is_set_aside(world):
    life, engine, api, intake = world
    await take(engine, record_state(links=[suspect("p1")]))
    await rehearse(api, OPENS)
    await edges.fall_due(life)
    [row] = await select(engine, "SELECT payload FROM log WHERE topic = $1", REVIEWS)
    review = msgspec.json.decode(row[0], type=ReviewRequested)
    made = {"outcome": "dispose", "basis": review.basis, "decided_by": "D-RO1", "approved_by": ("D-HIM1",)}
    told = ReviewDecided(
        review_id=review.review_id,
        subject=review.subject,
        subject_kind="nominal",
        **made,
        decided_on=OPENS,
        next_on=None,
        version=1,
    )
    unknown = msgspec.structs.replace(told, review_id=UUID(int=9), subject=UUID(int=8))
    await deliver(life, DECISIONS, told, unknown)
    await settle_all(engine, wall_clock())
    assert await states(engine) == {uid("r1"): "ordered"}
    forged = msgspec.structs.replace(answer(UUID(int=5), intake.ledger), holder="review")
    await deliver(life, CONFIRMATIONS, forged, answer(UUID(int=6), intake.ledger))
    letters = await select(engine, "SELECT reason FROM dead_letter ORDER BY letter_id")
    assert [row[0] for row in letters] == ["subject_unknown", "bad_signature", "subject_unknown"]


async def test_of_two_answers_about_one_disposal_the_bad_one_is_set_aside(world):
    life, engine, api, intake = world
    await take(engine, record_state())
    await hear(engine, wall_clock())
    for day, tick in ((OPENS, edges.fall_due), (DUE + timedelta(days=1), edges.carry_out)):
        await rehearse(api, day)
        await tick(life)
    [row] = await select(engine, "SELECT disposal_id FROM disposal")
    sound = answer(row[0], intake.ledger)
    await deliver(life, CONFIRMATIONS, sound, msgspec.structs.replace(sound, holder="review"))
    letters = await select(engine, 'SELECT "offset", reason FROM dead_letter')
    assert [tuple(each) for each in letters] == [(1, "bad_signature")]
