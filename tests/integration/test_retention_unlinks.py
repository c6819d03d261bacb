"""A shared record stays while another person needs it; whose own reason ended goes from it."""

from dataclasses import replace
from datetime import date, timedelta
from uuid import uuid4

import pytest

from services.retention.actions import holds, unlinks
from services.retention.actions.take_in import take_news
from services.retention.domain.unlinked import unlinked_fact
from shared.db import driver, transaction
from shared.events import REVIEWS, EventParked, ReviewRequested
from shared.policy import Step
from tests.integration.test_retention_hold_effects import place, release, sweep
from tests.integration.test_retention_lifecycle import ENDS, LOOKED_AT, decide, decided, told
from tests.make_facts import N42, N43, PACK, link, state
from tests.make_facts import uid as fact_uid
from tests.make_lifecycle import REAL, carry_out, hear, new_hold, own_engines, select, settle_all, take, tick
from tests.make_registered import contact, record_state, ref, suspect, uid

from services.retention.domain import of_record  # isort: skip
from shared.ids import nominal_ref  # isort: skip

BOTH = [link(N42), link(N43)]


def gone(up_to=1):
    return unlinked_fact(fact_uid(), 1, date(2028, 8, 3), [nominal_ref(*N42)], up_to)


@pytest.mark.parametrize("order", [1, -1])
def test_who_went_is_named_by_no_state_up_to_then(order):
    found = of_record([state(links=BOTH), gone()][::order], PACK)
    assert set(found.gives) == {N43}


def test_a_later_state_that_names_them_is_a_new_fact():
    facts = [state(links=BOTH), gone(), state(2, links=BOTH)]
    assert all(set(of_record(each, PACK).gives) == {N42, N43} for each in (facts, facts[::-1]))


def test_a_later_state_that_does_not_brings_nobody_back():
    assert set(of_record([state(links=BOTH), gone(), state(2, links=[link(N43)])], PACK).gives) == {N43}


@pytest.fixture
async def engines(database):
    async with own_engines(database) as made:
        yield made


async def shared(engine, *records):
    """Two suspects of one burglary; the second came to notice again, so the record stays for them until 2034."""
    links = [suspect("p1"), suspect("p2")]
    both = [record_state(name, links=links) for name in records or ["r1"]]
    await take(engine, *both, contact(person="p2", on="2028-01-01"), record_state("own", links=links[:1]))
    await hear(engine)
    await tick(engine, LOOKED_AT)
    review = next(each for each in await told(engine, REVIEWS, ReviewRequested) if each.subject == ref("p1"))
    await decide(engine, decided(review))


async def unlink(engine, today=ENDS):
    async with transaction(engine) as connection:
        done = await unlinks.carry_out(connection, PACK, today, REAL)
    await settle_all(engine)
    return list(done.values())


async def offending(engine):
    rows = await select(
        engine,
        """SELECT record_uid, nominal_ref FROM link JOIN record USING (record_key) JOIN nominal USING (nominal_key)
        WHERE offending""",
    )
    return {(row[0], row[1]) for row in rows}


async def test_the_record_stays_and_their_link_goes(engines):
    engine, _ = engines
    await shared(engine)
    assert await unlink(engine) == []  # Their own record first: it goes by the same decision.
    assert list((await carry_out(engine, ENDS)).outcomes.values()) == [None]
    await settle_all(engine)
    assert await unlink(engine, ENDS - timedelta(days=2)) == []  # Never early.
    assert await unlink(engine) == [None]
    assert await offending(engine) == {(uid("r1"), ref("p2"))}
    [row] = await select(engine, "SELECT keep_until, moved_by FROM schedule WHERE lifecycle = 'current'")
    assert tuple(row) == (date(2034, 1, 1), "unlinked")
    [row] = await select(
        engine, "SELECT grp FROM person_schedule JOIN nominal USING (nominal_key) WHERE nominal_ref = $1", ref("p1")
    )
    assert row[0] is None
    await take(engine, record_state(sequence=2, links=[suspect("p1"), suspect("p2")]))
    assert await offending(engine) == {(uid("r1"), ref("p1")), (uid("r1"), ref("p2"))}


async def test_a_hold_on_the_record_or_on_the_person_stops_it(engines):
    worker, api = engines
    await shared(worker)
    await carry_out(worker, ENDS)
    await settle_all(worker)
    async with transaction(api) as connection:
        await holds.place(connection, new_hold(nominals=[ref("p1")]), LOOKED_AT, REAL)
    assert await unlink(worker) == ["held"]
    assert (uid("r1"), ref("p1")) in await offending(worker)


async def test_a_hold_that_came_and_went_between_two_sweeps_has_them_reviewed(engines):
    worker, api = engines
    await shared(worker)
    await carry_out(worker, ENDS)
    await settle_all(worker)
    hold = await place(api, nominals=[ref("p1")])
    assert await unlink(worker) == ["held"]
    await release(api, hold)
    await sweep(worker)
    await settle_all(worker)
    await tick(worker, ENDS)
    review = (await told(worker, REVIEWS, ReviewRequested))[-1]
    assert (review.cause, {each.record_id for each in review.records}) == ("hold_released", {uid("r1")})
    asked = await select(worker, "SELECT nominal_ref FROM review JOIN nominal USING (nominal_key) WHERE state = 'open'")
    assert ref("p1") in {row[0] for row in asked}


