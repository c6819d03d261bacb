"""Any day, as known at any instant, on a real PostgreSQL: after late, revised and withdrawn events."""

import random
from datetime import UTC, date, datetime, timedelta

import msgspec
import psycopg
import pytest

from services.retention.actions import as_of, explain
from services.retention.actions.settle import settle
from services.retention.actions.take_in import fresh, take_in
from services.retention.domain.as_of import When
from shared.clock import monotonic, wall_clock
from shared.db import transaction
from shared.errors import NotFound
from tests.integration.test_retention_settle import estate, stored
from tests.make_facts import PACK
from tests.make_lifecycle import DUE, OPENS, carry_out, hear, own_engines, take, tick
from tests.make_registered import contact, nominal_state, record_state, ref, suspect, uid, withdrawal

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
BEFORE_ANY = LONG_AGO - timedelta(days=1)
SINCE = "came at 2020-01-01T00:00:00Z"
TODAY = date(2026, 3, 2)
DATES = (
    "class", "row", "group", "clock_on", "floor_until", "keep_until", "actionable_from", "open_on", "review_on",
    "review_kind", "by_age", "end", "problem", "owner", "cause", "pack",
)  # fmt: skip


@pytest.fixture
def engine(retention_engine, retention_url, database):
    """Give a database whose policy pack has been there for years."""
    admin = database[0].rpartition("/")[0] + "/" + retention_url.rpartition("/")[2]
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute("UPDATE retention.policy SET stored_at = %s", [LONG_AGO])
    return retention_engine


def at(month: int, day: int = 1) -> datetime:
    return datetime(2025, month, day, 12, tzinfo=UTC)


async def learn(engine, known_at, *events):
    """Take in what becomes known at an instant, and settle it."""
    known = [msgspec.structs.replace(event, known_at=known_at) for event in events]
    async with transaction(engine) as connection:
        await take_in(connection, [fresh(event, PACK) for event in known], known_at)
    claimed = 1
    while claimed:
        async with transaction(engine) as connection:
            claimed = (await settle(connection, PACK, known_at)).claimed


async def then(engine, record="r1", on=None, known_at=None, **telling):
    async with transaction(engine) as connection:
        return await explain.explain_then(
            connection, uid(record), When(on, known_at), PACK, TODAY, explain.Telling(**telling)
        )


async def now(engine, record="r1"):
    async with transaction(engine) as connection:
        return await explain.explain_record(connection, uid(record), PACK)


BURGLARY = record_state(links=[suspect("p1")])


async def test_a_late_contact_was_not_known_before_and_had_happened_before(engine):
    await learn(engine, at(1), BURGLARY)
    await learn(engine, at(6), contact(on="2024-05-06"))

    until = {
        "now": (await then(engine))["keep_until"],
        "before it was known": (await then(engine, known_at=at(5)))["keep_until"],
        "before it happened, knowing all": (await then(engine, on=date(2024, 5, 5)))["keep_until"],
        "on its day, knowing all": (await then(engine, on=date(2024, 5, 6)))["keep_until"],
        "on its day, not knowing it": (await then(engine, on=date(2024, 5, 6), known_at=at(5)))["keep_until"],
    }
    moved, before = date(2030, 5, 6), date(2028, 8, 2)
    assert list(until.values()) == [moved, before, before, moved, before], until


async def test_what_is_withdrawn_was_never_so_once_that_is_known(engine):
    reset = contact(on="2024-05-06")
    await learn(engine, at(1), BURGLARY, reset)
    await learn(engine, at(6), withdrawal(reset))

    assert (await then(engine, known_at=at(5)))["keep_until"] == date(2030, 5, 6)
    assert (await then(engine, on=date(2024, 6, 1)))["keep_until"] == date(2028, 8, 2)


async def test_a_revised_state_counts_from_its_own_day(engine):
    await learn(engine, at(1), record_state())
    revised = msgspec.structs.replace(record_state("r1", 2, links=[suspect("p1")]), time="2024-02-01T10:00:00Z")
    await learn(engine, at(2), revised)

    assert (await then(engine, on=date(2024, 1, 31)))["class"] == "crime.report.undetected"
    assert (await then(engine, on=date(2024, 2, 1)))["group"] == "G3"
    assert (await then(engine, on=date(2024, 2, 1), known_at=at(1)))["group"] is None


