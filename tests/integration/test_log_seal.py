"""The log and its ledger: every row one leaf, every head signed, nothing ever changed, and what is shredded is gone."""

from datetime import timedelta
from hashlib import sha256
from uuid import uuid4

import asyncpg
import pytest

from services.intake.actions.following import shred
from services.intake.actions.take_in import take_in
from shared import ledger
from shared.bodies import open_body
from shared.db import connect, driver, transaction
from shared.errors import NotFound
from shared.events import DisposalExecuted
from shared.ledger import Tree, seal, signed_bytes
from shared.log import Entry, draw, put
from tests.make_arrivals import DESK, KEYS, NOW, TODAY, Topic, captured, uid

LEAVES = "SELECT leaf_index, log_id, digest FROM leaf ORDER BY leaf_index"


def entries(count, topic="records.registered.v1"):
    return [Entry(topic, f"k{n}", "tenure.tests.told.v1", uuid4(), 1, b"payload %d" % n) for n in range(count)]


async def fetch(connection, query, *values):
    return await (await driver(connection)).fetch(query, *values)


async def emptied(connection):
    """Seal whatever other tests committed, heads of heads included."""
    while await seal(connection, "intake", KEYS.ledger, NOW):
        pass
    return len(await fetch(connection, LEAVES))


async def test_every_row_of_the_log_is_one_leaf_and_sealing_twice_adds_nothing(intake_connection) -> None:
    before = await emptied(intake_connection)
    ids = [*await put(intake_connection, entries(5), NOW), *await put(intake_connection, entries(3, None), NOW)]
    assert all(log_id > 0 for log_id in ids[:5])
    assert all(log_id < 0 for log_id in ids[5:]), "rows without a topic are kept for ever"
    assert await seal(intake_connection, "intake", KEYS.ledger, NOW) == 8
    assert await seal(intake_connection, "intake", KEYS.ledger, NOW) == 1, "the published head is a row of the log too"
    assert await seal(intake_connection, "intake", KEYS.ledger, NOW) == 0, "and its own head calls for no other"
    leaves = await fetch(intake_connection, LEAVES)
    assert [row["leaf_index"] for row in leaves] == list(range(len(leaves)))
    assert [row["log_id"] for row in leaves[before : before + 8]] == ids
    logged = await fetch(intake_connection, "SELECT log_id, digest, salt, payload FROM log")
    assert {row["log_id"]: row["digest"] for row in logged} == {row["log_id"]: row["digest"] for row in leaves}
    assert all(sha256(row["salt"] + row["payload"]).digest() == row["digest"] for row in logged)


async def test_a_turn_seals_no_more_than_it_may_hold_in_memory(intake_connection, monkeypatch) -> None:
    monkeypatch.setattr(ledger, "LEAVES_MAX", 3)
    before = await emptied(intake_connection)
    ids = [log_id for _ in range(3) for log_id in await put(intake_connection, entries(2), NOW)]

    assert await seal(intake_connection, "intake", KEYS.ledger, NOW) == 4, "rows of the queue are taken whole"
    assert await seal(intake_connection, "intake", KEYS.ledger, NOW) == 3, "the rest, and the first head"

    leaves = await fetch(intake_connection, LEAVES)
    assert [row["log_id"] for row in leaves[before : before + 6]] == ids


async def test_each_head_is_that_of_its_leaves_and_signed(intake_connection) -> None:
    for count in (1, 4, 2):
        await put(intake_connection, entries(count), NOW)
        await seal(intake_connection, "intake", KEYS.ledger, NOW + timedelta(seconds=count))
    leaves = [row["digest"] for row in await fetch(intake_connection, LEAVES)]
    heads = await fetch(intake_connection, "SELECT * FROM head ORDER BY tree_size")
    assert len(heads) >= 3
    for head in heads:
        tree = Tree()
        tree.grow(leaves[: head["tree_size"]])
        assert (tree.root, b"".join(tree.peaks)) == (head["root"], head["frontier"])
    for head in heads[-3:]:
        told = signed_bytes("intake", head["tree_size"], head["root"], head["at"])
        KEYS.ledger.public_key().verify(head["signature"], told)


async def test_two_sealers_never_seal_the_same_rows(worker_url, intake_connection) -> None:
    await put(intake_connection, entries(2), NOW)
    assert await seal(intake_connection, "intake", KEYS.ledger, NOW) >= 2
    engine = connect(worker_url("intake"), name="tests", pool_size=1)
    async with transaction(engine) as other:
        assert await seal(other, "intake", KEYS.ledger, NOW) == 0, "the first holds the lock until it commits"
    await engine.dispose()


