"""A state that intake took just before its record went, and retention did not know: it waits, and nothing is left."""

from types import SimpleNamespace
from uuid import uuid4

import msgspec
import pytest

from services.intake import agents
from services.intake.actions.replaying import replay
from services.intake.storage import records
from shared.db import transaction
from shared.events import CONFIRMATIONS, DISPOSALS, RECEIPTS, DisposalExecuted, encode
from tests.integration.test_verify_waiting import wrong
from tests.make_arrivals import DESK, DESKS, Topic, accounts_close, captured, rows, take, told, uid
from tests.make_discards import NOW, TODAY, batch, own_pair, uid_of
from tests.make_lifecycle import select
from tools.verify.checks import shredded, waiting

SUSPECT = {"nominal_source": "crime", "nominal_id": "p1", "role": "suspect"}


@pytest.fixture
async def pair(database):
    async with own_pair(database) as made:
        yield made


async def gone(pair, *names, sequence=1):
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
            await agents._disposals(DESKS, connection, batch(DISPOSALS, heard))


async def sent(pair, *events):
    async with transaction(pair.intake) as connection:
        return await take(connection, *Topic(11).batch(*events))


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
    assert wrong(pair, waiting.check) == {}
    async with transaction(pair.intake) as connection:
        again = await replay(connection, DESK, receipt.receipt_id, None, (NOW, TODAY))
    assert (again.outcome, [each.code for each in again.reasons]) == ("quarantined", ["disposed"])
    await pair.order(receipt.receipt_id)
    await pair.execute()
    await pair.to_intake()
    assert await select(pair.intake, "SELECT FROM body") == []
    assert wrong(pair, shredded.check) == {}
