"""A request sent twice is done once: `Idempotency-Key` with the resulting id, and never the content."""

import re
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Annotated, NamedTuple

from fastapi import Depends, Request

from shared.db import Connection, driver
from shared.errors import Conflict, Invalid
from shared.http.inputs import _person

KEPT_FOR_MAX = timedelta(hours=24)
_LOCKS = 73_000  # The first half of the advisory lock: apart from the locks on subjects.

_FIND = "SELECT request_mac, result_id FROM idempotency WHERE key = $1 AND route = $2"
_KEEP = "INSERT INTO idempotency (key, route, request_mac, result_id, at) VALUES ($1, $2, $3, $4, $5)"


class Repeat(NamedTuple):
    """The sender's key of one request, on one route, and the MAC of who sent what."""

    key: str
    route: str
    mac: bytes


async def _repeat(request: Request) -> Repeat:
    key = request.headers.get("idempotency-key", "")
    if not re.fullmatch(r"[A-Za-z0-9._:-]{8,64}", key):
        message = (
            "Send an Idempotency-Key of 8 to 64 letters, digits or . _ : - so that sending again does nothing twice."
        )
        raise Invalid(message, "idempotency_key_required")
    route = f"{request.method} {request.url.path}"
    said = _person(request).subject.encode() + b"\n" + await request.body()
    return Repeat(key, route, request.app.state.edge.mac(said))


Idempotent = Annotated[Repeat, Depends(_repeat)]


async def once(connection: Connection, repeat: Repeat, now: datetime, work: Callable[[], Awaitable[str]]) -> str:
    """Do `work` unless this key did it within a day; gives its resulting id, and refuses another body under the key."""
    raw = await driver(connection)
    # A second sender of the key waits here until the first has committed, then sees its row.
    await raw.execute("SELECT pg_advisory_xact_lock($1, hashtext($2))", _LOCKS, f"{repeat.route}\n{repeat.key}")
    await raw.execute("DELETE FROM idempotency WHERE at < $1", now - KEPT_FOR_MAX)
    found = await raw.fetchrow(_FIND, repeat.key, repeat.route)
    if found is not None:
        if found["request_mac"] != repeat.mac:
            message = "This Idempotency-Key was used for another request within a day. Send this one under a new key."
            raise Conflict(message, "idempotency_key_reused")
        return str(found["result_id"])
    result = await work()
    await raw.execute(_KEEP, repeat.key, repeat.route, repeat.mac, result, now)
    return result
