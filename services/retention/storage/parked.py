"""Subjects with an event in quarantine, and how far intake's news has come."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from shared.db import Connection, columns, driver

# In whatever order the two come, what was resolved stays resolved.
_PARK = """
INSERT INTO parked (event_uid, subject, reason, at)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::timestamptz[])
ON CONFLICT (event_uid, subject) DO UPDATE SET reason = excluded.reason, at = excluded.at"""
_RESOLVE = """
INSERT INTO parked (event_uid, subject, resolved_at) SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[])
ON CONFLICT (event_uid, subject) DO UPDATE SET resolved_at = excluded.resolved_at"""
_ADVANCE = """
INSERT INTO watermark (partition, upto) SELECT * FROM unnest($1::int[], $2::timestamptz[])
ON CONFLICT (partition) DO UPDATE SET upto = greatest(watermark.upto, excluded.upto)"""

_ABOUT = """
SELECT count(DISTINCT p.event_uid) FROM parked p WHERE p.resolved_at IS NULL AND p.subject IN (
    SELECT record_uid FROM hold_record WHERE hold_id = $1 UNION ALL
    SELECT nominal_ref FROM hold_nominal WHERE hold_id = $1 UNION ALL
    SELECT record_uid FROM hold_exposure JOIN record USING (record_key) WHERE hold_id = $1)"""


async def park(connection: Connection, events: Iterable[tuple[UUID, UUID, str, datetime]]) -> None:
    """Note (event, subject, reason, since) that wait in quarantine."""
    if rows := sorted({event[:2]: event for event in events}.values()):
        await (await driver(connection)).execute(_PARK, *columns(rows, 4))


async def resolve(connection: Connection, events: Iterable[tuple[UUID, UUID, datetime]]) -> None:
    """Note (event, subject, when) that wait no longer."""
    if rows := sorted({event[:2]: event for event in events}.values()):
        await (await driver(connection)).execute(_RESOLVE, *columns(rows, 3))


async def free(connection: Connection, event_uid: UUID, now: datetime) -> None:
    """Note that a dead letter keeps none of its subjects from disposal any more."""
    raw = await driver(connection)
    await raw.execute("UPDATE parked SET resolved_at = $2 WHERE event_uid = $1 AND resolved_at IS NULL", event_uid, now)


async def about(connection: Connection, hold_id: UUID) -> int:
    """Count the events in quarantine and dead letters about what a hold names, or was shown to hold."""
    raw = await driver(connection)
    counted: int = await raw.fetchval(_ABOUT, hold_id)
    return counted


async def advance(connection: Connection, marks: Iterable[tuple[int, datetime]]) -> None:
    """Note up to when everything that intake received has passed each partition."""
    newest: dict[int, datetime] = {}
    for partition, upto in marks:
        newest[partition] = max(upto, newest.get(partition, upto))
    if newest:
        await (await driver(connection)).execute(_ADVANCE, *columns(sorted(newest.items()), 2))
