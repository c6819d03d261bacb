"""Settles what batches marked as soon as they have committed: the marks of all that came meanwhile, at once."""

import asyncio
import random
from collections.abc import Sequence

from mode import Service

from services.retention.actions.lately import Lately
from services.retention.actions.settle import MARKS_MAX, Bounds, Settled, settle
from services.retention.announcer import Announcer
from shared.clock import wall_clock
from shared.crash import crash_point
from shared.db import transaction, transient
from shared.worker import Worker

TRIES_MAX = 4
MISSED_SECONDS_MAX = 0.02
LEFT_SECONDS = 0.25  # What was marked later is in somebody's hands, and would be missed there.
LEFT = Bounds(waited=LEFT_SECONDS)
WAITING_MAX = 20 * MARKS_MAX  # Beyond this the tick finds them in the table.


class Settler(Service):  # type: ignore[misc]
    """One after another, so that this process never misses its own locks; a crash leaves the marks to the tick."""

    def __init__(self, worker: Worker, announcer: Announcer) -> None:
        super().__init__(beacon=worker.app.beacon)
        self.worker, self.announcer = worker, announcer
        self.waiting: list[int] = []
        self.lately = Lately()
        self.wake = asyncio.Event()

    def take(self, marks: Sequence[int]) -> None:
        """Take marks that are committed, to be settled next."""
        if len(self.waiting) < WAITING_MAX:
            self.waiting.extend(marks)
        self.wake.set()

    def behind(self) -> bool:
        """Say whether more waits than is settled at once: a back-load is then not to go on."""
        return len(self.waiting) > MARKS_MAX

    @Service.task  # type: ignore[untyped-decorator]
    async def _settling(self) -> None:
        while not self.should_stop:
            await self.wait(self.wake)
            self.wake.clear()
            while self.waiting and not self.should_stop:
                these, self.waiting = self.waiting[:MARKS_MAX], self.waiting[MARKS_MAX:]
                await self._at_once(these)

    async def _at_once(self, these: Sequence[int]) -> None:
        """Try a few times: most of what is missed is somebody else's for milliseconds."""
        for _ in range(TRIES_MAX):
            settled = await self.round(these)
            if settled.done == settled.claimed:
                return
            await self.pause()

    async def pause(self) -> None:
        """Wait a moment at random: whoever missed each other's locks should not meet again."""
        await asyncio.sleep(random.uniform(0, MISSED_SECONDS_MAX))  # noqa: S311

    async def round(self, these: Sequence[int] | None = None) -> Settled:
        """Settle these, or what was left, once. A database that is away leaves the marks to the tick."""
        try:
            async with transaction(self.worker.engine) as connection:
                pack = await self.worker.packs.current(connection)
                settled = await settle(connection, pack, wall_clock(), these, bounds=LEFT, lately=self.lately)
                crash_point("before_settle_commit")
        except Exception as error:
            if not transient(error):
                raise
            return Settled(0, 0, 0)
        if settled.written:
            self.announcer.wake.set()
        return settled
