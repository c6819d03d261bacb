"""Holds an estate against the rules: records drawn at random are settled again from their facts, and none may move."""

import random
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.estate import filling
from benchmarks.estate.facts import NOW
from services.retention.actions.settle import settle
from services.retention.storage import marks
from shared.db import connect, driver, transaction
from tools.stack.errors import StackError

if TYPE_CHECKING:
    from benchmarks.estate import Estate

AT_ONCE = 500


class Sampled(NamedTuple):
    """What was derived anew."""

    records: int
    persons: int


async def sample(estate: "Estate", count: int) -> Sampled:
    """Settle records and their persons from their facts; refuse an estate in which that changes anything."""
    keys = random.Random(estate.records).sample(range(1, estate.records + 1), min(count, estate.records))
    pack, engine = filling.pack_of(), connect(estate.engine_url, name="estate", pool_size=3)
    looked = 0
    try:
        for at in range(0, len(keys), AT_ONCE):
            async with transaction(engine) as connection:
                made = await marks.mark_with_persons(connection, keys[at : at + AT_ONCE], [])
                settled = await settle(connection, pack, NOW, made, limit=len(made))
                left = await (await driver(connection)).fetchval("SELECT count(*) FROM dirty")
            if settled.written or left or settled.done != len(made):
                raise StackError(f"The estate is not what its facts say: {settled.written} of {AT_ONCE} records move.")
            looked += len(made)
        async with transaction(engine) as connection:
            raw = await driver(connection)
            if await raw.fetchval("SELECT count(*) FROM person_schedule WHERE version > 1"):
                raise StackError("The estate is not what its facts say: persons move.")
    finally:
        await engine.dispose()
    return Sampled(len(keys), looked - len(keys))
