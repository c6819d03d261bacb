"""From falling due to the certificate on a real PostgreSQL: reviews, decisions, orders, answers."""

from dataclasses import replace
from datetime import date, timedelta
from uuid import UUID

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.retention.actions import certificates, decisions, due, orders
from services.retention.storage.disposals import read_certificate
from shared.db import driver, transaction
from shared.errors import Conflict, Forbidden
from shared.events import CERTIFICATES, DISPOSALS, REVIEWS, DisposalConfirmed, ReviewDecided, ReviewRequested
from shared.keys import Keys
from tests.make_facts import PACK
from tests.make_lifecycle import DUE, OPENS, REAL, carry_out, hear, own_engines, select, settle_all, states, take, tick
from tests.make_registered import contact, record_state, ref, suspect, trigger, uid

# One suspect of a burglary reported on 1 August 2022: G3, six clear years, six from its creation on the 2nd at least.
ENDS = date(2028, 8, 3)
LOOKED_AT = ENDS - timedelta(days=PACK.limits.lead_days)
COOLED = PACK.limits.cooling_off_days
VAULT = Ed25519PrivateKey.generate()
KEYS = Keys(1, {}, VAULT, b"k" * 32)
HOLDERS = {"intake": VAULT.public_key(), "review": VAULT.public_key()}


@pytest.fixture
async def engine(database):
    async with own_engines(database) as (worker, _):
        yield worker


async def told(engine, topic, model):
    rows = await select(engine, "SELECT type, payload FROM log WHERE topic = $1 ORDER BY log_id", topic)
    return [msgspec.json.decode(row["payload"], type=model) for row in rows if row["type"] == model.type]


async def reviewed(engine, **changes):
    """Give the newest review asked for."""
    return (await told(engine, REVIEWS, ReviewRequested))[-1]


def decided(review, outcome="dispose", on=LOOKED_AT, **changes):
    values = {
        "review_id": review.review_id,
        "subject": review.subject,
        "subject_kind": review.subject_kind,
        "outcome": outcome,
        "basis": review.basis,
        "decided_by": "D-RO1",
        "approved_by": ("D-HIM1", "D-DPO1"),
        "decided_on": on,
        "next_on": None,
        "version": 1,
    }
    return ReviewDecided(**{**values, **changes})


async def decide(engine, event, today=LOOKED_AT):
    async with transaction(engine) as connection:
        new = await decisions.decide(connection, PACK, event, today, REAL)
    await settle_all(engine)
    return new


async def confirm(engine, order, record, holder="intake", key=VAULT, answer="erased"):
    plain = DisposalConfirmed(order, record, holder, answer, 1, REAL)
    signed = msgspec.structs.replace(plain, signature=key.sign(plain.signed()).hex())
    async with transaction(engine) as connection:
        return await certificates.confirm(connection, KEYS, HOLDERS, PACK, signed, REAL)


async def suspected(engine, *records, person="p1"):
    await take(engine, *(record_state(name, links=[suspect(person)]) for name in records or ["r1"]))
    await hear(engine)


async def test_a_record_that_ends_in_disposal_is_ordered_and_goes_on_its_day(engine):
    await take(engine, record_state())
    await hear(engine)

    assert (await tick(engine, OPENS - timedelta(days=1))).due == 0
    assert (await tick(engine, OPENS)).ordered == 1
    assert await states(engine) == {uid("r1"): "ordered"}
    assert (await carry_out(engine, DUE - timedelta(days=1))).outcomes == {}

    outcomes = (await carry_out(engine, DUE)).outcomes
    assert list(outcomes.values()) == [None]
    assert await states(engine) == {uid("r1"): "executed"}
    [row] = await select(engine, "SELECT payload FROM log WHERE topic = $1", DISPOSALS)
    assert msgspec.json.decode(row[0])["sequence"] == 1


