"""I8, from raw tables: a hold on one nominal covers what names another who was the same person when it went."""

import tomllib
from datetime import timedelta

import pytest
from msgspec.structs import replace

from services.retention.storage import holds
from shared.db import transaction
from tests.integration.test_retention_lifecycle import LOOKED_AT, decide, decided
from tests.integration.test_retention_merged import BOTH, COOLED, ONE, under_review
from tests.integration.test_verify_overdue import wrong
from tests.make_facts import POLICY_TEXT
from tests.make_lifecycle import REAL, carry_out, new_hold, own_engines, take
from tests.make_registered import ref, unmerged
from tools.verify.checks.disposals import check

PACK = tomllib.loads(POLICY_TEXT.decode())
HELD = "disposals under a hold"


@pytest.fixture
async def engines(database):
    async with own_engines(database) as made:
        yield made


async def gone(engines, *events):
    """Let all of some persons' records go, and then have it that a hold on p2 had been in force before."""
    worker, api = engines
    for review in await under_review(worker, *events):
        await decide(worker, decided(review))
    assert set((await carry_out(worker, COOLED)).outcomes.values()) == {None}
    async with transaction(api) as connection:
        await holds.insert_hold(connection, new_hold(nominals=[ref("p2")]), LOOKED_AT, REAL - timedelta(days=1))


async def under_a_hold(engines):
    return (await wrong(engines, check, packs=PACK)).get(HELD, 0)


async def test_what_names_either_of_one_person_is_under_a_hold_on_one(engines):
    await gone(engines, *ONE)
    assert await under_a_hold(engines) == 2


async def test_of_two_persons_only_the_one_s(engines):
    await gone(engines, *BOTH)
    assert await under_a_hold(engines) == 1


@pytest.mark.parametrize(
    ("known", "found"), [(timedelta(hours=-1), 1), (timedelta(hours=1), 2)], ids=["undone before", "undone after"]
)
async def test_it_goes_by_what_was_known_when_it_went(engines, known, found):
    await gone(engines, *ONE)
    await take(engines[0], replace(unmerged(), known_at=REAL + known))
    assert await under_a_hold(engines) == found


async def test_a_merge_that_may_not_have_come_yet_is_none(engines):
    await gone(engines, *BOTH, replace(ONE[-1], known_at=REAL - timedelta(minutes=1)))
    assert await under_a_hold(engines) == 1
