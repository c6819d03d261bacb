"""The verifier follows what waits and what was discarded, from raw tables, and finds what somebody tampers with."""

from contextlib import contextmanager
from datetime import UTC, datetime
from types import SimpleNamespace

import psycopg
import pytest

from shared.db import driver, transaction
from tests.make_arrivals import Topic, captured, take
from tests.make_discards import NOW, own_pair
from tools.verify.checks import discards, shredded, waiting
from tools.verify.findings import Tally
from tools.verify.tables import SERVICES, Schema

NOBODY = "00000000-0000-0000-0000-000000000001"


@pytest.fixture
async def pair(database):
    async with own_pair(database) as made:
        yield made


@contextmanager
def estate(pair, moving=(), chain=0):
    """Give what the checks look at, with nothing on its way but `moving`; G3 has a chain of so many approvals."""
    connections = {service: psycopg.connect(pair.verify_url) for service in SERVICES}
    try:
        for service, connection in connections.items():
            connection.execute(f"SET search_path = {service}")
        schemas = {service: Schema(service, connection) for service, connection in connections.items()}
        group = {"id": "G3", "chain": [{}] * chain}
        packs = {
            name: {"pack": {"mode": "live"}, "limits": {"news_age_minutes_max": 0}, "group": [group]}
            for (name,) in schemas["retention"].rows("SELECT pack_hash FROM policy")
        }
        yield SimpleNamespace(
            **schemas,
            schemas=schemas,
            packs=packs,
            now=datetime.now(UTC),
            positions=lambda *_: {},
            published=SimpleNamespace(unread=lambda _: {str(each) for each in moving}),
            progress=SimpleNamespace(at=lambda *_: None),
        )
    finally:
        for connection in connections.values():
            connection.close()


def wrong(pair, check, **more):
    tally = Tally()
    with estate(pair, **more) as seen:
        check(seen, tally)
    return dict(tally.wrong)


async def tamper(engine, statement):
    async with transaction(engine) as connection:
        await (await driver(connection)).execute(statement)


async def test_what_waits_and_what_it_keeps_are_compared_both_ways(pair):
    [receipt, _] = [await pair.quarantined("r1"), await pair.quarantined("r2")]
    assert wrong(pair, waiting.check) == {}  # It is on its way: the relay has it.
    await tamper(pair.intake, "DELETE FROM unpublished")
    assert wrong(pair, waiting.check) == {"events that wait and keep nothing from disposal": 2}
    await pair.to_retention()
    assert wrong(pair, waiting.check) == {}
    await tamper(
        pair.retention, f"INSERT INTO parked VALUES ('{NOBODY}', '{NOBODY}', 'field_missing', clock_timestamp())"
    )
    assert wrong(pair, waiting.check) == {"subjects kept from disposal by nothing": 1}
    assert wrong(pair, waiting.check, moving=[NOBODY]) == {}
    await tamper(pair.intake, f"UPDATE quarantine SET state = 'resolved' WHERE receipt_id = '{receipt}'")
    found = wrong(pair, waiting.check, moving=[NOBODY])
    assert found == {"subjects kept from disposal by what waits no more": 1}


async def test_a_discard_is_judged_again_by_what_was_written_down(pair):
    receipt = await pair.quarantined(unit="Barking")
    await pair.order(receipt)
    await pair.execute()
    await pair.to_intake()
    await pair.to_retention()
    assert wrong(pair, discards.check) == {}
    assert wrong(pair, waiting.check) == {}
    assert not {what for what in wrong(pair, shredded.check) if "arrival" in what or "quarantined" in what}
    await tamper(pair.retention, "UPDATE disposal_order SET execute_from = execute_from + 1")
    assert wrong(pair, discards.check) == {"discards without an order, or before its cooling-off was over": 1}


async def test_what_should_be_gone_and_is_there_and_the_other_way_round_is_found(pair):
    receipt = await pair.quarantined()
    await tamper(pair.intake, f"UPDATE quarantine SET state = 'discarded' WHERE receipt_id = '{receipt}'")
    found = wrong(pair, shredded.check)
    assert found["discarded arrivals with content left"] == 1
    assert found["arrivals discarded without a disposal's notice"] == 1
    await tamper(pair.intake, "UPDATE quarantine SET state = 'open', body_id = NULL")
    assert wrong(pair, shredded.check)["quarantined items without their sealed body"] == 1
    async with transaction(pair.intake) as connection:
        await take(connection, Topic(9).of(captured("sound")))
        await (await driver(connection)).execute("SELECT shred($1, $2, NULL, $3)", NOBODY, receipt, NOW)
    assert wrong(pair, shredded.check)["arrivals shredded and not discarded"] == 1


async def test_a_letter_without_its_review_date_is_found(pair):
    statement = """
        WITH made AS (INSERT INTO dead_letter (at, cluster, topic, incarnation, part, "offset", reason, mac, body_id)
            VALUES (clock_timestamp() - interval '1 hour', 'c', 't', 'i', 0, 0, 'defect', '', 0) RETURNING letter_id)
        INSERT INTO letter_state (letter_id) SELECT letter_id FROM made"""
    await tamper(pair.retention, statement)
    assert wrong(pair, waiting.check) == {"dead letters without a review date": 1}