async def test_intakes_answer_brings_the_certificate_and_the_end(engine):
    await take(engine, record_state(sequence=3))
    await hear(engine)
    await tick(engine, OPENS)
    [order] = (await carry_out(engine, DUE)).outcomes

    assert await confirm(engine, order, uid("r1"))
    assert not await confirm(engine, order, uid("r1"))
    assert await states(engine) == {uid("r1"): "shredded"}
    async with transaction(engine) as connection:
        certificate, answers = await read_certificate(connection, order)
    assert certificate["record_ref"] == KEYS.reference(str(uid("r1")))
    assert (certificate["rule"], certificate["keep_until"], certificate["holds_found"]) == ("R03", "2028-08-01", 0)
    assert certificate["clock_basis"]
    assert [answer["holder"] for answer in answers] == ["intake"]
    assert len(await select(engine, "SELECT FROM log WHERE topic = $1", CERTIFICATES)) == 1

    later = REAL + certificates.IRRECOVERABLE_AFTER + timedelta(days=1)
    async with transaction(engine) as connection:
        assert await due.finish(connection, later) == 0  # Review has not answered yet.
    await confirm(engine, order, uid("r1"), "review")
    async with transaction(engine) as connection:
        assert await due.finish(connection, REAL) == 0  # A backup could still bring it back.
        assert await due.finish(connection, later) == 1
    assert await states(engine) == {uid("r1"): "disposed"}


async def test_an_answer_that_its_holder_did_not_sign_is_refused(engine):
    await take(engine, record_state())
    await hear(engine)
    await tick(engine, OPENS)
    [order] = (await carry_out(engine, DUE)).outcomes
    with pytest.raises(certificates.BadSignature):
        await confirm(engine, order, uid("r1"), key=Ed25519PrivateKey.generate())
    with pytest.raises(certificates.BadSignature):
        await confirm(engine, order, uid("r1"), holder="nobody")
    with pytest.raises(LookupError):
        await confirm(engine, UUID(int=7), uid("r1"))


async def test_one_review_covers_all_that_a_person_carries(engine):
    await suspected(engine, "r1", "r2")
    done = await tick(engine, LOOKED_AT)
    assert (done.due, done.reviewed) == (2, 1)
    review = await reviewed(engine)
    assert (review.subject, review.subject_kind, review.kind, review.cause) == (
        ref("p1"),
        "nominal",
        "scheduled",
        "period_ended",
    )
    assert {member.record_id for member in review.records} == {uid("r1"), uid("r2")}
    assert review.derivation["steps"]
    assert set((await states(engine)).values()) == {"in_review"}

    await tick(engine, LOOKED_AT + timedelta(days=1))
    assert len(await told(engine, REVIEWS, ReviewRequested)) == 1


async def test_a_dispose_decision_orders_every_record_and_is_carried_out(engine):
    await suspected(engine, "r1", "r2")
    await tick(engine, LOOKED_AT)
    event = decided(await reviewed(engine))
    assert await decide(engine, event)
    assert not await decide(engine, event)
    assert set((await states(engine)).values()) == {"ordered"}
    rows = await select(engine, "SELECT execute_from FROM disposal_order")
    assert {row[0] for row in rows} == {ENDS}  # Cooled long before; never early.

    outcomes = (await carry_out(engine, ENDS)).outcomes
    assert list(outcomes.values()) == [None, None]
    [proof, _] = await select(engine, "SELECT proof::text FROM disposal")
    assert msgspec.json.decode(proof[0])["decided_by"] == "D-RO1"


async def test_a_retain_decision_moves_the_dates(engine):
    await suspected(engine)
    await tick(engine, LOOKED_AT)
    await decide(engine, decided(await reviewed(engine), "retain"))
    assert await states(engine) == {uid("r1"): "current"}
    [row] = await select(engine, "SELECT keep_until FROM schedule")
    assert row[0] == date(2033, 5, 5)  # Five years after the decision, later than six clear years.
    assert (await tick(engine, LOOKED_AT + timedelta(days=1))).due == 0


async def test_a_decision_on_yesterdays_facts_does_not_stand(engine):
    await suspected(engine)
    await tick(engine, LOOKED_AT)
    review = await reviewed(engine)
    await take(engine, contact(kind="subject_access_request", on="2028-05-01"))
    await decide(engine, decided(review))
    again = await reviewed(engine)
    assert (again.kind, again.cause, again.review_id != review.review_id) == ("triggered", "basis_changed", True)
    assert again.basis != review.basis
    assert await states(engine) == {uid("r1"): "in_review"}


