"""One trace from publication to certificate: kept beside its subject where somebody wants to see it, else nowhere."""

from uuid import UUID

import pytest

from services.review.actions.taking import take_reviews
from shared.db import driver, transaction
from shared.events import CERTIFICATES, DISPOSALS, REVIEWS, TASKS
from shared.tracing import Carried, Untold, read
from shared.trails import follow, traced
from tests.integration.test_retention_lifecycle import LOOKED_AT, confirm, suspected
from tests.integration.test_review_taking import NOW, requested
from tests.make_lifecycle import DUE, OPENS, REAL, carry_out, hear, own_engines, select, take, tick
from tests.make_registered import record_state, uid

TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
OTHER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
async def engine(database):
    async with own_engines(database) as (worker, _):
        yield worker


async def see(engine, subject: UUID, trace: str = TRACE) -> None:
    async with transaction(engine) as connection:
        await follow(connection, [(str(subject), trace)], REAL)


async def gone_out(engine, topic):
    """Give the trace of each log row of a topic, by its key."""
    rows = await select(engine, "SELECT key, headers FROM log WHERE topic = $1", topic)
    return {row["key"]: row["headers"]["traceparent"] if row["headers"] else None for row in rows}


async def test_a_disposal_and_its_certificate_go_out_under_the_trace_of_the_record(engine):
    await take(engine, record_state("r1"), record_state("r2"))
    await hear(engine)
    await see(engine, uid("r1"))
    await tick(engine, OPENS)
    outcomes = (await carry_out(engine, DUE)).outcomes
    assert await gone_out(engine, DISPOSALS) == {str(uid("r1")): TRACE, str(uid("r2")): None}

    orders = await select(engine, "SELECT disposal_id, record_uid FROM disposal JOIN record USING (record_key)")
    assert {row["disposal_id"] for row in orders} == outcomes.keys()
    for row in orders:
        await confirm(engine, row["disposal_id"], row["record_uid"])
    issued = {row["record_uid"]: str(row["disposal_id"]) for row in orders}
    assert await gone_out(engine, CERTIFICATES) == {issued[uid("r1")]: TRACE, issued[uid("r2")]: None}
    assert await select(engine, "SELECT FROM trail") == [], "nothing more will happen to it"


async def test_a_persons_review_goes_out_under_the_trace_of_a_record_that_it_shows(engine):
    await suspected(engine, "r1", "r2")
    await see(engine, uid("r2"))
    await tick(engine, LOOKED_AT)
    assert list((await gone_out(engine, REVIEWS)).values()) == [TRACE]


async def test_a_task_goes_out_under_the_trace_of_its_subject(review_connection):
    seen, unseen = requested(), requested()
    await follow(review_connection, [(str(seen.subject), OTHER), (str(seen.subject), TRACE), ("crime", TRACE)], NOW)
    await take_reviews(review_connection, [seen, unseen], NOW)
    raw = await driver(review_connection)
    rows = dict(await raw.fetch("SELECT key, headers FROM log WHERE topic = $1", TASKS))
    assert rows[str(seen.review_id)] == {"traceparent": TRACE}, "of one subject the newest counts"
    assert rows[str(unseen.review_id)] is None


async def test_work_remembers_the_traces_that_it_wrote_for(review_connection):
    seen = requested()
    await follow(review_connection, [(str(seen.subject), TRACE)], NOW)
    with Untold().over("fall_due", Carried()) as work:
        await take_reviews(review_connection, [seen], NOW)
    assert work.touched == {read(TRACE)}


async def test_where_nobody_wants_to_see_anything_entries_stay_as_they_are(review_connection):
    assert await traced(review_connection, [], []) == ()
