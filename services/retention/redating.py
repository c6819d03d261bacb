"""Goes by the pack in force, and brings schedules to it chunk by chunk, beside everything else."""

import asyncio
import logging

from services.retention.actions.redate import chunk, follow
from services.retention.lifecycle_agents import Lifecycle
from services.retention.settler import Settler
from services.retention.storage import redate
from shared.clock import policy_day, wall_clock
from shared.crash import crash_point
from shared.db import transaction
from shared.policy import Pack

log = logging.getLogger(__name__)

REDATE_SECONDS = 1
CHUNKS_MAX = 500  # Then the next tick goes on.


class Redater:
    """What a process reads its pack from, and whom it tells of another."""

    def __init__(self, settler: Settler, life: Lifecycle) -> None:
        self.settler, self.life = settler, life
        self.worker = settler.worker
        self.file: Pack = settler.pack
        self.starting = True

    async def turn(self) -> None:
        """Go by the pack in force, and bring schedules to it."""
        await self.follow()
        await self.redate()

    async def follow(self) -> None:
        """Go by the pack in force; where the file's day has come, it comes into force."""
        now = wall_clock()
        async with transaction(self.worker.engine) as connection:
            today = await policy_day(connection, now, self.file.zone)
            pack = await follow(connection, self.file, today, now, starting=self.starting)
            left = await redate.left(connection)
        self.starting = False
        if pack.hash != self.settler.pack.hash:
            said = {"action": "pack_in_force", "pack": pack.hash}
            log.info("Another pack is in force: %s.", pack.id, extra=said)
        self.settler.pack = self.life.pack = pack
        self.worker.tells["pack_in_force"] = pack.hash
        self.worker.tells["redating"] = {"items_left": left.items, "records_looked_at": left.looked}

    async def redate(self) -> None:
        """Bring what is left to the pack in force, one chunk a transaction."""
        for _ in range(CHUNKS_MAX):
            async with transaction(self.worker.engine) as connection:
                did = await chunk(connection, self.settler.pack, wall_clock())
                crash_point("before_redate_commit")
            if did is None:
                return
            if did.moved:
                self.settler.announcer.wake.set()
            await asyncio.sleep(0)


def attach(settler: Settler, life: Lifecycle) -> None:
    """Register it."""
    redater = Redater(settler, life)
    settler.worker.tick("redate", REDATE_SECONDS, redater.turn)