async def test_facts_that_come_after_the_order_stop_it(engine):
    await suspected(engine)
    await tick(engine, LOOKED_AT)
    await decide(engine, decided(await reviewed(engine)))
    await take(engine, contact(on="2028-06-01"))
    assert [refusal.why for refusal in (await carry_out(engine, ENDS)).outcomes.values()] == ["not_due"]
    assert await states(engine) == {uid("r1"): "current"}
    await asked_again_once(engine)


async def asked_again_once(engine):
    """See that whoever decided is asked again, one time, and that the decision stands no more."""
    for seconds in range(1, 4):
        await tick(engine, LOOKED_AT, REAL + timedelta(seconds=seconds))
    first, *again = await told(engine, REVIEWS, ReviewRequested)
    assert [(each.subject, each.kind, each.cause) for each in again] == [(ref("p1"), "triggered", "basis_changed")]
    assert again[0].review_id != first.review_id
    lapsed = {row[0] for row in await select(engine, "SELECT lapsed FROM decision")}
    assert None not in lapsed
    return again[0]


async def test_whoever_decided_is_asked_again_when_the_dates_move_on(engine):
    await suspected(engine, "r1", "r2")
    await tick(engine, LOOKED_AT)
    await decide(engine, decided(await reviewed(engine)))
    await take(engine, contact(on="2028-06-01"))
    again = await asked_again_once(engine)
    assert {row[0] for row in await select(engine, "SELECT reason FROM disposal_order")} == {"not_due"}
    assert set((await states(engine)).values()) == {"current"}
    await decide(engine, decided(again, "retain"))
    await tick(engine, LOOKED_AT, REAL + timedelta(minutes=1))
    assert await select(engine, "SELECT FROM review WHERE state = 'open'") == []


async def test_whoever_decided_is_asked_again_when_the_date_becomes_uncertain(engine):
    await suspected(engine)
    await tick(engine, LOOKED_AT)
    await decide(engine, decided(await reviewed(engine)))
    await take(engine, record_state(sequence=2, links=[suspect("p1")], offences=["999"]))
    await asked_again_once(engine)


async def test_a_decision_that_comes_after_its_review_was_withdrawn_is_asked_about_again(engine):
    await suspected(engine)
    await tick(engine, LOOKED_AT)
    review = await reviewed(engine)
    await take(engine, contact(on="2028-06-01"))
    for seconds in (1, 2):
        await tick(engine, LOOKED_AT, REAL + timedelta(seconds=seconds))
    assert await select(engine, "SELECT FROM review WHERE state = 'open'") == []
    await decide(engine, decided(review))
    await asked_again_once(engine)


async def test_an_order_by_rule_whose_date_moves_on_asks_nobody(engine):
    await take(engine, record_state())
    await tick(engine, OPENS)
    await take(engine, record_state(sequence=2, reported_at="2023-01-01T10:00:00Z"))
    await tick(engine, OPENS)
    assert await states(engine) == {uid("r1"): "current"}
    assert await told(engine, REVIEWS, ReviewRequested) == []


async def test_an_open_review_is_renewed_and_a_needless_one_withdrawn(engine):
    await suspected(engine)
    await tick(engine, LOOKED_AT)
    await take(engine, trigger(name="eliminated", on="2028-05-01"))
    await tick(engine, LOOKED_AT, REAL + timedelta(seconds=1))
    versions = [each.version for each in await told(engine, REVIEWS, ReviewRequested)]
    assert versions == [1, 2]

    await take(engine, contact(on="2028-05-02"))
    for seconds in (2, 3):
        await tick(engine, LOOKED_AT, REAL + timedelta(seconds=seconds))
    rows = await select(engine, "SELECT type FROM log WHERE topic = $1 ORDER BY log_id", REVIEWS)
    assert rows[-1][0] == "tenure.review.withdrawn.v1"
    assert await states(engine) == {uid("r1"): "current"}


async def test_a_shared_record_waits_for_every_person(engine):
    await take(engine, record_state(links=[suspect("p1"), suspect("p2")]))
    await hear(engine)
    assert (await tick(engine, LOOKED_AT)).reviewed == 2
    first, second = await told(engine, REVIEWS, ReviewRequested)
    await decide(engine, decided(first))
    assert await states(engine) == {uid("r1"): "in_review"}
    await decide(engine, decided(second))
    assert await states(engine) == {uid("r1"): "ordered"}


