"""An allegation against one of the force's own, on a real PostgreSQL: a review of the person, whoever came first."""

from dataclasses import replace
from datetime import date

import pytest

from services.retention.actions import decisions
from services.retention.actions.redate import chunk, follow
from services.retention.storage import redate
from shared.db import transaction
from shared.events import REVIEWS, ReviewRequested, ReviewWithdrawn
from tests.integration.test_retention_lifecycle import LOOKED_AT, decide, decided, told
from tests.integration.test_retention_triggered import TODAY, asked, look, received
from tests.make_facts import PACK
from tests.make_lifecycle import REAL, own_engines, select, settle_all, states, take
from tests.make_registered import contact, merged, nominal_state, record_state, ref, suspect, trigger, uid

LATER = date(2022, 9, 1)
STAFF = nominal_state(staff_id="P-1001")
ONE = [(ref("p1"), "triggered", "staff_allegation")]


@pytest.fixture
async def engine(database):
    async with own_engines(database) as (worker, _):
        yield worker


def file(record="f1", *persons, role="subject", record_type="misconduct_file", **more):
    links = [suspect(person, role) for person in persons or ("p1",)]
    return record_state(record, links=links, record_type=record_type, offences=[], **more)


DUE = (
    file(
        record_type="complaint_file",
        metadata={"subtype": "not_upheld"},
        occurred_on="2015-01-01",
        reported_at="2015-01-02T10:00:00Z",
        created_on="2015-01-02",
    ),
    trigger(record="f1", name="closed", on="2015-02-01"),
)


async def requested(engine):
    return (await told(engine, REVIEWS, ReviewRequested))[-1]


async def shown(engine):
    return [member.record_id for member in (await requested(engine)).records]


@pytest.mark.parametrize("role", ["subject", "suspect", "offender"])
@pytest.mark.parametrize("record_type", ["complaint_file", "misconduct_file", "serious_incident_file"])
async def test_whom_the_file_accuses_is_reviewed_once_though_they_carry_nothing(engine, record_type, role):
    accuses = file(role=role, record_type=record_type)
    for each in (accuses, STAFF, accuses, STAFF):
        await take(engine, each)
    for minutes in (0, 1):
        await look(engine, minutes=minutes)
    assert await asked(engine) == ONE
    assert await shown(engine) == [uid("f1")]


@pytest.mark.parametrize(
    "events",
    [
        pytest.param([STAFF, file(role="witness")], id="a witness"),
        pytest.param([STAFF, file(role="victim")], id="who complains"),
        pytest.param([STAFF, file(record_type="vetting_file")], id="a file that is no allegation"),
        pytest.param([nominal_state(), file()], id="nobody of the force's own"),
        pytest.param([STAFF, file(), file(sequence=2, role="witness")], id="no longer"),
        pytest.param([STAFF, file(), file(sequence=2, change="withdrawn")], id="entered in error"),
    ],
)
async def test_who_is_not_accused_is_not_reviewed(engine, events):
    for event in events:
        await take(engine, event)
    await look(engine)
    assert [each for each in await asked(engine) if each[0] == ref("p1")] == []
    assert await select(engine, "SELECT FROM review_wanted WHERE nominal_key IS NOT NULL") == []


async def test_a_staff_id_that_becomes_known_later_asks(engine):
    await take(engine, file(), nominal_state())
    await look(engine)
    assert await asked(engine) == []
    await take(engine, nominal_state(sequence=2, staff_id="P-1001"))
    await look(engine, minutes=1)
    assert await asked(engine) == ONE


@pytest.mark.parametrize("known_before", [False, True], ids=["nothing else", "a later file that was decided about"])
async def test_a_pack_that_comes_to_call_it_an_allegation_asks_about_files_there_are(engine, known_before):
    silent = replace(PACK.record_types["complaint_file"], allegation_roles=frozenset())
    before = replace(PACK, hash="b" * 64, record_types={**PACK.record_types, "complaint_file": silent})
    after = replace(PACK, hash="a" * 64, effective_on=date(2020, 3, 1))
    await in_force(engine, before)
    await take(engine, STAFF, file(record_type="complaint_file"), pack=before)
    if known_before:
        await take(engine, received(file("f2"), LATER), pack=before)
        await look(engine, pack=before)
        retained = decided(await requested(engine), "retain", on=TODAY)
        async with transaction(engine) as connection:
            await decisions.decide(connection, before, retained, TODAY, REAL)
        await settle_all(engine, pack=before)
    await look(engine, minutes=1, pack=before)
    assert await asked(engine) == (ONE if known_before else [])

    await in_force(engine, after)
    await look(engine, minutes=2, pack=after)
    assert await asked(engine) == ONE * (2 if known_before else 1)
    assert uid("f1") in await shown(engine)


