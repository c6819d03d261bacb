"""Moves the live keys of older epochs into the newest, set by set; it may be killed at any moment and repeated."""

import asyncio
import logging

from rich.console import Console
from sqlalchemy.ext.asyncio import AsyncEngine

from shared import epochs
from shared.crash import crash_point
from shared.db import BY_KEY, connect, driver, persist, transaction
from shared.keys import Keys
from tools.adapters.progress import stage

log = logging.getLogger(__name__)

KEYS_PER_SET = 2_000
WAIT_SECONDS = 0.2
WAITS_MAX = 50  # Keys that others hold for longer than this are left, and said.


async def rewrap(service: str, url: str, keys: Keys, console: Console) -> int:
    """Re-wrap all that is left under older epochs of one service; gives how many keys are left all the same."""
    engine = connect(url, name=f"{service}-rewrap", pool_size=1, **BY_KEY)
    try:
        async with transaction(engine) as connection:
            still = [each.epoch for each in await epochs.listed(connection) if each.state == "open"]
        if len(still) < 2:
            console.print(f"{service}: epoch {still[0]} is the only one; there is nothing to move.", highlight=False)
        return sum([await _empty(engine, service, keys, epoch, console) for epoch in still[:-1]])
    finally:
        await engine.dispose()


async def _empty(engine: AsyncEngine, service: str, keys: Keys, epoch: int, console: Console) -> int:
    """Move set after set; a pass ends at the last key, and one that finds none from the first on is the last."""
    after, waits = 0, 0
    with stage(console, f"{service} epoch {epoch}", await _left(engine, epoch)) as advance:
        while waits < WAITS_MAX:
            moved, last = await _one_set(engine, keys, epoch, after)
            advance(moved)
            if last is not None:
                after = last
            elif after:
                after = 0
            elif await _left(engine, epoch):
                waits += 1
                await asyncio.sleep(WAIT_SECONDS)
            else:
                return 0
    return await _left(engine, epoch)


async def _left(engine: AsyncEngine, epoch: int) -> int:
    async with transaction(engine) as connection:
        found: int = await (await driver(connection)).fetchval("SELECT count(*) FROM body_key WHERE epoch = $1", epoch)
    return found


async def _one_set(engine: AsyncEngine, keys: Keys, epoch: int, after: int) -> tuple[int, int | None]:
    async def work() -> tuple[int, int | None]:
        async with transaction(engine) as connection:
            done = await epochs.rewrap(connection, keys, epoch, after, KEYS_PER_SET)
            crash_point("before_rewrap_commit")
        return done

    def told(error: BaseException, delay: float) -> None:
        log.warning("The database does not answer (%s); trying again in %.1f s.", type(error).__name__, delay)

    return await persist(work, told)
