"""What happened to records in retention's keeping, written to the log without a topic: the ledger has it for ever."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from shared.db import Connection
from shared.ids import named
from shared.log import Entry, put

MOVED = "tenure.lifecycle.moved.v1"
_SUBJECT = named("retention\nlifecycle")


class Moved(msgspec.Struct, frozen=True):
    """A set of records that something happened to, by key."""

    what: str
    why: str | None
    record_keys: Sequence[int]


async def moved(connection: Connection, what: str, record_keys: Sequence[int], why: str | None, now: datetime) -> None:
    """Write one log row for a set; nothing for an empty one."""
    if record_keys:
        payload = msgspec.json.encode(Moved(what, why, record_keys))
        await put(connection, [Entry(None, what, MOVED, _SUBJECT, len(record_keys), payload)], now)
