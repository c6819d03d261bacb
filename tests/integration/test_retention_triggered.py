"""Triggered reviews on a real PostgreSQL: what asks for them, once, whatever the order."""

from dataclasses import replace
from datetime import date, timedelta

import msgspec
import pytest

from services.retention.actions.take_in import fresh, take_in
from services.retention.storage import wanted
from shared.db import transaction
from shared.events import REVIEWS, ReviewRequested
from tests.integration.test_retention_lifecycle import LOOKED_AT, decide, decided, told
from tests.make_facts import PACK
from tests.make_lifecycle import REAL, carry_out, hear, own_engines, select, settle_all, states, take, tick
from tests.make_registered import contact, nominal_state, record_state, ref, suspect, trigger, uid

TODAY = date(2023, 1, 1)
ACQUITTED = replace(PACK, triggers={**PACK.triggers, "acquitted": replace(PACK.triggers["acquitted"], review=True)})
LATER = date(2022, 9, 1)


@pytest.fixture
async def engine(database):
    async with own_engines(database) as (worker, _):
        yield worker


def received(event, on):
    return msgspec.structs.replace(event, received_on=on)


def suspected(record="r1", *persons, **more):
    return record_state(record, links=[suspect(person) for person in persons or ("p1",)], **more)


async def asked(engine):
    return [(each.subject, each.kind, each.cause) for each in await told(engine, REVIEWS, ReviewRequested)]


async def look(engine, today=TODAY, minutes=0, pack=PACK):
    return await tick(engine, today, REAL + timedelta(minutes=minutes), pack)


@pytest.mark.parametrize(
    ("event", "cause"),
    [
        pytest.param(contact(kind="subject_access_request"), "subject_access_request", id="access request"),
        pytest.param(contact(kind="dbs_disclosure"), "dbs_disclosure", id="DBS"),
        pytest.param(nominal_state(died_on="2022-12-01"), "death", id="death"),
        pytest.param(nominal_state(staff_id="P-1001"), "staff_allegation", id="an allegation about staff"),
        pytest.param(received(suspected("r2"), LATER), "new_link", id="a new link"),
        pytest.param(trigger(name="acquitted", person="p1"), "acquitted", id="an acquittal"),
    ],
)
async def test_each_cause_asks_for_one_review_though_it_comes_first_and_twice(engine, event, cause):
    for each in (event, suspected(), event, suspected()):
        await take(engine, each, pack=ACQUITTED)
    for minutes in (0, 1):
        await look(engine, minutes=minutes, pack=ACQUITTED)
    assert await asked(engine) == [(ref("p1"), "triggered", cause)]


async def test_the_order_of_arrival_does_not_matter(database):
    events = [
        suspected(),
        nominal_state(flags=["mappa"]),
        nominal_state(sequence=2, flags=[]),
        contact(kind="dbs_disclosure"),
    ]
    for order in (events, events[::-1], [events[2], events[0], events[1], events[3]]):
        async with own_engines(database) as (engine, _):
            for event in order:
                await take(engine, event)
            rows = await select(engine, "SELECT DISTINCT cause FROM review_wanted ORDER BY 1")
            assert [row[0] for row in rows] == ["dbs_disclosure", "status_changed"]


async def test_a_flag_that_disappears_opens_a_review_and_lowers_nothing(engine):
    await take(engine, suspected(), nominal_state(flags=["mappa"], date_of_birth="1990-01-01"))
    await take(engine, nominal_state(sequence=2, flags=[], date_of_birth="1990-01-01"))
    await look(engine)
    assert await asked(engine) == [(ref("p1"), "triggered", "status_changed")]
    [row] = await select(engine, "SELECT grp FROM person_schedule")
    assert row[0] == "G1"


async def test_a_verdict_that_names_somebody_is_reviewed_for_them_alone(engine):
    await take(engine, suspected("r1", "p1", "p2"), trigger(name="acquitted", person="p2"), pack=ACQUITTED)
    await look(engine, pack=ACQUITTED)
    assert await asked(engine) == [(ref("p2"), "triggered", "acquitted")]


async def test_a_person_who_carries_nothing_is_not_reviewed_until_they_do(engine):
    await take(engine, record_state(links=[suspect("p1", "victim")]), contact(kind="subject_access_request"))
    await look(engine)
    assert await asked(engine) == []
    await take(engine, suspected("r2"))
    await look(engine)
    assert [cause for _, _, cause in await asked(engine)] == ["subject_access_request"]


async def test_a_review_already_open_is_joined_and_shows_the_new_cause(engine):
    await take(engine, suspected())
    await look(engine, LOOKED_AT)
    await take(engine, contact(kind="subject_access_request", on="2028-05-01"))
    await look(engine, LOOKED_AT, 1)
    first, second = await told(engine, REVIEWS, ReviewRequested)
    assert first.review_id == second.review_id
    assert (second.version, second.kind, second.cause) == (2, "triggered", "subject_access_request")


