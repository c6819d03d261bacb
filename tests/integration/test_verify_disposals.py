"""I8, from raw tables: a hold on one nominal covers what names another who was the same person when it went."""

import tomllib
from datetime import timedelta

import pytest
from msgspec.structs import replace

from services.retention.storage import holds
from shared.db import transaction
from tests.integration.test_retention_case_gate import OPENS, WHOLE, out
from tests.integration.test_retention_lifecycle import LOOKED_AT, decide, decided
from tests.integration.test_retention_merged import BOTH, COOLED, ONE, under_review
from tests.integration.test_verify_overdue import wrong
from tests.make_cases import PACK as CASES
from tests.make_cases import TEXT as CASE_FILES
from tests.make_cases import closed, file, part
from tests.make_facts import POLICY_TEXT
from tests.make_lifecycle import REAL, carry_out, hear, new_hold, own_engines, take, tick
from tests.make_registered import ref, uid, unmerged
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


async def held_of_a_file(engines, known_at):
    """Let a case file and its parts go, have it that a hold on the file was in force, and count what it covered."""
    worker, api = engines
    opened = replace(file(), known_at=known_at)
    await take(worker, opened, closed(on="2022-09-01"), part("r1"), part("r2"), pack=CASES)
    await hear(worker)
    await tick(worker, OPENS, pack=CASES)
    assert await out(worker) == dict.fromkeys(WHOLE)
    async with transaction(api) as connection:
        await holds.insert_hold(connection, new_hold(records=[uid("f1")]), OPENS, REAL - timedelta(days=1))
    return (await wrong(engines, check, packs=tomllib.loads(CASE_FILES.decode()))).get(HELD)


@pytest.mark.parametrize(
    ("known", "found"), [(timedelta(hours=-1), 3), (timedelta(hours=1), 1)], ids=["as it was", "changed since"]
)
async def test_a_hold_on_a_case_file_is_one_on_its_parts(engines, known, found):
    assert await held_of_a_file(engines, REAL + known) == found
