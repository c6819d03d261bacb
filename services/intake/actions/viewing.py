"""Show content to somebody with a purpose: logged and committed first, then shown; refused and logged otherwise."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncEngine

from services.intake.actions.cases import Desk
from services.intake.storage import records
from shared.bodies import open_body
from shared.db import Connection, transaction
from shared.errors import Forbidden, NotFound
from shared.events import ACCESS, ContentRefused, ContentViewed, encode
from shared.log import Entry, put


class Wanted(NamedTuple):
    """Who wants to see which parts of what, and why."""

    record_id: UUID
    actor: str
    roles: frozenset[str]
    purpose: str
    reference: str
    task_id: UUID | None
    parts: Sequence[str]


async def view(engine: AsyncEngine, desk: Desk, wanted: Wanted, now: datetime) -> dict[str, Any]:
    """Give the content, once the log of the view is durable; `Forbidden` where the pack's table does not allow it."""
    async with transaction(engine) as connection:
        body, allowed = await _log(connection, desk, wanted, now)
    if not allowed:
        message = "The policy pack does not let your role see such a record for this purpose; the attempt is logged."
        raise Forbidden(message, "purpose_not_allowed")
    if body is None:
        raise NotFound("This content is no longer held: it was disposed of.")
    async with transaction(engine) as connection:
        state = msgspec.json.decode(await open_body(connection, desk.keys, body))
    content = state.get("content", {})
    chosen = {part: content[part] for part in wanted.parts if part in content} if wanted.parts else content
    return {"record_id": wanted.record_id, "content": chosen}


async def _log(connection: Connection, desk: Desk, wanted: Wanted, now: datetime) -> tuple[int | None, bool]:
    row = await records.one(connection, wanted.record_id)
    if row is None:
        raise NotFound("No record with this id came in; compute it as docs/ids.md says.")
    record_type = (msgspec.json.decode(row["metadata"]) if row["metadata"] else {}).get("record_type")
    allowed = any(desk.pack.may_view(wanted.purpose, role, record_type) for role in wanted.roles)
    parts = tuple(wanted.parts)
    await records.log_access(
        *(connection, now, wanted.record_id, wanted.actor, wanted.purpose, wanted.reference, wanted.task_id),
        *(list(parts), allowed),
    )
    kind = ContentViewed if allowed else ContentRefused
    told = kind(wanted.record_id, wanted.actor, wanted.purpose, (), now, row["version"])
    await put(
        connection,
        [Entry(ACCESS, str(wanted.record_id), told.type, wanted.record_id, row["version"], encode(told))],
        now,
    )
    return row["body_id"], allowed