async def test_what_a_review_had_before_it_opens_no_second_one(engine):
    await take(engine, suspected())
    await look(engine, LOOKED_AT)
    await take(engine, contact(kind="subject_access_request", on="2028-05-01"))
    await look(engine, LOOKED_AT, 1)
    await decide(engine, decided((await told(engine, REVIEWS, ReviewRequested))[-1], "retain"))
    await take(engine, contact(kind="subject_access_request", on="2028-05-01"))
    await look(engine, LOOKED_AT, 2)
    assert len({each.review_id for each in await told(engine, REVIEWS, ReviewRequested)}) == 1
    await take(engine, contact("c2", kind="subject_access_request", on="2028-05-01"))
    await look(engine, LOOKED_AT, 3)
    assert len({each.review_id for each in await told(engine, REVIEWS, ReviewRequested)}) == 2


async def test_in_observe_causes_are_where_asking_begins(engine):
    observe = replace(PACK, mode="observe")
    await take(engine, suspected(), contact(kind="subject_access_request"), pack=observe)
    await take(engine, contact("c2", kind="dbs_disclosure"))
    await look(engine)
    assert await asked(engine) == [(ref("p1"), "triggered", "dbs_disclosure")]


async def test_what_a_person_must_look_at_is_not_carried_out(engine):
    await take(engine, suspected())
    await hear(engine)
    await look(engine, LOOKED_AT)
    [review] = await told(engine, REVIEWS, ReviewRequested)
    await decide(engine, decided(review))
    assert await states(engine) == {uid("r1"): "ordered"}
    async with transaction(engine) as connection:
        await wanted.want_persons(connection, [1], "court_order", REAL)
    ends = date(2028, 8, 3)
    assert [refusal.why for refusal in (await carry_out(engine, ends)).outcomes.values()] == ["under_review"]
    assert await states(engine) == {uid("r1"): "due"}
    await look(engine, ends, 1)
    assert await states(engine) == {uid("r1"): "in_review"}


async def test_a_fact_sent_again_asks_no_second_time(engine):
    event = contact(kind="dbs_disclosure")
    await take(engine, suspected())
    async with transaction(engine) as connection:
        await take_in(connection, [fresh(event, PACK), fresh(event, PACK)], REAL)
    await settle_all(engine)
    async with transaction(engine) as connection:
        await take_in(connection, [fresh(event, PACK)], REAL)
    await settle_all(engine)
    [row] = await select(engine, "SELECT count(*) FROM review_wanted")
    assert row[0] == 1


async def put(engine):
    return [row[0] for row in await select(engine, "SELECT cause FROM review_wanted")]


async def test_a_cause_that_stands_is_put_once_whatever_else_moves_the_record(engine):
    await take(engine, record_state(), record_state(sequence=3, change="withdrawn"))
    before = await select(engine, "SELECT keep_until FROM schedule")
    await take(engine, record_state(sequence=2, reported_at="2023-02-01T10:00:00Z"))
    assert await select(engine, "SELECT keep_until FROM schedule") != before
    assert await put(engine) == ["withdrawn"]


async def test_a_cause_that_goes_before_anybody_took_it_in_hand_is_put_no_more(engine):
    await take(engine, record_state(), record_state(sequence=2, change="withdrawn"))
    await take(engine, record_state(sequence=3))
    assert await put(engine) == []
    await take(engine, record_state(sequence=4, change="withdrawn"))
    assert await put(engine) == ["withdrawn"]


async def test_conduct_of_a_young_child_asks_for_an_initial_review_of_the_record_which_lets_it_count(engine):
    """They are in a group by another record: a review of the person would answer nothing about this one."""
    nine = record_state("r1", links=[suspect("p1")])
    await take(engine, nominal_state(date_of_birth="2012-08-02"), nine)
    await take(engine, suspected("r2", occurred_on="2024-08-01", reported_at="2024-08-01T10:00:00Z"))
    await hear(engine)
    for minutes in (0, 1):
        await look(engine, minutes=minutes)
    [review] = [each for each in await told(engine, REVIEWS, ReviewRequested) if each.cause == "under_10"]
    assert (review.subject, review.subject_kind, review.kind) == (uid("r1"), "record", "initial")

    await decide(engine, decided(review, "retain", on=TODAY), TODAY)
    [row] = await select(
        engine,
        "SELECT state, problem, cause, grp FROM schedule JOIN record USING (record_key) WHERE record_uid = $1",
        uid("r1"),
    )
    assert tuple(row) == ("current", None, None, "G3")
    await look(engine, minutes=2)
    assert [each.cause for each in await told(engine, REVIEWS, ReviewRequested)].count("under_10") == 1


async def test_a_review_of_a_person_says_when_their_own_period_ends(engine):
    await take(engine, suspected("r1", "p1", "p2"), contact(person="p2", on="2028-01-01"))
    await take(engine, contact("c2", kind="subject_access_request"))
    await look(engine)
    [review] = [each for each in await told(engine, REVIEWS, ReviewRequested) if each.subject == ref("p1")]
    [[end]] = await select(
        engine,
        "SELECT keep_until FROM person_schedule JOIN nominal USING (nominal_key) WHERE nominal_ref = $1",
        ref("p1"),
    )
    assert (review.kind, review.period_ends_on) == ("triggered", end)
    assert end < min(each.keep_until for each in review.records)
