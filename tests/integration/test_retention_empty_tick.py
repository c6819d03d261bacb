"""A tick that finds nothing reads nothing, on a real PostgreSQL that plans as for a worker: by partial index."""

import asyncio
import re
from datetime import date

import psycopg
import pytest

from benchmarks.estate import indexes
from services.retention.actions import due
from services.retention.domain.lifecycle import IN_HAND
from services.retention.storage import looking, measures
from shared.db import BY_KEY, driver, transaction
from tests.make_facts import PACK
from tests.make_lifecycle import REAL, own_engines, take
from tests.make_registered import record_state

TODAY = date(2040, 1, 1)
# The end of a look at a whole part: no index, or the primary key from its beginning to its end.
_WHOLE = re.compile(r"Seq Scan on schedule_\d+|Scan using schedule_\d+_pkey on [^\n]*\n(?! *Index Cond)")


def judged(statement):
    return "schedule" in statement


_INDEXES = """
SELECT i.relname, pg_get_indexdef(x.indexrelid), x.indisvalid,
    (SELECT count(*) FROM pg_inherits p WHERE p.inhparent = i.oid)
FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid WHERE x.indrelid = 'retention.schedule'::regclass ORDER BY 1"""


@pytest.fixture
async def engine(database):
    async with own_engines(database) as (worker, _):
        yield worker


async def tick(connection):
    await due.tick(connection, PACK, TODAY, REAL)


async def tick_for_one(connection):
    """Let a tick look everywhere: of what waits one row is enough."""
    await (await driver(connection)).execute(
        "INSERT INTO person_schedule (nominal_key, root, by_age, review_on) VALUES (-1, -1, false, '2000-01-01')"
    )
    await tick(connection)


async def finish(connection):
    await due.finish(connection, REAL)


async def measure(connection):
    await measures.read(connection, TODAY, REAL)


async def said_by(connection, work):
    said = []
    with (await driver(connection)).query_logger(lambda record: said.append(record.query)):
        await work(connection)
    await asyncio.sleep(0)  # The last is told of in the loop's next turn.
    return said


async def plan(raw, statement):
    """Give the plan that stands for every parameter."""
    await raw.execute(f"PREPARE said AS {statement}")
    values = ", ".join(["NULL"] * len(set(re.findall(r"\$\d+", statement))))
    rows = await raw.fetch(f"EXPLAIN EXECUTE said{f'({values})' if values else ''}")
    await raw.execute("DEALLOCATE said")
    return "\n".join(row[0] for row in rows)


async def plans(engine, work):
    """Run it as a worker does; gives the plans of its statements on schedules."""
    async with transaction(engine) as connection:
        raw = await driver(connection)
        for name, value in BY_KEY.items():
            await raw.execute(f"SET LOCAL {name} = '{value}'")
        return [await plan(raw, each) for each in await said_by(connection, work) if judged(each)]


@pytest.mark.parametrize(("work", "count"), [(tick, 1), (tick_for_one, 9), (measure, 2)])
async def test_nothing_due_is_found_by_index(engine, work, count):
    found = await plans(engine, work)
    assert len(found) >= count
    assert [each for each in found if _WHOLE.search(each)] == []


@pytest.mark.parametrize(
    "there",
    [
        "UPDATE schedule SET open_on = $1",
        *(f"UPDATE schedule SET lifecycle = '{state}' WHERE $1::date > '0001-01-01'" for state in IN_HAND),
        "UPDATE schedule SET review_on = $1",
        "INSERT INTO person_schedule (nominal_key, root, by_age, review_on) VALUES (-1, -1, false, $1)",
        "INSERT INTO review_wanted (record_key, cause, at) SELECT record_key, 'withdrawn', $1 FROM schedule",
        """INSERT INTO review (review_id, record_key, n, kind, cause, basis, pack, due_on, requested_at, checked_at)
        SELECT gen_random_uuid(), record_key, 1, 'backstop', 'backstop', '', '', $1, '2028-01-01', '2028-01-01'
        FROM schedule""",
    ],
)
async def test_a_tick_sees_each_thing_that_it_may_have_to_do(engine, there):
    await take(engine, record_state())  # It falls due in 2028, and is looked at again in 2032 at the latest.
    before = date(2028, 7, 1)
    async with transaction(engine) as connection:
        assert not (await looking.look(connection, REAL, before, before)).anything
        await (await driver(connection)).execute(there, before)
        assert (await looking.look(connection, REAL, before, before)).anything


async def test_an_empty_tick_says_little(engine):
    async with transaction(engine) as connection:
        assert len(await said_by(connection, tick)) == 1
        assert len(await said_by(connection, tick_for_one)) == 12
        assert len(await said_by(connection, finish)) == 1


async def test_an_estates_schedules_get_all_their_indexes_back(engine, database):
    admin = f"{database[0].rpartition('/')[0]}/{engine.url.database}?options=-csearch_path%3Dretention"
    with psycopg.connect(admin, autocommit=True) as data:
        before = data.execute(_INDEXES).fetchall()
        with indexes.without(admin, ["schedule"]):
            assert len(data.execute(_INDEXES).fetchall()) == 1  # The primary key.
        assert data.execute(_INDEXES).fetchall() == before
    assert {row[2:] for row in before} == {(True, 16)}
