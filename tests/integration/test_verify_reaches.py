"""The verifier dates records by rows as they were, where a changed row says that it does not reach them."""

import tomllib
from datetime import date
from itertools import accumulate

import pytest

from services.retention.domain.packs import succeed
from shared.policy import read_pack
from tests.integration.test_retention_reaches import in_force
from tests.integration.test_retention_redate import come_into_force, everything
from tests.integration.test_retention_settle import stored
from tests.integration.test_verify_overdue import estate, tamper
from tests.integration.test_verify_sample import OTHERWISE, SPOIL
from tests.make_facts import POLICY_TEXT
from tests.make_lifecycle import take
from tests.make_registered import record_state, suspect, uid
from tools.verify.checks import facts, sample
from tools.verify.findings import Tally

FIRST = POLICY_TEXT.decode()
NOTICE = 'notice = ["reported_at", "recorded_at", "created_on", "occurred_on"]'


def changed(effective_on, reaches, years):
    """Give a pack's text that keeps R03's records otherwise, and reads when an offender came to notice otherwise."""
    text = FIRST.replace("effective_on = 2020-02-01", f"effective_on = {effective_on}", 1)
    text = text.replace(NOTICE, 'reaches = "new_records_only"\nnotice = ["created_on"]', 1)
    before, row, after = text.partition('id = "R03"')
    return before + row + after.replace('retain = "6y"', f'retain = "{years}y"\nreaches = "{reaches}"', 1)


TEXTS = [FIRST, changed("2026-10-01", "new_records_only", 7), changed("2027-01-01", "at_next_review", 8)]
PACKS = [*accumulate((read_pack(text.encode(), "pack") for text in TEXTS), succeed)]


def verified(engine):
    tally = Tally()
    with estate(engine.url.render_as_string(hide_password=False)) as seen:
        seen.packs = {pack.hash: tomllib.loads(text) for pack, text in zip(PACKS, TEXTS, strict=True)}
        sample.check(seen, tally)
        facts.simple(seen, tally)
    return tally


@pytest.fixture
async def engine(retention_engine):
    made = {"first": "2026-09-30", "second": "2026-10-01", "third": "2027-01-01"}
    linked = record_state("linked", links=[suspect("p1")], reported_at="2024-01-05T10:00:00Z")
    states = [*(record_state(name, created_on=day) for name, day in made.items()), linked]
    await in_force(retention_engine, PACKS[1], *states)
    await come_into_force(retention_engine, PACKS[2], date(2027, 1, 1))
    await everything(retention_engine, PACKS[2])
    await take(retention_engine, record_state("first", 2, created_on="2026-09-30", unit="North"), pack=PACKS[2])
    return retention_engine


async def test_none_is_wrong_that_a_change_left_to_its_row_as_it_was(engine):
    kept = {
        name: (await stored(engine))[0][uid(name)].keep_until.year for name in ("first", "second", "third", "linked")
    }
    assert kept == {"first": 2028, "second": 2029, "third": 2030, "linked": 2030}
    assert verified(engine).wrong == {}


async def test_one_that_goes_by_the_changed_row_all_the_same_is_found(engine):
    await tamper(engine, SPOIL.format(uid("first")).replace("2090-01-01", "2030-08-01"))
    assert verified(engine).wrong == {
        OTHERWISE.format("of several states"): 1,
        "records that the facts date otherwise": 1,
    }