async def test_an_id_drawn_early_is_the_one_that_is_used(intake_connection) -> None:
    drawn = [await draw(intake_connection) for _ in range(2)]
    assert await put(intake_connection, entries(2, None), NOW, drawn) == drawn
    assert await put(intake_connection, [], NOW) == []


async def test_the_queue_keeps_the_order_of_writing_by_shard(intake_connection) -> None:
    ids = await put(intake_connection, entries(20), NOW) + await put(intake_connection, entries(20), NOW)
    shards = {row["log_id"]: row["shard"] for row in await fetch(intake_connection, "SELECT log_id, shard FROM log")}
    queued: dict[int, list[int]] = {}
    for row in await fetch(intake_connection, "SELECT shard, log_ids FROM unpublished ORDER BY queue_id"):
        queued.setdefault(row["shard"], []).extend(each for each in row["log_ids"] if each in set(ids))
    for shard, listed in queued.items():
        assert listed == [log_id for log_id in ids if shards[log_id] == shard]


@pytest.mark.parametrize("table", ["log", "leaf", "head", "body_key", "record_state", "further_receipt", "access"])
@pytest.mark.parametrize("kind", ["worker", "api"])
async def test_what_is_written_is_never_changed_or_deleted_by_a_role_that_runs(worker_url, kind, table) -> None:
    engine = connect(worker_url("intake", kind), name="tests", pool_size=1)
    query = "SELECT attname FROM pg_attribute WHERE attrelid = $1::regclass AND attnum = 2"
    try:
        async with engine.connect() as connection:
            raw = await driver(connection)
            column = await raw.fetchval(query, f"intake.{table}")
            for statement in (f"UPDATE {table} SET {column} = {column}", f"DELETE FROM {table}", f"TRUNCATE {table}"):
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await raw.execute(statement)
    finally:
        await engine.dispose()


async def test_shredding_needs_a_disposal_and_leaves_no_body_and_no_key(intake_connection) -> None:
    topic, disposal = Topic(), uuid4()
    await take_in(intake_connection, DESK, topic.batch(captured(), captured(sequence=2, unit="B")), NOW, TODAY)
    await take_in(intake_connection, DESK, [topic.of(captured("r2"))], NOW, TODAY)
    raw = await driver(intake_connection)
    with pytest.raises(asyncpg.RaiseError, match="disposal"):
        async with raw.transaction():
            await raw.fetchval("SELECT shred(NULL, $1, 2, $2)", uid(), NOW)
    bodies = [row[0] for row in await raw.fetch("SELECT body_id FROM record_state ORDER BY 1")]
    notice = DisposalExecuted(disposal, uid(), None, 2, NOW, TODAY)
    assert await shred(intake_connection, KEYS, [notice, notice], NOW, {}) == 2, "a repeat confirms again"
    for gone in bodies[:2]:
        with pytest.raises(NotFound, match="disposed of"):
            await open_body(intake_connection, KEYS, gone)
    assert b"a window was broken" in await open_body(intake_connection, KEYS, bodies[2])
    for table in ("body", "body_key"):
        assert await raw.fetchval(f"SELECT count(*) FROM {table} WHERE body_id = ANY($1)", bodies[:2]) == 0
    record = await raw.fetchrow("SELECT executed_by, metadata FROM record WHERE record_uid = $1", uid())
    assert tuple(record) == (disposal, None)
    payloads = await raw.fetch("SELECT payload FROM log WHERE topic = 'records.disposal-receipts.v1'")
    assert [b'"bodies":2' in row[0] for row in payloads] == [True, True]


async def test_nothing_brings_a_shredded_record_back(intake_connection) -> None:
    topic = Topic()
    await take_in(intake_connection, DESK, [topic.of(captured())], NOW, TODAY)
    await shred(intake_connection, KEYS, [DisposalExecuted(uuid4(), uid(), None, 1, NOW, TODAY)], NOW, {})
    [again] = await take_in(intake_connection, DESK, [topic.of(captured(sequence=5))], NOW, TODAY)
    assert (again.outcome, again.reasons[0].code) == ("quarantined", "disposed")


async def test_who_never_had_a_record_says_so(intake_connection) -> None:
    await shred(intake_connection, KEYS, [DisposalExecuted(uuid4(), uuid4(), None, 1, NOW, TODAY)], NOW, {})
    [row] = await fetch(
        intake_connection, "SELECT payload FROM log WHERE type = 'tenure.disposal.confirmed.v1' ORDER BY log_id DESC"
    )
    assert b"never_had_it" in row["payload"]
