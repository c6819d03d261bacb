"""Alerts about views: what a watch counts, what was raised, what is open."""

from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg

from shared.db import Connection, driver

_LOCKS = 73_100  # The first half of the advisory lock: views of one person, then of one record, are counted in turn.
_RAISED = "EXISTS (SELECT FROM access_alert WHERE rule = $1 AND kind = '{kind}' AND {about} AND at > $3)"
_CONTENT = "allowed AND coalesce(log_id, 0) >= 0"  # A hit of a search stands in the log alone, without a topic.
_BURST = f"""
SELECT NOT {_RAISED.format(kind="burst", about="actor = $2")} AND $4 <= (SELECT count(*) FROM (
    SELECT FROM access WHERE actor = $2 AND at > $3 AND {_CONTENT} LIMIT $4) v)"""
_OFF_SHIFT = f"SELECT NOT {_RAISED.format(kind='off_shift', about='actor = $2')}"
_MANY_VIEWERS = f"""
SELECT NOT {_RAISED.format(kind="many_viewers", about="record_uid = $2::text::uuid")} AND $4 <= (
    SELECT count(DISTINCT actor) FROM access WHERE record_uid = $2::text::uuid AND at > $3 AND {_CONTENT})"""
_INSERT = """
INSERT INTO access_alert (alert_id, at, kind, rule, pack, record_uid, actor, access_id, log_id)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"""
_SHOWN = """
SELECT alert_key, alert_id, at, kind, rule, pack, record_uid AS record_id, actor, access_id, state, outcome, reason,
    closed_by, closed_at, version FROM access_alert"""
_PAGE = """
{shown} WHERE ($1::text IS NULL OR state = $1) AND ($2::text IS NULL OR kind = $2) AND ($3::text IS NULL OR actor = $3)
    AND ($4::uuid IS NULL OR record_uid = $4) AND NOT (actor = $5 AND kind = 'screened')
    AND ($6::bigint IS NULL OR alert_key {after} $6) ORDER BY alert_key {order} LIMIT $7"""
_CLOSE = """
UPDATE access_alert SET state = 'closed', outcome = $2, reason = $3, closed_by = $4, closed_at = $5,
    version = version + 1 WHERE alert_id = $1 RETURNING version"""


class Wanted(NamedTuple):
    """Which alerts a list is of."""

    state: str | None = None
    kind: str | None = None
    actor: str | None = None
    record: UUID | None = None


async def in_turn(connection: Connection, actor: str, record: UUID) -> None:
    """Wait until no other view of this person, or of this record, is being counted; always in this order."""
    raw = await driver(connection)
    for name in (f"actor {actor}", f"record {record}"):
        await raw.execute("SELECT pg_advisory_xact_lock($1, hashtext($2))", _LOCKS, name)


async def burst(connection: Connection, rule: str, actor: str, since: datetime, views: int) -> bool:
    """Say whether a person has viewed so often since, and was not told of."""
    raw = await driver(connection)
    return bool(await raw.fetchval(_BURST, rule, actor, since, views))


async def off_shift(connection: Connection, rule: str, actor: str, since: datetime) -> bool:
    """Say whether a person was not told of since their last shift."""
    raw = await driver(connection)
    return bool(await raw.fetchval(_OFF_SHIFT, rule, actor, since))


async def many_viewers(connection: Connection, rule: str, record: UUID, since: datetime, people: int) -> bool:
    """Say whether so many people have viewed a record since, and it was not told of."""
    raw = await driver(connection)
    return bool(await raw.fetchval(_MANY_VIEWERS, rule, str(record), since, people))


async def store(connection: Connection, *row: Any) -> None:
    """Store (id, at, kind, rule, pack, record, actor, access, log id) of an alert."""
    raw = await driver(connection)
    await raw.execute(_INSERT, *row)


async def page(
    connection: Connection, wanted: Wanted, looker: str, part: tuple[int | None, int], *, latest_first: bool
) -> list[asyncpg.Record]:
    """List alerts as they were raised, or the other way, after a key and up to a limit.

    Who asked for a file about themselves is not told of the alert that it raised.
    """
    raw = await driver(connection)
    after_is, order = ("<", "DESC") if latest_first else (">", "ASC")
    return list(await raw.fetch(_PAGE.format(shown=_SHOWN, after=after_is, order=order), *wanted, looker, *part))


async def lock(connection: Connection, alert: UUID, looker: str) -> asyncpg.Record | None:
    """Give an alert, locked, unless it is one that who asks is not told of."""
    raw = await driver(connection)
    query = f"{_SHOWN} WHERE alert_id = $1 AND NOT (actor = $2 AND kind = 'screened') FOR UPDATE"
    return await raw.fetchrow(query, alert, looker)


async def close(connection: Connection, alert: UUID, *said: Any) -> int:
    """Close an alert with (outcome, reason, by, at); gives its version."""
    raw = await driver(connection)
    version: Any = await raw.fetchval(_CLOSE, alert, *said)
    return int(version)
