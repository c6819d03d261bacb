"""Holds an estate against the rules: records drawn at random are settled again from their facts, and none may move."""

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy.ext.asyncio import AsyncEngine

from benchmarks.estate import filling
from benchmarks.estate.facts import NOW
from services.retention.actions.settle import Bounds, settle
from services.retention.storage import marks
from shared.db import Connection, connect, driver, transaction
from tools.stack.errors import StackError

if TYPE_CHECKING:
    from benchmarks.estate import Estate

AT_ONCE = 500
_LEFT = (
    "SELECT (SELECT count(*) FROM dirty), (SELECT count(*) FROM person_schedule WHERE xmin = pg_current_xact_id()::xid)"
)


class Sampled(NamedTuple):
    """What was derived anew."""

    records: int
    persons: int


class _Looked(Exception):
    """Takes back what was only looked at."""


@asynccontextmanager
async def _undone(engine: AsyncEngine) -> AsyncIterator[Connection]:
    with suppress(_Looked):
        async with transaction(engine) as connection:
            yield connection
            raise _Looked


async def sample(estate: "Estate", count: int) -> Sampled:
    """Settle records and their persons from their facts; refuse an estate in which that changes anything."""
    keys = random.Random(estate.records).sample(range(1, estate.records + 1), min(count, estate.records))
    pack, engine = filling.pack_of(), connect(estate.engine_url, name="estate", pool_size=3)
    looked = 0
    try:
        for at in range(0, len(keys), AT_ONCE):
            async with _undone(engine) as connection:
                made = await marks.mark_with_persons(connection, keys[at : at + AT_ONCE], [])
                settled = await settle(connection, pack, NOW, made, bounds=Bounds(len(made)))
                left, moved = await (await driver(connection)).fetchrow(_LEFT) or (0, 0)
            if settled.written or left or moved or settled.done != len(made):
                raise StackError(f"The estate is not what its facts say: {settled.written + moved} of {AT_ONCE} move.")
            looked += len(made)
    finally:
        await engine.dispose()
    return Sampled(len(keys), looked - len(keys))