@pytest.mark.parametrize(
    ("on", "known_at", "code", "mend"),
    [
        pytest.param(date(2022, 8, 1), None, "not_known_then", "", id="before it was recorded"),
        pytest.param(None, datetime(2024, 1, 1, tzinfo=UTC), "not_known_then", "", id="before it was known"),
        pytest.param(date(2019, 12, 31), None, "no_pack_then", "a later day", id="before any pack was in force"),
        pytest.param(None, BEFORE_ANY, "no_pack_then", SINCE, id="before any pack was here"),
        pytest.param(date(2019, 12, 31), BEFORE_ANY, "no_pack_then", SINCE, id="before both"),
    ],
)
async def test_where_there_was_nothing_it_says_so(engine, on, known_at, code, mend):
    await learn(engine, at(1), BURGLARY)
    with pytest.raises(NotFound) as refused:
        await then(engine, on=on, known_at=known_at)
    assert refused.value.reason == code
    assert mend in refused.value.message


async def test_each_look_back_is_what_stood_when_no_more_was_known(engine):
    events = estate(random.Random(11), 360)
    rounds = [events[n::6] for n in range(6)]
    stood = {}
    for month, each in enumerate(rounds, 1):
        await learn(engine, at(month), *each)
        stood[at(month)], _ = await stored(engine)

    compared = 0
    for instant, schedules in stood.items():
        for record in sorted(schedules)[::9]:
            async with transaction(engine) as connection:
                told, _ = await as_of.record_then(connection, record, When(None, instant), PACK, TODAY)
            expected = as_of.dated(record, schedules[record], "current", PACK)
            assert {name: told[name] for name in DATES} == {name: expected[name] for name in DATES}
            compared += 1
    assert compared > 60


async def test_today_knowing_all_is_what_is_stored(engine):
    await learn(engine, at(1), *estate(random.Random(13), 300))
    schedules, persons = await stored(engine)
    async with transaction(engine) as connection:
        for record in sorted(schedules)[::7]:
            told = await explain.explain_then(connection, record, When(TODAY, at(2)), PACK, TODAY, explain.Telling())
            stands = await explain.explain_record(connection, record, PACK)
            assert {name: told[name] for name in DATES} == {name: stands[name] for name in DATES}
            assert told["derivation"] == stands["derivation"]
        for person in sorted(persons)[::9]:
            told, _ = await as_of.nominal_then(connection, person, When(TODAY), PACK, (TODAY, 0, 20))
            stands, _ = await explain.explain_nominal(connection, person, 0, 20)
            assert {name: told[name] for name in told.keys() & stands.keys() - {"records"}} == {
                name: stands[name] for name in told.keys() & stands.keys() - {"records"}
            }
            assert [each["keep_until"] for each in told["records"]] == [
                each["keep_until"] for each in stands["records"]
            ]


async def test_a_person_s_clock_names_the_record_and_the_fact_it_came_from(engine):
    other = record_state("r2", links=[suspect("p1")], reported_at="2023-05-01T10:00:00+01:00", created_on="2023-05-01")
    await learn(engine, at(1), BURGLARY, other)

    steps = {step["code"]: step for step in (await now(engine))["derivation"]["steps"]}
    assert steps["noticed_by"]["record"] == str(uid("r2"))
    assert steps["noticed_by"]["facts"] == [str(other.event_uid)]
    assert steps["grouped_by"]["record"] == str(uid("r1"))
    assert steps["grouped_by"]["facts"] == [str(BURGLARY.event_uid)]
    assert steps["instant"] == {
        "code": "instant", "name": "reported_at", "instant": "2022-08-01T22:10:00+01:00", "zone": "Europe/London",
        "on": "2022-08-01",
    }  # fmt: skip


async def test_without_a_late_report_all_would_have_gone_earlier(engine):
    other = record_state("r2", links=[suspect("p1")], reported_at="2023-05-01T10:00:00+01:00", created_on="2023-05-01")
    await learn(engine, at(1), BURGLARY, other, contact(on="2021-01-01"))

    told = await then(engine, known_at=at(2), without=other.event_uid)
    assert told["keep_until"] == date(2029, 5, 1)
    assert [(step["code"], step["until"]) for step in told["without"]] == [("without", "2028-08-02")]
    assert told["would_be"] == ["Without the report of 2 August 2022 it would be kept until 2 August 2028 (row R01)."]
    asked = (await then(engine, known_at=at(2), counterfactuals=True))["without"]
    assert {step["fact"]: step["code"] for step in asked} == {
        str(BURGLARY.event_uid): "without_anything", str(other.event_uid): "without"
    }  # fmt: skip
    with pytest.raises(NotFound, match="Take one from its derivation"):
        await then(engine, without=contact("c9").event_uid)


