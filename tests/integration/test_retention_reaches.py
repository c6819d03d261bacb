"""Whom a changed row reaches: what its `reaches` says counts whenever a record is settled, for whatever reason."""

import random
from dataclasses import replace
from datetime import date
from uuid import UUID

import pytest

from services.retention.actions.decisions import decide
from services.retention.domain.packs import compare, succeed
from shared.calendar_rules import Period
from shared.db import transaction
from shared.events import ReviewDecided
from tests.integration.test_retention_redate import changed, come_into_force, everything
from tests.integration.test_retention_settle import estate, keep, settle_all, stored
from tests.make_facts import PACK
from tests.make_registered import NOW, fold, record_state, trigger, uid

FIRST_DAY, TODAY = date(2026, 10, 1), date(2026, 11, 1)
OLD, NEW = record_state("old"), record_state("new", created_on="2026-10-01")


@pytest.fixture
def engine(retention_engine):
    return retention_engine


def longer(reaches, years=20, **more):
    """Give a pack that changes R03's period, as it counts after the one that is in force."""
    pack = changed(R03={"retain": Period(months=years * 12), "reaches": reaches})
    return replace(pack, effective_on=FIRST_DAY, **more)


ONLY_NEW = succeed(PACK, longer("new_records_only"))
AT_REVIEW = succeed(PACK, longer("at_next_review"))


async def in_force(engine, pack, *events):
    """Settle events under the pack before, and bring another into force."""
    await come_into_force(engine, PACK)
    await keep(engine, events, PACK)
    await settle_all(engine, PACK)
    await come_into_force(engine, pack)
    await everything(engine, pack)


async def kept(engine, record):
    return (await stored(engine))[0][uid(record)].keep_until


async def decided(engine, record, pack, on=TODAY):
    event = ReviewDecided(
        *(UUID(int=7), uid(record), "record", "retain", "b" * 64, "D-RO1", (), on, None),
        version=1,
    )
    async with transaction(engine) as connection:
        assert await decide(connection, pack, event, on, NOW)


@pytest.mark.parametrize("pack", [ONLY_NEW, AT_REVIEW], ids=["new_records_only", "at_next_review"])
async def test_a_record_that_was_there_keeps_its_period_when_it_is_settled_anew(engine, pack):
    await in_force(engine, pack, OLD)
    assert await kept(engine, "old") == date(2028, 8, 1)

    again = [trigger("late", "old", "2026-10-05", "reopened"), record_state("old", 2, "revised", unit="North")]
    await keep(engine, [*again, NEW], pack)
    await settle_all(engine, pack)

    assert await kept(engine, "old") == date(2028, 8, 1)
    assert await kept(engine, "new") == date(2042, 8, 1)
    assert await stored(engine) == fold([OLD, *again, NEW], pack)


async def test_at_the_next_review_of_the_record_the_change_reaches_it(engine):
    await in_force(engine, AT_REVIEW, OLD)

    await decided(engine, "old", AT_REVIEW)
    await settle_all(engine, AT_REVIEW)

    assert await kept(engine, "old") == date(2042, 8, 1)


async def test_a_change_for_new_records_alone_reaches_none_by_a_review(engine):
    await in_force(engine, ONLY_NEW, OLD)

    await decided(engine, "old", ONLY_NEW)
    await settle_all(engine, ONLY_NEW)

    assert await kept(engine, "old") == date(2036, 11, 1)  # Ten years, the backstop, from the decision to retain.


async def test_a_review_before_the_change_does_not_bring_it(engine):
    await come_into_force(engine, PACK)
    await keep(engine, [OLD], PACK)
    await decided(engine, "old", PACK, date(2021, 1, 1))
    await settle_all(engine, PACK)
    await come_into_force(engine, AT_REVIEW)
    await everything(engine, AT_REVIEW)

    assert await kept(engine, "old") == date(2031, 1, 1)  # Ten years, the backstop, from the decision to retain.


async def test_a_record_of_the_first_day_that_was_settled_before_the_pack_came_is_reached(engine):
    await in_force(engine, ONLY_NEW, OLD, NEW)

    assert (await kept(engine, "old"), await kept(engine, "new")) == (date(2028, 8, 1), date(2042, 8, 1))


async def test_a_pack_that_changes_other_rows_leaves_the_records_where_they_were(engine):
    later = succeed(ONLY_NEW, longer("new_records_only", mode="observe", hash="another"))
    await in_force(engine, later, OLD)

    assert await kept(engine, "old") == date(2028, 8, 1)


async def test_what_is_then_said_to_reach_at_once_reaches_the_old_records_too(engine):
    at_once = succeed(ONLY_NEW, replace(longer("at_once"), hash="at once"))
    assert list(compare(ONLY_NEW, at_once).ways()) == [("facts", "R03")]
    await in_force(engine, ONLY_NEW, OLD)
    await come_into_force(engine, at_once)
    await everything(engine, at_once)

    assert await kept(engine, "old") == date(2042, 8, 1)


def test_one_change_after_another_leaves_each_record_to_the_row_of_its_time():
    second = succeed(ONLY_NEW, replace(longer("new_records_only", 30), hash="second", effective_on=date(2027, 1, 1)))
    made = (date(2026, 9, 30), date(2026, 10, 1), date(2027, 1, 1))

    assert [second.as_for(day, None).rows["R03"].retain.months // 12 for day in made] == [6, 20, 30]


def test_a_floor_that_only_the_former_row_names_stands_on():
    former = replace(PACK, rows={**PACK.rows, "R03": replace(PACK.rows["R03"], floors=("creation",))})
    bare = {name: floor for name, floor in PACK.floors.items() if name != "creation"}
    pack = succeed(former, longer("new_records_only", floors=bare))

    assert pack.floors["creation"] == PACK.floors["creation"]


async def test_whatever_the_estate_the_schedules_are_the_fold_of_the_facts(engine):
    events = estate(random.Random(5), 300)
    await in_force(engine, ONLY_NEW, *events)

    assert await stored(engine) == fold(events, ONLY_NEW)
    assert list(compare(PACK, ONLY_NEW).ways()) == [("facts", "R03")]
