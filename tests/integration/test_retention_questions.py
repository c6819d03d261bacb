"""What a small batch asks of the database: few questions, whatever it carries, and no other answers than before."""

import asyncio
from contextlib import asynccontextmanager
from hashlib import sha256

from services.retention.actions.settle import settle
from services.retention.actions.take_in import fresh, take_in
from services.retention.storage import facts as stored
from shared.db import driver, transaction
from tests.make_facts import PACK
from tests.make_registered import NOW, contact, record_state, suspect, uid

TAKING_IN_MAX, SETTLING_MAX = 3, 9


@asynccontextmanager
async def counting(connection):
    """Count the statements that a connection is asked."""
    asked: list[str] = []

    def heard(query):
        if "typeinfo_tree" not in query.query and "current_setting('jit')" not in query.query:  # The driver's own.
            asked.append(query.query)

    raw = await driver(connection)
    raw.add_query_logger(heard)
    try:
        yield asked
    finally:
        raw.remove_query_logger(heard)


async def rows(connection, statement):
    return [tuple(row) for row in await (await driver(connection)).fetch(statement)]


async def test_a_small_batch_is_taken_in_and_settled_in_few_statements(retention_connection):
    events = [record_state(f"r{n}", links=[suspect(f"p{n // 3}")]) for n in range(24)]
    async with counting(retention_connection) as asked:
        made = await take_in(retention_connection, [fresh(event, PACK) for event in events], NOW)
    assert len(asked) <= TAKING_IN_MAX, asked

    async with counting(retention_connection) as asked:
        settled = await settle(retention_connection, PACK, NOW, made)
    assert (settled.done, settled.written) == (settled.claimed, 24)
    assert len(asked) <= SETTLING_MAX, asked


async def test_what_seals_rows_is_a_row_of_the_ledger_like_any_other(retention_connection):
    made = await take_in(retention_connection, [fresh(each, PACK) for each in (record_state(), contact())], NOW)
    await settle(retention_connection, PACK, NOW, made)

    sealing = await rows(retention_connection, "SELECT log_id, salt, payload, digest, version FROM log")
    assert sealing
    for log_id, salt, payload, digest, count in sealing:
        assert log_id < 0
        assert digest == sha256(salt + payload).digest()
        assert len(payload) == 32 * count
    queued = await rows(retention_connection, "SELECT log_ids FROM unsealed ORDER BY queue_id")
    assert [log_ids for (log_ids,) in queued] == [[row[0]] for row in sorted(sealing, reverse=True)]
    assert not await rows(retention_connection, "SELECT FROM unpublished")


async def test_a_record_that_another_makes_meanwhile_has_one_key(retention_engine):
    wanted = sorted(uid(f"r{n}") for n in range(3))
    async with transaction(retention_engine) as first, transaction(retention_engine) as second:
        mine, _ = await stored.keys(first, wanted[:2], wanted[:1])
        waiting = asyncio.ensure_future(stored.keys(second, wanted[1:], wanted[:1]))
        done, _ = await asyncio.wait([waiting], timeout=0.2)
        assert not done
        await (await driver(first)).execute("COMMIT; BEGIN")
        records, nominals = await waiting
    assert records.of[wanted[1]] == mine.of[wanted[1]]
    assert records.made == frozenset(wanted[1:])
    assert len(nominals.of) == 1