async def floored(engine):
    """Two suspects whose own reasons have both ended; their burglary was written down late, so its floor keeps it."""
    links = [suspect("p1"), suspect("p2")]
    late = record_state(links=links, created_on="2026-01-01")
    await take(engine, late, *(record_state(f"own{n}", links=[link]) for n, link in enumerate(links)))
    await hear(engine)
    await tick(engine, LOOKED_AT)
    for review in await told(engine, REVIEWS, ReviewRequested):
        await decide(engine, decided(review))
    await carry_out(engine, ENDS)
    await settle_all(engine)


FLOORED = (date(2032, 1, 1), "R01")


async def test_the_last_of_them_stays_as_long_as_the_record(engines):
    engine, _ = engines
    await floored(engine)
    assert sorted(await unlink(engine), key=str) == [None, "not_shared"]
    assert len(await offending(engine)) == 1
    [row] = await select(engine, "SELECT keep_until, row_id FROM schedule WHERE lifecycle = 'current'")
    assert tuple(row) == FLOORED  # Without anybody on it, it would be due at once, by time alone.


async def test_two_workers_at_once_leave_the_last_of_them_too(engines, monkeypatch):
    engine, _ = engines
    await floored(engine)
    monkeypatch.setattr(unlinks, "UNLINKED_PER_SET_MAX", 1)
    async with transaction(engine) as connection:
        assert list((await unlinks.carry_out(connection, PACK, ENDS, REAL)).values()) == [None]
        async with transaction(engine) as other:
            assert await unlinks.carry_out(other, PACK, ENDS, REAL) == {}
    await settle_all(engine)
    assert await unlink(engine) == ["not_shared"]


async def test_those_that_wait_keep_nobody_else_waiting(engines, monkeypatch):
    """The oldest order's record has an event in quarantine; the next is carried out, though one goes at a time."""
    engine, _ = engines
    await shared(engine, "r1", "r2")
    await carry_out(engine, ENDS)
    await settle_all(engine)
    [first, _] = await select(
        engine, "SELECT record_uid FROM unlink_order JOIN record USING (record_key) ORDER BY disposal_id"
    )
    async with transaction(engine) as connection:
        await take_news(connection, [EventParked(uuid4(), first[0], "unknown_record_type", REAL)])
    monkeypatch.setattr(unlinks, "UNLINKED_PER_SET_MAX", 1)
    assert await unlink(engine) == [None]
    assert await unlink(engine) == []


async def test_a_new_fact_about_them_stops_it(engines):
    engine, _ = engines
    await shared(engine)
    await carry_out(engine, ENDS)
    await settle_all(engine)
    await take(engine, contact("c9", person="p1", on="2021-01-01"))
    assert await unlink(engine) == ["basis_changed"]


async def test_a_later_decision_stops_it(engines):
    engine, _ = engines
    await shared(engine)
    await carry_out(engine, ENDS)
    await settle_all(engine)
    async with transaction(engine) as connection:
        await (await driver(connection)).execute("UPDATE decision SET lapsed = 'superseded'")
    assert await unlink(engine) == ["decision_missing"]


async def test_a_chain_that_has_grown_stops_it_and_they_are_reviewed_again(engines):
    engine, _ = engines
    await shared(engine)
    await carry_out(engine, ENDS)
    await settle_all(engine)
    longer = replace(PACK.groups["G3"], chain=tuple(Step(f"role_{n}", None) for n in range(3)))
    pack = replace(PACK, groups={**PACK.groups, "G3": longer})
    async with transaction(engine) as connection:
        assert [*(await unlinks.carry_out(connection, pack, ENDS, REAL)).values()] == ["decision_missing"]
    await tick(engine, ENDS)
    review = (await told(engine, REVIEWS, ReviewRequested))[-1]
    assert (review.subject, review.kind, review.cause) == (ref("p1"), "triggered", "basis_changed")


async def test_who_shares_all_they_have_is_reviewed_at_their_own_end_and_goes_by_that(engines):
    """The record stays for the second until 2034; nothing of the first's own falls due to bring them before anybody."""
    engine, _ = engines
    both = record_state(links=[suspect("p1"), suspect("p2")])
    await take(engine, both, contact(person="p2", on="2028-01-01"))
    await hear(engine)
    end = date(2028, 8, 2)
    opens = end - timedelta(days=PACK.limits.lead_days)
    assert (await tick(engine, opens - timedelta(days=1))).reviewed == 0
    assert [(await tick(engine, opens)).reviewed for _ in range(2)] == [1, 0]
    [review] = await told(engine, REVIEWS, ReviewRequested)
    assert (review.subject, review.kind, review.cause, review.due_on) == (ref("p1"), "scheduled", "own_end", end)

    await decide(engine, decided(review, on=opens), opens)
    assert await unlink(engine, end - timedelta(days=1)) == []
    assert await unlink(engine, end) == [None]
    assert await offending(engine) == {(uid("r1"), ref("p2"))}
    assert (await tick(engine, end)).reviewed == 0


async def test_who_comes_to_notice_again_is_not_reviewed_at_the_end_that_was(engines):
    engine, _ = engines
    await take(engine, record_state(links=[suspect("p1"), suspect("p2")]), contact(person="p2", on="2028-01-01"))
    await hear(engine)
    assert (await tick(engine, date(2028, 8, 2))).reviewed == 1
    await take(engine, contact("c2", person="p1", on="2028-08-01"))
    await tick(engine, date(2028, 8, 3), REAL + timedelta(minutes=1))
    [row] = await select(engine, "SELECT state FROM review")
    assert row[0] == "withdrawn"