async def test_an_aborted_order_is_reviewed_anew(engine):
    await suspected(engine)
    await tick(engine, LOOKED_AT)
    await decide(engine, decided(await reviewed(engine)))
    [order] = await select(engine, "SELECT disposal_id FROM disposal_order")
    async with transaction(engine) as connection:
        await orders.abort(connection, order[0], "D-RM1", "an appeal was announced", REAL)
    await tick(engine, LOOKED_AT + timedelta(days=1), REAL + timedelta(minutes=1))
    again = await reviewed(engine)
    assert (again.kind, again.cause) == ("triggered", "order_aborted")
    assert await states(engine) == {uid("r1"): "in_review"}
    async with transaction(engine) as connection:
        with pytest.raises(Conflict):
            await orders.abort(connection, order[0], "D-RM1", "again", REAL)


async def test_a_withdrawn_record_is_put_to_review_once(engine):
    await take(engine, record_state(), record_state(sequence=2, change="withdrawn"))
    today = date(2023, 1, 1)
    for minutes in (0, 1):
        await tick(engine, today, REAL + timedelta(minutes=minutes))
    [review] = await told(engine, REVIEWS, ReviewRequested)
    assert (review.subject, review.kind, review.cause) == (uid("r1"), "triggered", "withdrawn")


async def test_in_observe_nothing_is_reviewed_or_ordered(engine):
    pack = replace(PACK, mode="observe")
    await take(engine, record_state(), record_state("r2", links=[suspect("p1")]), pack=pack)
    await hear(engine)
    done = await tick(engine, ENDS, pack=pack)
    assert (done.due, done.ordered, done.reviewed) == (2, 0, 0)
    assert (await carry_out(engine, ENDS, pack=pack)).blocked == "observe"


async def test_a_schedule_that_slept_waits_for_two_people(database):
    async with own_engines(database) as (worker, api):
        await take(worker, record_state())
        await tick(worker, OPENS)
        later = REAL + timedelta(hours=37)
        await hear(worker, later)
        assert (await carry_out(worker, DUE, later)).blocked == "late_tick"
        await tick(worker, DUE, later)
        assert (await carry_out(worker, DUE, later)).blocked == "late_tick"
        async with transaction(api) as connection:
            await orders.propose_resume(connection, "D-RM1")
        with pytest.raises(Forbidden):
            async with transaction(api) as connection:
                await orders.approve_resume(connection, "D-RM1", later)
        async with transaction(api) as connection:
            await orders.approve_resume(connection, "D-HIM1", later)
        assert list((await carry_out(worker, DUE, later)).outcomes.values()) == [None]


async def test_the_tick_keeps_to_the_packs_pace(engine):
    pack = replace(PACK, limits=replace(PACK.limits, reviews_per_tick_max=2))
    await take(engine, *(record_state(f"r{n}", links=[suspect(f"p{n}")]) for n in range(5)))
    await hear(engine)
    counted = [(await tick(engine, LOOKED_AT, REAL + timedelta(seconds=n), pack)).reviewed for n in range(4)]
    assert counted == [2, 2, 1, 0]
    assert set((await states(engine)).values()) == {"in_review"}


async def test_every_step_is_in_the_ledger(engine):
    await take(engine, record_state())
    await hear(engine)
    await tick(engine, OPENS)
    await carry_out(engine, DUE)
    async with transaction(engine) as connection:
        raw = await driver(connection)
        rows = await raw.fetch("SELECT payload FROM log WHERE type = 'tenure.lifecycle.moved.v1' ORDER BY log_id DESC")
    assert [msgspec.json.decode(row[0])["what"] for row in rows] == ["due", "ordered"]


async def test_every_move_is_kept(engine):
    await suspected(engine)
    await tick(engine, LOOKED_AT)
    await decide(engine, decided(await reviewed(engine)))
    await carry_out(engine, DUE + timedelta(days=COOLED))
    rows = await select(engine, "SELECT lifecycle, reason FROM schedule_moved ORDER BY moved_id")
    assert [tuple(row) for row in rows] == [
        ("due", "period_ended"), ("in_review", "period_ended"), ("ordered", "cooling_off"), ("executed", None)
    ]  # fmt: skip
