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


async def park(connection: Connection, events: Iterable[tuple[UUID, UUID, str, datetime]]) -> None:
    """Note (event, subject, reason, since) that wait in quarantine."""
    if rows := sorted({event[:2]: event for event in events}.values()):
        await (await driver(connection)).execute(_PARK, *columns(rows, 4))


async def resolve(connection: Connection, events: Iterable[tuple[UUID, UUID, datetime]]) -> None:
    """Note (event, subject, when) that wait no longer."""
    if rows := sorted({event[:2]: event for event in events}.values()):
        await (await driver(connection)).execute(_RESOLVE, *columns(rows, 3))


async def advance(connection: Connection, marks: Iterable[tuple[int, datetime]]) -> None:
    """Note up to when everything that intake received has passed each partition."""
    newest: dict[int, datetime] = {}
    for partition, upto in marks:
        newest[partition] = max(upto, newest.get(partition, upto))
    if newest:
        await (await driver(connection)).execute(_ADVANCE, *columns(sorted(newest.items()), 2))