async def test_of_third_persons_nothing_is_told(engine):
    shared = record_state(links=[suspect("p1"), suspect("p2")])
    worse = record_state("r2", links=[suspect("p2")], offences=["8/01"])
    flagged = nominal_state("p2", date_of_birth="1980-02-29", flags=["mappa"])
    await learn(engine, at(1), shared, worse, flagged)

    open_to_all, told = await then(engine), await then(engine, leave_out=True, nominal=ref("p1"))
    secret = {str(ref("p2")), str(uid("r2")), str(flagged.event_uid), "G1", "29 February", "2080-02-29", "2080, 2, 29"}
    assert open_to_all["group"] == "G1"
    assert secret - {each for each in secret if each in repr(open_to_all)} <= {str(uid("r2"))}
    assert [each for each in secret if each in repr({**told, "holds": None, "may_open": None})] == []
    assert told["sentences"][-2] == "So it is kept until a day in 2080 (row R01)."
    assert "For another person it is needed until a day in 2080." in told["sentences"]
    assert f"The person {ref('p1')} is in group G3, by a record." in told["sentences"]
    nobody = repr((await then(engine, leave_out=True))["derivation"])
    assert [each for each in (str(ref("p1")), "G3", str(ref("p2"))) if each in nobody] == []
    with pytest.raises(NotFound):
        await then(engine, leave_out=True, nominal=ref("p1"), without=flagged.event_uid)


async def test_another_s_birthday_is_not_told_as_the_day_of_the_next_review(engine):
    child = nominal_state("p2", date_of_birth="2005-03-04")
    await learn(engine, at(1), record_state(links=[suspect("p1"), suspect("p2")], occurred_on="2022-08-01"), child)

    open_to_all, told = await then(engine), await then(engine, leave_out=True, nominal=ref("p1"))
    assert open_to_all["review_on"] == date(2023, 3, 4)
    assert "4 March 2023, the 18th birthday of the person" in open_to_all["sentences"][-1]
    assert told["sentences"][-1] == "Its next review is due on a day in 2023, because of another person."
    assert [each for each in ("2023, 3, 4", "2023-03-04", "March") if each in repr(told)] == []


async def test_a_part_tells_of_its_case_file(engine):
    await learn(engine, at(1), record_state("f1"), record_state("r1", part_of=["f1"]))
    [step] = [step for step in (await now(engine))["derivation"]["steps"] if step["code"] == "part_of"]
    assert step["record"] == str(uid("f1"))


async def test_a_person_of_many_records_is_explained_within_a_second(engine):
    many = [record_state(f"r{n}", links=[suspect("p1")]) for n in range(1_000)]
    await learn(engine, at(1), *many)
    began = monotonic()
    assert (await now(engine))["keep_until"] == date(2028, 8, 2)
    assert (await then(engine, known_at=at(2), counterfactuals=True))["without"]
    took = monotonic() - began
    assert took < 5, f"both took {took:.2f} s"


async def test_what_went_keeps_the_dates_it_had(database):
    async with own_engines(database) as (worker, _):
        await take(worker, record_state())
        await hear(worker)
        await tick(worker, OPENS)
        before = wall_clock()
        await carry_out(worker, DUE, now=wall_clock())
        gone = DUE + timedelta(days=1)
        async with transaction(worker) as connection:
            told = await as_of.record_then(connection, uid("r1"), When(None, wall_clock()), PACK, gone)
            early = await as_of.record_then(connection, uid("r1"), When(None, before), PACK, gone)
    assert [(each["state"], each["keep_until"]) for each, _ in (told, early)] == [
        ("executed", date(2028, 8, 1)), ("ordered", date(2028, 8, 1))
    ]  # fmt: skip
    assert told[0]["may_open"] == []
    assert {each["role"] for each in early[0]["may_open"]} == {
        "reviewing_officer", "records_manager", "head_of_information_management", "disclosure_officer",
        "professional_standards",
    }  # fmt: skip
