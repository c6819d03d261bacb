"""A state that intake took just before its record went, and retention did not know: it waits, and nothing is left."""

import dataclasses
import itertools
from types import SimpleNamespace
from uuid import uuid4

import msgspec
import pytest

from services.intake import agents
from services.intake.actions.cases import Desks
from services.intake.actions.replaying import replay
from services.intake.storage import records
from shared.db import transaction
from shared.events import CONFIRMATIONS, DISPOSALS, RECEIPTS, DisposalExecuted, encode
from shared.in_force import Packs
from shared.policy.door import Forbidden
from tests.integration.test_verify_waiting import tamper, wrong
from tests.make_arrivals import DESK, DESKS, KEYS, PACK, Topic, accounts_close, captured, ref, rows, take, told, uid
from tests.make_discards import NOW, TODAY, batch, own_pair, uid_of
from tests.make_lifecycle import select
from tools.verify.checks import accounts, shredded, waiting

PARTS = itertools.count(11)  # Each batch comes in by a partition of its own.
SUSPECT = {"nominal_source": "crime", "nominal_id": "p1", "role": "suspect"}
WIDER = dataclasses.replace(
    PACK, record_types={**PACK.record_types, "ballad": dataclasses.replace(PACK.record_types["crime_report"])}
)
NARROWER = dataclasses.replace(PACK, forbidden=Forbidden(frozenset({"OFFICIAL"}), frozenset({"crime_report"})))


@pytest.fixture
async def pair(database):
    async with own_pair(database) as made:
        yield made


async def gone(pair, *names, sequence=1, desks=DESKS):
    """Let intake hear, as often as a broker may say it, that records were disposed of as they stood at a sequence."""
    for _ in range(2):
        notices = [DisposalExecuted(uuid4(), uid(name), None, sequence, NOW, TODAY) for name in names]
        heard = [
            SimpleNamespace(
                partition=0, offset=n, key=b"", value=encode(each), headers=[("ce_type", each.type.encode())]
            )
            for n, each in enumerate(notices)
        ]
        async with transaction(pair.intake) as connection:
            await agents._disposals(desks, connection, batch(DISPOSALS, heard))


async def sent(pair, *events):
    async with transaction(pair.intake) as connection:
        return await take(connection, *Topic(next(PARTS)).batch(*events))


async def sound(pair):
    """Hold what is there against what the verifier asks; nothing is on its way any more."""
    await tamper(pair.intake, "DELETE FROM unpublished")
    found = [wrong(pair, check) for check in (accounts._versions, shredded.check, waiting.check)]
    async with transaction(pair.intake) as connection:
        await accounts_close(connection)
    return found == [{}, {}, {}], found


async def discard(pair, receipt):
    await pair.order(receipt)
    await pair.execute()
    await pair.to_intake()
    await pair.to_retention()


async def test_it_waits_and_its_source_is_told_and_nothing_of_the_record_is_left(pair):
    states = [captured(sequence=n, unit=f"U{n}", links=[SUSPECT]) for n in (1, 3, 2)]
    receipts = await sent(pair, *states, captured("r2"))
    assert told(receipts) == [("accepted",), ("accepted",), ("superseded",), ("accepted",)]

    await gone(pair, "r1", "r2")

    items = await select(
        pair.intake,
        "SELECT receipt_id, sequence, state, subject, unit, reasons FROM quarantine ORDER BY sequence",
    )
    assert [tuple(item)[:5] for item in items] == [
        (receipts[2].receipt_id, 2, "open", uid(), "U2"),
        (receipts[1].receipt_id, 3, "open", uid(), "U3"),
    ]
    assert {each["code"] for item in items for each in item["reasons"]} == {"disposed"}
    assert wrong(pair, shredded.check) == {}
    assert wrong(pair, accounts._versions) == {}
    async with transaction(pair.intake) as connection:
        await accounts_close(connection)
        assert await rows(connection, "SELECT outcome, count(*) FROM arrival GROUP BY 1 ORDER BY 1") == [
            ("accepted", 2),
            ("quarantined", 2),
        ]
        shown = await records.receipts(connection, uid_of(sequence=2), "urn:demo:crime", 9)
    assert [(each["outcome"], each["names"]) for each in shown] == [
        ("superseded", None),
        ("quarantined", receipts[2].receipt_id),
    ]
    public = [msgspec.json.decode(each.value) for each in await pair.carry("intake", RECEIPTS)]
    further = [(each["names"], each["outcome"], each["reasons"][0]["code"]) for each in public if each.get("names")]
    assert further == [(str(receipts[n].receipt_id), "quarantined", "disposed") for n in (2, 1)]
    answers = [msgspec.json.decode(each.value) for each in await pair.carry("intake", CONFIRMATIONS)]
    assert [each["bodies"] for each in answers] == [3, 1, 0, 0]


async def test_it_keeps_whom_it_names_from_disposal_and_is_judged_as_what_comes_later(pair):
    [_, receipt] = await sent(pair, *[captured(sequence=n, links=[SUSPECT]) for n in (1, 2)])
    await gone(pair, "r1")
    await pair.to_retention()

    assert {event for event, _ in await pair.parked()} == {uid_of(sequence=2)}
    assert await sound(pair) == (True, [{}, {}, {}])
    async with transaction(pair.intake) as connection:
        again = await replay(connection, DESK, receipt.receipt_id, None, (NOW, TODAY))
    assert (again.outcome, [each.code for each in again.reasons]) == ("quarantined", ["disposed"])
    await discard(pair, receipt.receipt_id)
    assert await select(pair.intake, "SELECT FROM body") == []
    assert await pair.parked() == set()
    assert await sound(pair) == (True, [{}, {}, {}])


