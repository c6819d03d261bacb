"""The pack that a process goes by: the one in force at that moment, learnt while it runs."""

import logging
from collections.abc import Awaitable, Callable
from datetime import date
from functools import lru_cache
from hashlib import sha256
from typing import Any

from shared.batches import Batch
from shared.clock import monotonic, policy_day, wall_clock
from shared.db import Connection, driver
from shared.dead_letters import Letter, park
from shared.events import PolicyActivated
from shared.keys import Keys
from shared.policy import BadPack, Pack, read_pack
from shared.reading import read_messages

log = logging.getLogger(__name__)

IN_FORCE_SECONDS = 1.0
"""For so long a process may go on by the pack before, once its own database says another."""

_NEWEST = "SELECT pack_hash FROM in_force ORDER BY turn DESC LIMIT 1"
_TEXT = "SELECT text FROM policy WHERE pack_hash = $1"
_STORED = "SELECT pack_hash FROM policy WHERE effective_on <= $1 ORDER BY effective_on DESC, stored_at DESC LIMIT 1"
_STORE = "INSERT INTO policy VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING"
_ADD = "INSERT INTO in_force VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING"


Read = Callable[[Connection, str, Pack], Awaitable[Pack]]


class Packs:
    """What a process goes by: asked in each of its transactions, looked up in the database each second."""

    def __init__(self, file: Pack, tells: dict[str, Any] | None = None) -> None:
        self.file = self.pack = file
        self.read: Read = pack_of
        self._tells = {} if tells is None else tells
        self._looked: float | None = None

    async def current(self, connection: Connection) -> Pack:
        """Give the pack in force; it is at most `IN_FORCE_SECONDS` old."""
        if self._looked is None or monotonic() - self._looked >= IN_FORCE_SECONDS:
            await self.go_by(connection, await self._newest(connection))
        return self.pack

    async def go_by(self, connection: Connection, pack_hash: str) -> None:
        """Go by the pack that is in force."""
        if self._looked is None or pack_hash != self.pack.hash:
            self.pack = await self.read(connection, pack_hash, self.file)
            said = {"action": "pack_in_force", "pack": self.pack.hash}
            log.info("The pack in force is %s.", self.pack.id, extra=said)
        self._looked = monotonic()
        self._tells["pack_in_force"] = self.pack.hash

    async def _newest(self, connection: Connection) -> str:
        """Find what retention brought into force; before it has told of any, the file's from its first day on."""
        newest: str | None = await (await driver(connection)).fetchval(_NEWEST)
        if newest is not None:
            return newest
        today = await policy_day(connection, wall_clock(), self.file.zone)
        begun = self.file.effective_on <= today
        return self.file.hash if begun else await stored_by(connection, today) or self.file.hash


async def pack_of(connection: Connection, pack_hash: str, known: Pack) -> Pack:
    """Read a pack by its hash: the one at hand, else the stored one."""
    if pack_hash == known.hash:
        return known
    text = await text_of(connection, pack_hash)
    return _read(text, pack_hash) if text else known


@lru_cache(maxsize=8)
def _read(text: str, name: str) -> Pack:
    return read_pack(text.encode(), name)


async def text_of(connection: Connection, pack_hash: str) -> str | None:
    """Read a stored pack's text."""
    found: str | None = await (await driver(connection)).fetchval(_TEXT, pack_hash)
    return found


async def stored_by(connection: Connection, today: date) -> str | None:
    """Find the pack, of those stored, whose first day came last."""
    found: str | None = await (await driver(connection)).fetchval(_STORED, today)
    return found


async def take_policies(keys: Keys, connection: Connection, batch: Batch) -> None:
    """Take in what retention brought into force; a text that is not that pack, or that this code cannot read, waits."""
    now = wall_clock()
    told, letters = read_messages(batch, {PolicyActivated.type: PolicyActivated})
    raw = await driver(connection)
    for message, each in told:
        if reason := _unusable(each):
            letters.append(Letter(message, reason))
            continue
        await raw.execute(_STORE, each.pack, each.text, each.effective_on, now)
        await raw.execute(_ADD, each.version, each.pack, each.in_force_on, now)
    await park(connection, keys, batch, letters, now)


def _unusable(told: PolicyActivated) -> str | None:
    if sha256(told.text.encode()).hexdigest() != told.pack:
        return "not_the_pack"
    try:
        read_pack(told.text.encode(), told.pack)
    except BadPack:
        return "pack_unreadable"
    return None
