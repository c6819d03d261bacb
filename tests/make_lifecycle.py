"""A small estate that falls due, on a database of the test's own: for tests of holds, the gate and lifecycles."""

import secrets
from contextlib import asynccontextmanager
from datetime import date, timedelta

from services.retention.actions import due, execute
from services.retention.actions.settle import settle
from services.retention.actions.take_in import fresh, take_in
from services.retention.domain import Scope
from services.retention.storage.holds import NewHold
from shared.clock import wall_clock
from shared.db import connect, driver, transaction
from shared.ids import random_id
from tests import stack
from tests.make_facts import PACK
from tools.stack.settings import role_url

REAL = wall_clock()
DUE = date(2028, 8, 2)  # A burglary of 1 August 2022, nobody suspected, is kept for six years: the day after.
OPENS = DUE - timedelta(days=PACK.limits.cooling_off_days)


@asynccontextmanager
async def own_engines(database):
    """Give engines of the worker's and the API's role on a database of this test's own: transactions really commit."""
    admin, paths = database
    name = f"lifecycle_{secrets.token_hex(6)}"
    stack.clone(admin, name)
    server = f"{admin.rpartition('/')[0]}/{name}"
    worker, api = (
        connect(role_url(server, f"tenure_retention_{kind}", paths), name="tests") for kind in ("worker", "api")
    )
    try:
        yield worker, api
    finally:
        await worker.dispose()
        await api.dispose()


async def take(engine, *events, now=REAL, pack=PACK):
    """Take in events and settle all that they mark."""
    async with transaction(engine) as connection:
        await take_in(connection, [fresh(event, pack) for event in events], now)
    await settle_all(engine, now, pack)


async def settle_all(engine, now=REAL, pack=PACK):
    claimed = 1
    while claimed:
        async with transaction(engine) as connection:
            claimed = (await settle(connection, pack, now)).claimed


async def tick(engine, today, now=REAL, pack=PACK):
    async with transaction(engine) as connection:
        return await due.tick(connection, pack, today, now)


async def hear(engine, now=REAL):
    """Let every partition's watermark come in."""
    async with transaction(engine) as connection:
        raw = await driver(connection)
        await raw.execute(
            "INSERT INTO watermark SELECT n, $1 FROM generate_series(0, 7) n "
            "ON CONFLICT (partition) DO UPDATE SET upto = excluded.upto",
            now,
        )


async def carry_out(engine, today, now=REAL, pack=PACK, **more):
    async with transaction(engine) as connection:
        return await execute.execute(connection, pack, today, now, **more)


async def states(engine):
    """Give each record's lifecycle by id."""
    rows = await select(engine, "SELECT record_uid, lifecycle FROM schedule JOIN record USING (record_key)")
    return {row[0]: row[1] for row in rows}


async def select(engine, statement, *values):
    async with transaction(engine) as connection:
        return await (await driver(connection)).fetch(statement, *values)


def new_hold(**scope):
    sets = {name: frozenset(value) if isinstance(value, list | set | tuple) else value for name, value in scope.items()}
    return NewHold(random_id(), Scope(**sets), "Inquiries Act 2005", "moratorium", "D-RM1", date(2040, 1, 1), "D-RM1")
