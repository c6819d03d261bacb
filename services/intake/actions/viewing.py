"""Show content to somebody with a purpose: logged and committed first, then shown; refused and logged otherwise."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from asyncpg import Record
from sqlalchemy.ext.asyncio import AsyncEngine

from services.intake.actions import alerts, screening
from services.intake.actions.cases import Desk, Desks
from services.intake.domain.access import REFERENCE_MISSING, Asked, Verdict, judge
from services.intake.domain.screening import Looker
from services.intake.storage import access, records
from shared.bodies import open_body
from shared.crash import crash_point
from shared.db import Connection, transaction
from shared.errors import Forbidden, Invalid, NotFound
from shared.events import ACCESS, ContentRefused, ContentViewed, encode
from shared.log import Entry, put
from shared.policy import Pack

UNKNOWN_PURPOSE = "unknown"

_REFUSED: Mapping[str, str] = {
    "purpose_not_allowed": "The policy pack does not let your role see such a record for this purpose; the attempt is "
    "logged.",
    "not_your_task": "The task is not yours, not open, or not on this record; the attempt is logged. If you have only "
    "just claimed it, ask again in a moment.",
}


class Wanted(NamedTuple):
    """Who wants to see which parts of what, and why."""

    record_id: UUID
    looker: Looker
    asked: Asked
    parts: Sequence[str]


async def view(
    engine: AsyncEngine, desks: Desks, wanted: Wanted, now: datetime, count: Callable[[str], None]
) -> dict[str, Any]:
    """Give the content, once the log of the view is durable; refuse where a screen or the pack's table does.

    `count` is told what was logged: `shown` or `refused`.
    """
    async with transaction(engine) as connection:
        body, verdict = await _log(connection, await desks.current(connection), wanted, now)
    count("refused" if verdict.refused else "shown")
    crash_point("view_logged")
    _refuse(verdict.refused)
    if body is None:
        raise NotFound("This content is no longer held: it was disposed of.")
    async with transaction(engine) as connection:
        state = msgspec.json.decode(await open_body(connection, desks.keys, body))
    content = state.get("content", {})
    chosen = {part: content[part] for part in wanted.parts if part in content} if wanted.parts else content
    return {
        "record_id": wanted.record_id,
        "reference": verdict.reference,
        "task_id": verdict.task_id,
        "content": chosen,
    }


def _refuse(refused: str | None) -> None:
    if refused is None:
        return
    if refused in _REFUSED:
        raise Forbidden(_REFUSED[refused], refused)
    assert refused in ("screened", "hidden", "own_file"), "a refusal has its sentence, or is a screen's"
    screening.refuse(refused)  # type: ignore[arg-type]


async def _log(connection: Connection, desk: Desk, wanted: Wanted, now: datetime) -> tuple[int | None, Verdict]:
    row = await records.one(connection, wanted.record_id)
    found = await screening.seen(connection, desk.pack, wanted.looker.staff_id, [wanted.record_id])
    seen = found.get(wanted.record_id)
    if row is None or seen is None:
        raise NotFound(screening.UNKNOWN)
    verdict = judge(desk.pack, wanted.looker, seen, wanted.asked)
    if verdict.refused == REFERENCE_MISSING:
        raise Invalid("Say what you look for it: a `reference`, such as the case or request.", REFERENCE_MISSING)
    look = alerts.Look(await _keep(connection, desk.pack, wanted, row, verdict, now), now, wanted.looker, seen)
    if verdict.refused is None:
        await alerts.viewed(connection, desk.pack, look)
    elif verdict.refused == alerts.OWN_FILE:
        await alerts.attempted(connection, desk.pack, look)
    return row["body_id"], verdict


async def _keep(
    connection: Connection, pack: Pack, wanted: Wanted, row: Record, verdict: Verdict, now: datetime
) -> int:
    """Write the view into the access log and into the log that is published and sealed."""
    record, actor, purpose = wanted.record_id, wanted.looker.staff_id, wanted.asked.purpose
    kind = ContentRefused if verdict.refused else ContentViewed
    named = purpose if purpose in pack.purposes else UNKNOWN_PURPOSE  # What was typed stays in the access log.
    told = kind(record, actor, named, (), now, row["version"])
    [log_id] = await put(connection, [Entry(ACCESS, str(record), told.type, record, row["version"], encode(told))], now)
    return await access.log(
        *(connection, now, record, actor, purpose, verdict.reference, verdict.task_id),
        *(list(wanted.parts), verdict.refused is None, verdict.refused, log_id),
    )
