"""What a worker does for the epochs: makes the key of one asked for and begins it, and destroys that of one ended."""

import asyncio
import logging

from sqlalchemy.ext.asyncio import AsyncEngine

from shared import epochs
from shared.clock import wall_clock
from shared.db import transaction
from shared.keys import Keys

log = logging.getLogger(__name__)

TURN_SECONDS = 5


class EpochTurn:
    """Follows what people decided, step by step; whatever a kill leaves undone the next turn does."""

    def __init__(self, engine: AsyncEngine, service: str, keys: Keys) -> None:
        self._engine, self._service, self._keys = engine, service, keys
        self._looked = False

    async def turn(self) -> None:
        """Begin what was asked for, destroy what has ended, and forget it."""
        async with transaction(self._engine) as connection:
            known = await epochs.listed(connection)
        for epoch in known:
            if epoch.state == "asked":
                await self._begin(epoch.epoch)
            elif epoch.state == "ended" or (epoch.state == "destroyed" and not self._looked):
                await self._destroy(epoch.epoch)
        self._keys.forget_before(min(epoch.epoch for epoch in known if epoch.state == "open"))
        self._looked = True  # At the start the destroyed ones too: a restored folder may have brought them back.

    async def _begin(self, epoch: int) -> None:
        """The key first, then the partition: an epoch that has begun has a key."""
        assert self._keys.store is not None, "a worker has its store"
        await asyncio.to_thread(self._keys.store.make, epoch)
        await self._keys.wrapper(epoch)
        async with transaction(self._engine) as connection:
            if await epochs.begin(connection, self._service, epoch, wall_clock()):
                said = {"action": "epoch_begun", "epoch": epoch}
                log.info("Epoch %s has begun: new content is sealed under it.", epoch, extra=said)

    async def _destroy(self, epoch: int) -> None:
        """The key first, then the word that it is gone: what is said to be gone is gone."""
        assert self._keys.store is not None, "a worker has its store"
        self._keys.epochs.pop(epoch, None)
        await asyncio.to_thread(self._keys.store.destroy, epoch)
        async with transaction(self._engine) as connection:
            if await epochs.destroyed(connection, self._service, self._keys, epoch, wall_clock()):
                said = {"action": "epoch_destroyed", "epoch": epoch}
                log.info("The key of epoch %s is destroyed: what was wrapped under it is noise.", epoch, extra=said)