async def in_force(engine, pack):
    async with transaction(engine) as connection:
        await follow(connection, pack, TODAY, REAL, starting=True)
    items = 1
    while items:
        async with transaction(engine) as connection:
            await chunk(connection, pack, REAL)
        await settle_all(engine, pack=pack)
        async with transaction(engine) as connection:
            items = (await redate.left(connection)).items


async def test_a_review_that_is_open_is_joined_and_each_day_s_files_are_put_once(engine):
    await take(engine, STAFF, file())
    await look(engine)
    await take(engine, file("f2"))
    await look(engine, minutes=1)
    assert (len({each.review_id for each in await told(engine, REVIEWS, ReviewRequested)}), await asked(engine)) == (
        1,
        ONE * 2,
    )
    assert set(await shown(engine)) == {uid("f1"), uid("f2")}
    await decide(engine, decided(await requested(engine), "retain", on=TODAY), TODAY)
    await take(engine, file(), file("f2", sequence=2, title="Made up."))
    await look(engine, minutes=2)
    assert len(await asked(engine)) == 2
    await take(engine, received(file("f3"), LATER))
    await look(engine, minutes=3)
    assert len({each.review_id for each in await told(engine, REVIEWS, ReviewRequested)}) == 2


async def test_an_offending_link_and_an_allegation_are_one_review_which_has_its_group_by_what_it_dates(engine):
    crime = record_state("r1", links=[suspect("p1")], created_on="2024-05-06", reported_at="2024-05-06T10:00:00Z")
    await take(engine, STAFF, crime, *DUE)
    await look(engine)
    review = await requested(engine)
    assert await asked(engine) == ONE
    assert [member.record_id for member in review.records] == [uid("r1"), uid("f1")]
    assert (review.group, review.row) == ("G3", "R01")


async def test_a_decision_about_the_person_leaves_the_file_to_its_own_row(engine):
    await take(engine, STAFF, record_state("r1", links=[suspect("p1")]), file(record_type="complaint_file"))
    await look(engine, LOOKED_AT)
    await decide(engine, decided(await requested(engine)))
    assert await states(engine) == {uid("r1"): "ordered", uid("f1"): "current"}
    rows = await select(engine, "SELECT record_uid FROM disposal_order JOIN record USING (record_key)")
    assert [row[0] for row in rows] == [uid("r1")]


async def test_what_becomes_known_of_the_file_makes_a_decision_about_them_lapse(engine):
    await take(engine, STAFF, record_state("r1", links=[suspect("p1")]), file())
    await look(engine, LOOKED_AT)
    review = await requested(engine)
    await take(engine, file(sequence=2, title="Made up."))
    await decide(engine, decided(review))
    assert await states(engine) == {uid("r1"): "in_review", uid("f1"): "current"}
    assert (await requested(engine)).cause == "basis_changed"


async def test_a_review_ends_with_the_only_file_that_it_shows(engine):
    await take(engine, STAFF, file())
    await look(engine)
    await take(engine, file(sequence=2, change="withdrawn"))
    await look(engine, minutes=1)
    [withdrawn] = await told(engine, REVIEWS, ReviewWithdrawn)
    assert withdrawn.cause == "no_longer_due"


async def test_of_somebody_merged_the_person_is_reviewed(engine):
    await take(engine, nominal_state("p2", staff_id="P-1001"), file("f1", "p2"), merged())
    await look(engine)
    review = await requested(engine)
    [row] = await select(
        engine, "SELECT DISTINCT nominal_ref FROM person_schedule JOIN nominal n ON n.nominal_key = root"
    )
    assert (review.subject, review.cause) == (row[0], "staff_allegation")
    assert [member.record_id for member in review.records] == [uid("f1")]


async def test_who_is_only_accused_is_reviewed_for_nothing_else(engine):
    await take(engine, STAFF, file(), contact(kind="subject_access_request"))
    await look(engine)
    assert await asked(engine) == ONE


async def test_a_file_that_falls_due_waits_for_the_review_of_whom_it_accuses_and_then_has_its_own(engine):
    await take(engine, STAFF, *DUE)
    await look(engine)
    await look(engine, minutes=1)
    assert await states(engine) == {uid("f1"): "in_review"}
    assert await asked(engine) == ONE
    await decide(engine, decided(await requested(engine), "retain", on=TODAY), TODAY)
    await look(engine, minutes=2)
    assert (await asked(engine))[1:] == [(uid("f1"), "scheduled", "period_ended")]
