"""Pause the back-load, and let it go on."""

from datetime import datetime

import msgspec

from services.intake.storage import backload
from services.intake.storage.backload import Switch
from shared.db import Connection
from shared.events import encode
from shared.ids import named
from shared.log import Entry, put

TURNED = "tenure.backload.turned.v1"
SUBJECT = named("backload\nintake")


class Turned(msgspec.Struct, frozen=True):
    """What the ledger keeps of a turned switch."""

    paused: bool
    by: str


async def turn(connection: Connection, paused: bool, by: str, now: datetime) -> Switch:
    """Pause the back-load or let it go on, and write down who did; safe to repeat."""
    version = await backload.turn(connection, paused, by, now)
    if version is not None:
        entry = Entry(None, "backload", TURNED, SUBJECT, version, encode(Turned(paused, by)))
        await put(connection, [entry], now)
    return await backload.read(connection)
