"""The verifier finds whoever is taken for one person without the index having said so."""

import pytest

from tests.integration.test_retention_merged import ONE
from tests.integration.test_verify_overdue import tamper, wrong
from tests.make_lifecycle import own_engines, take
from tests.make_registered import distinguished, record_state, suspect
from tools.verify.checks.identities import check

P3 = "(SELECT max(nominal_key) FROM person_schedule)"


@pytest.fixture
async def engines(database):
    async with own_engines(database) as made:
        await take(made[0], *ONE, record_state("r3", links=[suspect("p3")]), distinguished("d1", "p1", "p3"))
        yield made


async def test_who_is_merged_as_the_index_says_is_in_order(engines):
    assert await wrong(engines, check) == {}


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        (
            f"UPDATE person_schedule SET root = (SELECT min(root) FROM person_schedule) WHERE nominal_key = {P3}",
            {"nominals taken for one person whom no event merged", "nominals told apart and taken for one person"},
        ),
        (
            "UPDATE person_schedule SET keep_until = '2090-01-01' WHERE root <> nominal_key",
            {"persons whose nominals have different schedules"},
        ),
    ],
    ids=["taken for one", "dated otherwise"],
)
async def test_what_no_event_said_is_found(engines, statement, found):
    await tamper(engines[0], statement)
    assert set(await wrong(engines, check)) == found
