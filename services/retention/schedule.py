"""Time in: what batches left unsettled is settled each second; what stays unsettled is said."""

import logging
from datetime import timedelta

from services.retention.actions.settle import behind
from services.retention.settler import Settler
from services.retention.storage import early, measures
from shared.clock import policy_day, wall_clock
from shared.db import Connection, transaction
from shared.metrics import Reading
from shared.worker import Worker

log = logging.getLogger(__name__)

SETTLE_SECONDS = 1
ROUNDS_MAX = 50  # Then the next tick goes on.
BEHIND_SECONDS = 30
FORGET_SECONDS, FORGOTTEN_MAX = 60, 5_000
BEHIND_MAX = timedelta(minutes=1)


def attach(worker: Worker, settler: Settler) -> None:
    """Register what retention does by the clock."""

    async def settle_left() -> None:
        for _ in range(ROUNDS_MAX):
            if not (await settler.round()).done:
                return
            await settler.pause()

    async def say_behind() -> None:
        async with transaction(worker.engine) as connection:
            waited = await behind(connection, wall_clock())
        worker.tells["oldest_mark_seconds"] = int(waited.total_seconds())
        if waited > BEHIND_MAX:
            said = {"action": "settling_behind", "seconds": int(waited.total_seconds())}
            log.warning("Facts wait to be derived from; nothing is disposed of about their subjects.", extra=said)

    async def forget_who_came() -> None:
        async with transaction(worker.engine) as connection:
            await early.forget(connection, FORGOTTEN_MAX)

    async def measuring(connection: Connection) -> list[Reading]:
        now, pack = wall_clock(), await worker.packs.current(connection)
        return await measures.read(connection, await policy_day(connection, now, pack.zone), now)

    worker.measure(measuring)
    worker.tick("settle_left", SETTLE_SECONDS, settle_left)
    worker.tick("say_behind", BEHIND_SECONDS, say_behind)
    worker.tick("forget_who_came", FORGET_SECONDS, forget_who_came)