async def test_one_that_a_replay_took_waits_again_as_it_came(pair):
    ballad = captured(sequence=2, record_type="ballad", links=[SUSPECT])
    [_, receipt] = await sent(pair, captured(links=[SUSPECT]), ballad)
    assert receipt.outcome == "quarantined"
    async with transaction(pair.intake) as connection:
        taken = await replay(connection, dataclasses.replace(DESK, pack=WIDER), receipt.receipt_id, None, (NOW, TODAY))
    assert taken.outcome == "accepted"
    before = await pair.item(receipt.receipt_id)
    await pair.to_retention()
    assert await pair.parked() == set()

    await gone(pair, "r1", desks=Desks(KEYS, Packs(WIDER), 0))
    await pair.to_retention()

    item = await pair.item(receipt.receipt_id)
    assert (item["state"], item["version"], item["reasons"][0]["code"]) == ("open", before["version"] + 1, "disposed")
    assert {subject for _, subject in await pair.parked()} == {uid(), ref()}
    assert await sound(pair) == (True, [{}, {}, {}])
    async with transaction(pair.intake) as connection:
        again = await replay(connection, DESK, receipt.receipt_id, None, (NOW, TODAY))
    assert [each.code for each in again.reasons] == ["record_type_not_known"]
    await discard(pair, receipt.receipt_id)
    assert await select(pair.intake, "SELECT FROM body") == []
    assert await pair.parked() == set()
    assert await sound(pair) == (True, [{}, {}, {}])
    steps = await select(pair.intake, "SELECT step FROM quarantine_step ORDER BY step_id")
    assert [step for (step,) in steps][:2] == ["replay_accepted", "set_aside"]


async def test_what_waits_about_a_record_that_is_gone_is_discarded_and_never_resolved(pair):
    receipts = await sent(pair, *[captured(sequence=n) for n in (1, 3)])
    await gone(pair, "r1", sequence=1)
    receipts += await sent(pair, captured(sequence=2), captured(sequence=4))
    await sent(pair, captured("r2", attributes={"corrects": str(uid_of(sequence=4))}))
    waiting_now = "SELECT sequence, state FROM quarantine ORDER BY sequence"
    assert [tuple(row) for row in await select(pair.intake, waiting_now)] == [(2, "open"), (3, "open"), (4, "open")]
    await pair.to_retention()
    for receipt in receipts[1:]:
        await discard(pair, receipt.receipt_id)
    [(left,)] = await select(pair.intake, "SELECT count(*) FROM body WHERE record_key IS NULL")
    assert left == 0
    assert await sound(pair) == (True, [{}, {}, {}])


@pytest.mark.parametrize("state", [{"record_type": "crime_report"}, {"record_type": None, "marking": "OFFICIAL"}])
async def test_of_one_that_may_no_longer_be_held_nothing_is_sealed_anew(pair, state):
    [_, receipt] = await sent(pair, *[captured(sequence=n, links=[SUSPECT], **state) for n in (1, 2)])
    await gone(pair, "r1", desks=Desks(KEYS, Packs(NARROWER), 0))
    await pair.to_retention()

    assert await select(pair.intake, "SELECT FROM body") == []
    assert await select(pair.intake, "SELECT FROM quarantine") == []
    assert await pair.parked() == set()
    assert await sound(pair) == (True, [{}, {}, {}])
    async with transaction(pair.intake) as connection:
        shown = await records.receipts(connection, uid_of(sequence=2), "urn:demo:crime", 9)
    assert [(each["outcome"], each["names"]) for each in shown] == [
        ("accepted", None),
        ("forbidden", receipt.receipt_id),
    ]
    assert [each["code"] for each in shown[1]["reasons"]] in (["type_forbidden"], ["marking_forbidden"])
    assert shown[1]["record_uid"] == uid()


async def test_of_one_that_a_replay_took_and_that_may_no_longer_be_held_nothing_is_left(pair):
    [_, receipt] = await sent(pair, captured(), captured(sequence=2, record_type="ballad"))
    async with transaction(pair.intake) as connection:
        await replay(connection, dataclasses.replace(DESK, pack=WIDER), receipt.receipt_id, None, (NOW, TODAY))
    await pair.to_retention()
    forbidding = dataclasses.replace(WIDER, forbidden=Forbidden(frozenset(), frozenset({"ballad"})))
    await gone(pair, "r1", desks=Desks(KEYS, Packs(forbidding), 0))
    await pair.to_retention()
    assert await select(pair.intake, "SELECT FROM body") == []
    assert await pair.parked() == set()
    assert await sound(pair) == (True, [{}, {}, {}])


async def test_a_settled_item_of_a_record_that_is_gone_must_have_no_content_left(pair):
    await sent(pair, *[captured(sequence=n) for n in (1, 2)])
    await gone(pair, "r1")
    await tamper(pair.intake, "UPDATE quarantine SET state = 'resolved'")
    found = wrong(pair, shredded.check)
    assert found == {"settled arrivals of shredded records with content left": 1}
