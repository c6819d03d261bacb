"""A shared record stays while another person needs it; whose own reason ended goes from it."""

from datetime import date, timedelta

import pytest

from services.retention.actions import holds, unlinks
from services.retention.domain.unlinked import unlinked_fact
from shared.db import driver, transaction
from shared.events import REVIEWS, ReviewRequested
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


async def shared(engine):
    """Two suspects of one burglary; the second came to notice again, so the record stays for them until 2034."""
    links = [suspect("p1"), suspect("p2")]
    await take(
        engine, record_state(links=links), contact(person="p2", on="2028-01-01"), record_state("own", links=links[:1])
    )
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
