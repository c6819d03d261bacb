"""A group falls by a review, and only as far as the facts that the review had before it."""

from datetime import date

import pytest

from shared.events import REVIEWS, ReviewRequested
from tests.integration.test_retention_lifecycle import decide, decided, told
from tests.make_lifecycle import hear, own_engines, select, settle_all, take, tick
from tests.make_registered import record_state, suspect

LOOKED_AT = date(2032, 6, 1)
WOUNDING = record_state("r1", 1, links=[suspect("p1")], offences=["5/1"])
THEFT = record_state("r2", 1, links=[suspect("p1")])


@pytest.fixture
async def engine(database):
    async with own_engines(database) as (worker, _):
        yield worker


async def groups(engine):
    rows = await select(engine, "SELECT grp FROM person_schedule")
    records = await select(engine, "SELECT grp FROM schedule ORDER BY record_key")
    return [row[0] for row in rows], [row[0] for row in records]


async def under_review(engine):
    await take(engine, WOUNDING, THEFT)
    await hear(engine)
    await tick(engine, LOOKED_AT)
    return (await told(engine, REVIEWS, ReviewRequested))[-1]


async def test_a_review_lowers_the_group_of_all_that_the_person_carries(engine):
    review = await under_review(engine)
    assert (review.group, await groups(engine)) == ("G2", (["G2"], ["G2", "G2"]))
    await decide(engine, decided(review, "amend", LOOKED_AT, group="G3"), LOOKED_AT)
    assert await groups(engine) == (["G3"], ["G3", "G3"])
    await take(engine, record_state("r1", 2, links=[suspect("p1")], offences=["5/1"], unit="another"))
    assert await groups(engine) == (["G2"], ["G2", "G2"])


async def test_a_review_that_did_not_have_all_facts_before_it_lowers_nothing_and_is_asked_for_again(engine):
    review = await under_review(engine)
    await take(engine, record_state("r2", 2, links=[suspect("p1")], offences=["28/11"], unit="another"))
    await decide(engine, decided(review, "amend", LOOKED_AT, group="G3"), LOOKED_AT)
    assert await groups(engine) == (["G2"], ["G2", "G2"])
    await settle_all(engine)
    assert (await told(engine, REVIEWS, ReviewRequested))[-1].cause == "basis_changed"
