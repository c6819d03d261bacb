"""What nothing ends is looked at by its row's cadence, on the day that a decision named, else by its backstop."""

from datetime import date

import pytest

from shared.events import REVIEWS, ReviewRequested
from tests.integration.test_retention_lifecycle import decide, decided, told
from tests.make_lifecycle import hear, own_engines, select, take, tick
from tests.make_registered import contact, nominal_state, record_state, ref, suspect, uid

CREATED = "2010-01-02"
CADENCE = date(2020, 1, 2)  # Line 10 of the schedule: as long as the person is missing, every ten years.


@pytest.fixture
async def engine(database):
    async with own_engines(database) as (worker, _):
        yield worker


async def missing(engine):
    """Somebody reported missing, and not found since."""
    await take(
        engine,
        record_state(
            record_type="missing_person",
            offences=[],
            occurred_on=CREATED,
            created_on=CREATED,
            reported_at=f"{CREATED}T10:00:00Z",
        ),
    )
    await hear(engine)


async def asked(engine):
    return [(each.subject, each.kind, each.cause) for each in await told(engine, REVIEWS, ReviewRequested)]


async def test_a_row_s_own_cadence_brings_its_record_before_somebody(engine):
    await missing(engine)
    assert (await tick(engine, date(2020, 1, 1))).reviewed == 0
    assert (await tick(engine, CADENCE)).reviewed == 1
    assert await asked(engine) == [(uid("r1"), "periodic", "cadence")]
    assert (await tick(engine, date(2021, 1, 2))).reviewed == 0  # It is open still.


async def test_the_day_that_a_decision_about_a_record_named_brings_it_back_once(engine):
    await missing(engine)
    await tick(engine, CADENCE)
    [review] = await told(engine, REVIEWS, ReviewRequested)
    await decide(engine, decided(review, "retain", on=CADENCE, next_on=date(2022, 3, 1)), CADENCE)

    assert (await tick(engine, date(2022, 2, 28))).reviewed == 0
    assert (await tick(engine, date(2022, 3, 1))).reviewed == 1
    again = (await told(engine, REVIEWS, ReviewRequested))[-1]
    await decide(engine, decided(again, "retain", on=date(2022, 3, 1)), date(2022, 3, 1))
    assert (await tick(engine, date(2032, 2, 29))).reviewed == 0
    assert (await tick(engine, date(2032, 3, 1))).reviewed == 1


async def days(engine):
    return [each.due_on for each in await told(engine, REVIEWS, ReviewRequested)]


async def test_a_review_that_is_opened_late_is_due_since_its_own_day(engine):
    await missing(engine)
    await take(engine, nominal_state("p1", date_of_birth="1980-01-01", flags=["mappa"]))
    await take(engine, record_state("r2", links=[suspect("p1")]))
    [[own]] = await select(engine, "SELECT review_on FROM person_schedule")
    assert own < date(2034, 1, 1)
    assert (await tick(engine, date(2035, 1, 1))).reviewed == 2
    assert set(await days(engine)) == {own, CADENCE}


async def test_what_the_backstop_brings_up_late_is_due_since_its_own_day(engine):
    await take(engine, record_state(offences=["999"], created_on="2022-08-02"))
    await hear(engine)
    [[day]] = await select(engine, "SELECT review_on FROM schedule WHERE review_kind = 'backstop'")
    await tick(engine, day.replace(year=day.year + 3))
    assert await days(engine) == [day]


async def test_a_person_s_cadence_asks_nobody_else_of_a_shared_record(engine):
    managed = nominal_state("p1", date_of_birth="1980-01-01", flags=["mappa"])
    shared = record_state(links=[suspect("p1"), suspect("p2")], created_on="2024-08-02")
    await take(engine, managed, shared, contact(person="p2", on="2031-01-01"))
    await hear(engine)
    await tick(engine, date(2032, 8, 3))
    assert await asked(engine) == [(ref("p1"), "periodic", "cadence")]


async def test_a_review_on_a_day_that_tells_a_birthday_says_so(engine):
    """Inside the day is known; of the hundredth birthday, and what follows it, outside only the year is told."""
    managed = nominal_state("p1", date_of_birth="1940-05-06", flags=["mappa"])
    await take(engine, managed, record_state(links=[suspect("p1")]))
    await hear(engine)
    await tick(engine, date(2032, 8, 3))
    [cadence] = await told(engine, REVIEWS, ReviewRequested)
    assert (cadence.cause, cadence.by_age) == ("cadence", False)
    await decide(engine, decided(cadence, "retain", on=date(2032, 8, 3)), date(2032, 8, 3))
    await tick(engine, date(2040, 5, 6))
    end = (await told(engine, REVIEWS, ReviewRequested))[-1]
    assert (end.cause, end.due_on, end.by_age) == ("period_ended", date(2040, 5, 7), True)
