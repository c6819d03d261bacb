"""What is keeping this? Of one record, and counted for the estate; each answer names its owner and the mend."""

from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from services.retention.actions.due import HOLDERS
from services.retention.domain import blockers as domain
from services.retention.domain.blockers import Blocker, Everywhere
from services.retention.storage import blockers, reads
from shared.db import Connection
from shared.errors import NotFound
from shared.events import REGISTERED
from shared.policy import Pack
from shared.sentences import blocker
from shared.topics import BY_NAME

Shown = dict[str, Any]
_OWNERS = {
    "hold": "records_manager",
    "review": "reviewing_officer",
    "asked_for": "records_manager",
    "order": "records_manager",
    "order_waits": "records_manager",
    "parked": "data_steward",
    "unconfirmed_row": "information_asset_owner",
}


async def of_record(connection: Connection, record_id: UUID, pack: Pack, today: date, now: datetime) -> list[Shown]:
    """List what keeps a record today."""
    row = await reads.find_record(connection, record_id)
    if row is None:
        raise NotFound("No schedule of this record is held here: no state of it has been registered yet.")
    standing = await blockers.of_record(connection, row, HOLDERS)
    return [_shown(each) for each in domain.of_record(standing, await _everywhere(connection, pack, now), pack, today)]


async def counted(connection: Connection, pack: Pack, now: datetime) -> tuple[list[Shown], list[Shown]]:
    """Count what keeps records, by code and cause; and list what keeps every disposal waiting."""
    unconfirmed = sorted(row.id for row in pack.rows.values() if row.end == "dispose" and not row.confirmed)
    found = await blockers.counted(connection, unconfirmed, HOLDERS)
    counts = [{**each, "owner": _OWNERS.get(each["code"]) or _owner(each, pack)} for each in found]
    every = [_shown(each) for each in domain.of_all(await _everywhere(connection, pack, now))]
    return counts, every


def _owner(each: Shown, pack: Pack) -> str | None:
    if each["code"] == "problem":
        return pack.exception_owner
    return each["cause"] if each["code"] == "confirmation" else None


async def _everywhere(connection: Connection, pack: Pack, now: datetime) -> Everywhere:
    since = now - timedelta(minutes=pack.limits.news_age_minutes_max)
    pauses, old = await blockers.news(connection, since, BY_NAME[REGISTERED].partitions)
    return Everywhere(not pack.live, pauses, old)


def _shown(each: Blocker) -> Shown:
    about = {name: value for name, value in each.about.items() if value is not None}
    return {"code": each.code, "owner": each.owner, "about": about, "sentence": blocker(each.code, about)}
