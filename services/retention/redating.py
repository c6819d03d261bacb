"""Goes by the pack in force, and brings schedules to it chunk by chunk, beside everything else."""

import asyncio
import logging

from services.retention.actions.redate import chunk, follow
from services.retention.settler import Settler
from services.retention.storage import redate
from shared.clock import policy_day, wall_clock
from shared.crash import crash_point
from shared.db import transaction

log = logging.getLogger(__name__)

REDATE_SECONDS = 1
CHUNKS_MAX = 500  # Then the next tick goes on.


class Redater:
    """Brings what this process starts with into force, and what was stored since."""

    def __init__(self, settler: Settler) -> None:
        self.settler, self.worker = settler, settler.worker
        self.starting = True

    async def turn(self) -> None:
        """Go by the pack in force, and bring schedules to it."""
        await self.follow()
        await self.redate()

    async def follow(self) -> None:
        """Go by the pack in force; where the file's day has come, it comes into force."""
        now, packs = wall_clock(), self.worker.packs
        async with transaction(self.worker.engine) as connection:
            today = await policy_day(connection, now, packs.file.zone)
            newest = await follow(connection, packs.file, today, now, starting=self.starting)
            await packs.go_by(connection, newest.pack_hash)
            left = await redate.left(connection)
        if self.starting and packs.file.effective_on < packs.pack.effective_on:
            said = {"action": "older_policy_file", "pack": packs.pack.hash}
            log.warning("The pack in force counts from a later day than this process's file.", extra=said)
        self.starting = False
        self.worker.tells["redating"] = {"items_left": left.items, "records_looked_at": left.looked}

    async def redate(self) -> None:
        """Bring what is left to the pack in force, one chunk a transaction."""
        for _ in range(CHUNKS_MAX):
            async with transaction(self.worker.engine) as connection:
                did = await chunk(connection, self.worker.packs.pack, wall_clock())
                crash_point("before_redate_commit")
            if did is None:
                return
            if did.moved:
                self.settler.announcer.wake.set()
            await asyncio.sleep(0)


def attach(settler: Settler) -> None:
    """Register it."""
    redater = Redater(settler)
    settler.worker.tick("redate", REDATE_SECONDS, redater.turn)
