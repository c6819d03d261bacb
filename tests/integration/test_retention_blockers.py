"""What is keeping this? Each thing with its owner and the mend, on a real PostgreSQL."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from services.retention.actions import blockers, holds
from services.retention.domain.blockers import Everywhere, of_all
from services.retention.storage import parked
from shared.db import driver, transaction
from shared.errors import NotFound
from shared.sentences import BLOCKERS
from tests.integration.test_retention_lifecycle import (
    DUE,
    ENDS,
    LOOKED_AT,
    OPENS,
    carry_out,
    confirm,
    decide,
    decided,
    reviewed,
)
from tests.make_cases import PACK as CASES
from tests.make_cases import closed, file, part
from tests.make_facts import PACK
from tests.make_lifecycle import REAL, hear, new_hold, own_engines, settle_all, take, tick
from tests.make_registered import contact, merged, nominal_state, record_state, ref, suspect, uid

EARLY = date(2023, 1, 1)


@pytest.fixture
async def engines(database):
    async with own_engines(database) as made:
        yield made


@pytest.fixture
async def engine(engines):
    await hear(engines[0])
    return engines[0]


async def keeping(engine, today=ENDS, pack=PACK, record="r1"):
    async with transaction(engine) as connection:
        found = await blockers.of_record(connection, uid(record), pack, today, REAL)
    assert all(each["sentence"].endswith(".") and "{" not in each["sentence"] for each in found)
    return [(each["code"], each["owner"]) for each in found]


async def test_before_its_day_it_is_the_day_of_its_row_or_of_its_persons(engine):
    await take(engine, record_state(), record_state("r2", links=[suspect("p1"), suspect("p2")]), contact(person="p2"))
    assert await keeping(engine, EARLY) == [("not_due", None)]
    assert await keeping(engine, EARLY, record="r2") == [
        ("person", "reviewing_officer"),
        ("person", "reviewing_officer"),
        ("floor", None),
    ]
    async with transaction(engine) as connection:
        found = await blockers.of_record(connection, uid("r2"), PACK, date(2028, 9, 1), REAL)
    assert [(each["about"]["nominal"], each["sentence"]) for each in found] == [
        (ref("p2"), f"The person {ref('p2')} needs it until 6 May 2030; only a review of that person can change that.")
    ]


async def test_at_its_day_it_is_the_review_and_then_the_order(engine):
    await take(engine, record_state(links=[suspect("p1")]))
    await tick(engine, LOOKED_AT)
    assert await keeping(engine) == [("review", "reviewing_officer")]
    await decide(engine, decided(await reviewed(engine)))
    assert await keeping(engine) == [("order", "records_manager")]
    async with transaction(engine) as connection:
        await parked.park(connection, [(uid("e1"), uid("r1"), "field_missing", REAL)])
    await carry_out(engine, ENDS)
    assert await keeping(engine) == [("order_waits", "records_manager"), ("parked", "data_steward")]


async def told(engine, today, record="r1", pack=PACK):
    async with transaction(engine) as connection:
        found = await blockers.of_record(connection, uid(record), pack, today, REAL)
    return {each["code"]: each for each in found}


async def test_a_decision_before_the_day_is_said_with_the_day_on_which_its_order_opens(engine):
    await take(engine, record_state(links=[suspect("p1")]))
    await take(engine, contact(kind="subject_access_request", on="2022-09-01"))
    await tick(engine, EARLY)
    review = await reviewed(engine)
    assert await decide(engine, decided(review, on=EARLY), EARLY)
    found = await told(engine, EARLY)
    assert set(found) == {"person_decided", "floor", "decided"}
    assert found["decided"]["about"] == {"review": review.review_id, "decided": EARLY, "on": LOOKED_AT}
    assert found["decided"]["sentence"] == (
        f"The review {review.review_id} decided on 1 January 2023 to dispose of it; "
        "the order opens as it falls due, on 5 May 2028."
    )
    await take(engine, contact("c2", on="2022-10-01"))  # It stands no more.
    assert "decided" not in await told(engine, EARLY)


async def test_an_order_to_take_a_person_from_it_is_said(engine):
    await take(engine, record_state(links=[suspect("p1"), suspect("p2")]), contact(person="p2", on="2028-01-01"))
    await tick(engine, LOOKED_AT)
    review = await reviewed(engine)
    assert review.subject == ref("p1")
    await decide(engine, decided(review))
    found = await told(engine, LOOKED_AT)
    assert "decided" not in found
    assert (found["unlink"]["owner"], found["unlink"]["about"]["nominal"]) == ("records_manager", ref("p1"))
    assert (found["unlink"]["about"]["review"], found["unlink"]["about"]["decided"]) == (review.review_id, LOOKED_AT)


@pytest.mark.parametrize("asked", ["f1", "r2"], ids=["the file", "another part"])
async def test_a_hold_on_one_part_is_said_of_all_that_goes_with_it(engines, asked):
    worker, api = engines
    await hear(worker)
    await take(worker, file(), closed(on="2022-09-01"), part("r1"), part("r2"), pack=CASES)
    hold = new_hold(records=[uid("r1")])
    async with transaction(api) as connection:
        await holds.place(connection, hold, LOOKED_AT, REAL)
    found = await told(worker, LOOKED_AT, asked, CASES)
    assert found["member_held"]["owner"] == "D-RM1"
    assert found["member_held"]["about"] == {"hold": hold.hold_id, "member": uid("r1"), "owner": "D-RM1"}
    assert "hold" not in found
    assert {"hold", "member_held"} & set(await told(worker, LOOKED_AT, "r1", CASES)) == {"hold"}


async def test_after_its_execution_it_is_who_has_not_answered(engine):
    await take(engine, record_state())
    await tick(engine, OPENS)
    [order] = (await carry_out(engine, DUE)).outcomes
    assert await keeping(engine, DUE) == [("confirmation", "intake"), ("confirmation", "review")]
    await confirm(engine, order, uid("r1"))
    assert await keeping(engine, DUE) == [("confirmation", "review"), ("irrecoverable", None)]


async def test_a_hold_is_its_owners_and_counts_before_it_is_shown(engines):
    worker, api = engines
    await hear(worker)
    await take(worker, record_state())
    async with transaction(api) as connection:
        await holds.place(connection, new_hold(records=[uid("r1")]), LOOKED_AT, REAL)
    assert await keeping(worker) == [("hold", "D-RM1")]


async def test_what_is_missing_asked_for_unsettled_or_undone_is_said(engine):
    await take(engine, record_state("r1", offences=["999"], links=[suspect("p1")]))
    await take(engine, contact(kind="subject_access_request"))
    async with transaction(engine) as connection:
        await (await driver(connection)).execute("INSERT INTO dirty (record_key) SELECT record_key FROM record")
    codes = [code for code, _ in await keeping(engine)]
    assert codes[0] == "problem"
    assert {"asked_for", "unsettled"} <= set(codes)


async def test_what_keeps_everything_keeps_each(engine):
    await take(engine, record_state())
    observe = replace(PACK, mode="observe")
    async with transaction(engine) as connection:
        await (await driver(connection)).execute("UPDATE watermark SET upto = upto - interval '1 day'")
        await (await driver(connection)).execute(
            "INSERT INTO pause (cause, noted_at) VALUES ('late_tick', clock_timestamp())"
        )
    assert await keeping(engine, pack=observe) == [
        ("observe", "records_manager"),
        ("pause", "head_of_information_management"),
        ("old_news", None),
    ]


async def test_a_row_without_an_owners_word_is_said(engine):
    rows = {**PACK.rows, "R03": replace(PACK.rows["R03"], confirmed=None)}
    await take(engine, record_state(), pack=replace(PACK, rows=rows))
    assert await keeping(engine, pack=replace(PACK, rows=rows)) == [("unconfirmed_row", "information_asset_owner")]


async def test_the_estate_is_counted(engine):
    await take(engine, *(record_state(f"r{n}", links=[suspect(f"p{n}")]) for n in range(3)))
    await take(engine, record_state("odd", offences=["999"]), nominal_state("p1", died_on="2023-01-01"))
    await tick(engine, LOOKED_AT, REAL + timedelta(minutes=1))
    await take(engine, contact(person="p2", kind="dbs_disclosure"))
    async with transaction(engine) as connection:
        counts, everywhere = await blockers.counted(connection, PACK, REAL)
    assert [(each["code"], each["cause"], each["owner"], each["records"]) for each in counts] == [
        ("asked_for", "dbs_disclosure", "records_manager", 1),
        ("problem", "offence_not_in_table", "data_steward", 1),
        ("review", "death", "reviewing_officer", 1),
        ("review", "period_ended", "reviewing_officer", 2),
    ]
    assert everywhere == []


async def test_what_waits_about_another_name_of_a_person_keeps_their_records(engine):
    await take(engine, record_state(links=[suspect("p1")]), record_state("r2"), merged(gone="p2", into="p1"))
    async with transaction(engine) as connection:
        waiting = [(uid("e1"), ref("p2"), "flag_not_declared", REAL), (uid("e2"), ref("nobody"), "field_invalid", REAL)]
        await parked.park(connection, waiting)
        counts, _ = await blockers.counted(connection, PACK, REAL)
    assert ("parked", "data_steward") in await keeping(engine)
    assert ("parked", "data_steward") not in await keeping(engine, record="r2")
    assert [each["records"] for each in counts if each["code"] == "parked"] == [1]


async def test_what_is_gone_is_kept_by_nothing(engine):
    await take(engine, record_state(links=[suspect("p1", "victim")]))
    await tick(engine, OPENS)
    await carry_out(engine, DUE)
    async with transaction(engine) as connection:
        waiting = [(uid("e1"), uid("r1"), "field_missing", REAL), (uid("e2"), ref("p1"), "field_invalid", REAL)]
        await parked.park(connection, waiting)
        raw = await driver(connection)
        await raw.execute(
            "INSERT INTO review_wanted (record_key, cause, at) SELECT record_key, 'death', $1 FROM record", REAL
        )
        counts, _ = await blockers.counted(connection, PACK, REAL)
    assert {each["code"] for each in counts} <= {"confirmation", "unsettled"}
    await settle_all(engine)
    async with transaction(engine) as connection:
        counts, _ = await blockers.counted(connection, PACK, REAL)
    assert [(each["code"], each["cause"], each["records"]) for each in counts] == [
        ("confirmation", "intake", 1),
        ("confirmation", "review", 1),
    ]


async def test_a_record_that_is_not_known_is_refused(engine):
    with pytest.raises(NotFound):
        await keeping(engine, record="nobody")


def test_every_thing_that_keeps_has_its_sentence():
    said = {each.code for each in of_all(Everywhere(True, ["late_tick"], True))}
    assert said == {"observe", "pause", "old_news"}
    assert said <= BLOCKERS.keys()
