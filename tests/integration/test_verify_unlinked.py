"""The verifier judges each unlinking again, and finds who is found by a record that they went from."""

from datetime import timedelta

import pytest

from services.intake.storage import records
from services.retention.storage import holds
from shared.db import transaction
from tests.integration.test_retention_lifecycle import LOOKED_AT
from tests.integration.test_verify_waiting import tamper, wrong
from tests.make_arrivals import ref, uid
from tests.make_lifecycle import REAL, new_hold
from tests.make_unlinks import SHARED, own_trio
from tools.verify.checks import unlinks

ORDERS = {
    """UPDATE unlink_order SET proof = proof || '{"keep_until": "2090-01-01"}'""": {
        "persons unlinked before their last day or the cooling-off was over"
    },
    "UPDATE unlink_order SET execute_from = execute_from + 9": {
        "persons unlinked before their last day or the cooling-off was over"
    },
    """UPDATE unlink_order SET proof = proof || '{"holds_found": 1}'""": {
        "persons unlinked without a recorded hold check"
    },
    "UPDATE unlink_order SET review_id = disposal_id": {"persons unlinked without an approved decision"},
    "UPDATE unlink_order SET disposal_id = review_id": {
        *("persons unlinked without the fact of it", "persons unlinked without an order")
    },
}
BACK = {
    "intake": "UPDATE record SET metadata = convert_to('{shown}', 'UTF8') WHERE record_uid = '{record}'",
    "review": "INSERT INTO card_link VALUES ('{record}', '{person}', 'suspect', 1)",
    "retention": """UPDATE link l SET offending = true FROM nominal n, record r WHERE n.nominal_key = l.nominal_key
        AND r.record_key = l.record_key AND n.nominal_ref = '{person}' AND r.record_uid = '{record}'""",
}
FOUND = {"persons found by a record that they went from": 1}


@pytest.fixture
async def trio(database):
    async with own_trio(database) as made:
        yield made


@pytest.mark.parametrize("statement", ORDERS)
async def test_an_order_that_something_is_wrong_with_is_found(trio, statement):
    await trio.unlinked()
    assert wrong(trio.pair, unlinks.check) == {}
    await tamper(trio.pair.retention, statement)
    assert wrong(trio.pair, unlinks.check).keys() == ORDERS[statement]


@pytest.mark.parametrize(
    ("links", "found"), [(2, {}), (3, {"persons unlinked without an approved decision": 1})], ids=["two", "three"]
)
async def test_two_approvals_are_a_chain_of_two(trio, links, found):
    await trio.unlinked()
    assert wrong(trio.pair, unlinks.check, chain=links) == found


async def test_a_hold_that_was_in_force_is_found(trio):
    await trio.unlinked()
    async with transaction(trio.pair.retention_api) as connection:
        placed_at = REAL - timedelta(days=1)
        await holds.insert_hold(connection, new_hold(nominals=[ref("p1")]), LOOKED_AT, placed_at)
    assert wrong(trio.pair, unlinks.check) == {"persons unlinked under a hold": 1}


@pytest.mark.parametrize("service", BACK)
async def test_who_is_found_again_is_found(trio, service):
    await trio.ordered()
    async with transaction(trio.pair.intake) as connection:
        shown = (await records.one(connection, uid(SHARED)))["metadata"].decode()
    await trio.carried_out()
    assert wrong(trio.pair, unlinks.found) == {}
    engine = {"intake": trio.pair.intake, "review": trio.review, "retention": trio.pair.retention}[service]
    await tamper(engine, BACK[service].format(record=uid(SHARED), person=ref("p1"), shown=shown))
    assert wrong(trio.pair, unlinks.found) == FOUND


async def test_what_is_on_its_way_is_not_wrong(trio):
    await trio.ordered()
    await trio.carry_out()
    assert wrong(trio.pair, unlinks.check) == wrong(trio.pair, unlinks.found) == {}
