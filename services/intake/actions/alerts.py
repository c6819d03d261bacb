"""Tell professional standards what stands out about views, at the view itself and in its transaction."""

from collections.abc import Collection
from datetime import datetime
from typing import Any, Literal, NamedTuple
from uuid import UUID

import asyncpg

from services.intake.actions import screening
from services.intake.domain.alerts import Outcome, check_close, watching, window
from services.intake.domain.screening import Looker, Seen, sensitive_by
from services.intake.storage import alerts as storage
from shared.db import Connection
from shared.errors import NotFound, require_version
from shared.events import ACCESS, AccessAlerted, encode
from shared.ids import named
from shared.log import Entry, put
from shared.policy import Pack
from shared.policy.access import Watch

OWN_FILE = "own_file"
_NONE = "No alert has this id; list them with GET /v1/access-alerts."

Kind = Literal["sensitive", "screened", "burst", "off_shift", "many_viewers"]


class Look(NamedTuple):
    """A view that was just logged, or an attempt at one."""

    access_id: int
    at: datetime
    looker: Looker
    seen: Seen

    @property
    def actor(self) -> str:
        """Give who looked."""
        return self.looker.staff_id


async def attempted(connection: Connection, pack: Pack, look: Look) -> None:
    """Tell that somebody asked for a file about themselves; they were answered as if there were none."""
    await _raise(connection, pack, look, "screened", OWN_FILE)


async def viewed(connection: Connection, pack: Pack, look: Look) -> None:
    """Tell of a view of a sensitive record without a task on it, and of whatever a watch of the pack counts."""
    by = () if look.seen.tasks else sensitive_by(look.seen, pack.access.sensitive)
    if by:
        await _raise(connection, pack, look, "sensitive", by[0])
    watches = list(watching(pack.access.watches, look.looker.roles))
    if watches:
        await storage.in_turn(connection, look.actor, look.seen.record_id)
    for watch in watches:
        since = window(watch, look.at, pack.zone)
        if since is not None and await _stands_out(connection, watch, look, since):
            await _raise(connection, pack, look, watch.kind, watch.id)


async def _stands_out(connection: Connection, watch: Watch, look: Look, since: datetime) -> bool:
    if watch.kind == "burst":
        return await storage.burst(connection, watch.id, look.actor, since, watch.views)
    if watch.kind == "off_shift":
        return await storage.off_shift(connection, watch.id, look.actor, since)
    return await storage.many_viewers(connection, watch.id, look.seen.record_id, since, watch.people)


async def _raise(connection: Connection, pack: Pack, look: Look, kind: Kind, rule: str) -> None:
    alert, record = named(f"access alert\n{look.access_id}\n{kind}\n{rule}"), look.seen.record_id
    told = AccessAlerted(alert, record, look.actor, kind, "open", None, look.at, 1)
    [log_id] = await put(connection, [_entry(told)], look.at)
    row = (alert, look.at, kind, rule, pack.hash, record, look.actor, look.access_id, log_id)
    await storage.store(connection, *row)


def _entry(told: AccessAlerted) -> Entry:
    return Entry(ACCESS, str(told.record_id), told.type, told.alert_id, told.version, encode(told))


async def find(
    connection: Connection, pack: Pack, looker: Looker, wanted: storage.Wanted, part: tuple[int | None, int, bool]
) -> tuple[list[asyncpg.Record], bool]:
    """List alerts after a key, up to a limit; those about records that are hidden from who asks do not exist."""
    after, limit, latest_first = part

    async def more(after: int | None) -> list[asyncpg.Record]:
        return await storage.page(connection, wanted, looker.staff_id, (after, limit + 1), latest_first=latest_first)

    return await visible(connection, pack, looker, more, ("alert_key", after, limit))


async def visible(
    connection: Connection, pack: Pack, looker: Looker, more: Any, part: tuple[str, int | None, int]
) -> tuple[list[asyncpg.Record], bool]:
    """Read on until a page is full of what is shown to who asks: a short page would tell that something is not."""
    key, after, limit = part
    found: list[asyncpg.Record] = []
    while len(found) <= limit:
        rows = await more(after)
        kept = await screening.hidden(connection, pack, looker, _records(rows))
        found += [row for row in rows if row["record_id"] not in kept]
        if len(rows) <= limit:
            break
        after = rows[-1][key]
    return found[:limit], len(found) > limit


def _records(rows: Collection[asyncpg.Record]) -> set[UUID]:
    return {row["record_id"] for row in rows}


async def one(connection: Connection, pack: Pack, looker: Looker, alert: UUID) -> asyncpg.Record:
    """Give an alert, locked, unless its record is hidden from who asks."""
    row = await storage.lock(connection, alert, looker.staff_id)
    if row is None or await screening.hidden(connection, pack, looker, {row["record_id"]}):
        raise NotFound(_NONE)
    return row


async def close(
    connection: Connection, pack: Pack, looker: Looker, meant: tuple[UUID, int], said: tuple[Outcome, str, datetime]
) -> asyncpg.Record:
    """Close an alert with an outcome and a reason; nobody closes one about themselves."""
    (alert, version), (outcome, reason, now) = meant, said
    row = await one(connection, pack, looker, alert)
    require_version(version, row["version"])
    check_close(row["state"], row["actor"], looker.staff_id)
    closed = await storage.close(connection, alert, outcome, reason, looker.staff_id, now)
    told = AccessAlerted(alert, row["record_id"], row["actor"], row["kind"], "closed", outcome, now, closed)
    await put(connection, [_entry(told)], now)
    return await one(connection, pack, looker, alert)
