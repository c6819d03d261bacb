"""Quarantine: what waits for a steward, sealed and in sight."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

import asyncpg

from shared.db import Connection, columns, driver

_INSERT = """
INSERT INTO quarantine (arrival_key, event_uid, receipt_id, source_key, subject, record_key, sequence, body_id, reasons,
    parked, first_seen, review_on)
SELECT u.*, $11, $12 FROM unnest($1::bigint[], $2::uuid[], $3::uuid[], $4::integer[], $5::uuid[], $6::bigint[],
    $7::bigint[], $8::bigint[], $9::jsonb[], $10::boolean[]) u"""
_RESOLVE = """
UPDATE quarantine q SET state = 'resolved', version = q.version + 1
FROM record r WHERE r.record_uid = ANY($1::uuid[])
AND q.state = 'open' AND q.subject = r.record_uid AND q.sequence < r.sequence
AND (r.kind = 'record' OR q.source_key = r.source_key)
RETURNING q.event_uid, q.subject"""
_CORRECT = """
UPDATE quarantine SET state = 'resolved', version = version + 1
WHERE state = 'open' AND event_uid = ANY($1::uuid[]) AND source_key = ANY($2::integer[]) RETURNING event_uid, subject"""
_LIST = """
SELECT q.arrival_key, q.event_uid, q.receipt_id, s.source, q.subject, q.reasons, q.state, q.owner, q.first_seen,
    q.review_on, q.attempts, q.version
FROM quarantine q JOIN source s USING (source_key)
WHERE ($1::text IS NULL OR q.state = $1) AND ($2::text IS NULL OR s.source = $2) AND q.arrival_key > $3
    AND ($4::text IS NULL OR q.reasons @> jsonb_build_array(jsonb_build_object('code', $4::text)))
ORDER BY q.arrival_key LIMIT $5"""
_ONE = """
SELECT q.*, s.source, a.channel, a.place, a.received_on, a.first FROM quarantine q JOIN source s USING (source_key)
JOIN arrival a ON a.event_uid = q.event_uid AND a.arrival_key = q.arrival_key
WHERE q.receipt_id = $1 FOR UPDATE OF q"""


async def store(connection: Connection, rows: Sequence[tuple[Any, ...]], now: datetime, review_on: date) -> None:
    """Store quarantined arrivals."""
    raw = await driver(connection)
    await raw.execute(_INSERT, *columns(list(rows), 10), now, review_on)


async def resolve_states(connection: Connection, subjects: Sequence[UUID]) -> list[tuple[UUID, UUID]]:
    """Settle the quarantined states of subjects whose sequence is higher; gives (event, subject) of each."""
    raw = await driver(connection)
    rows = await raw.fetch(_RESOLVE, subjects)
    return [(row["event_uid"], row["subject"]) for row in rows]


async def resolve_corrected(
    connection: Connection, corrected: Sequence[UUID], sources: Sequence[int]
) -> list[tuple[UUID, UUID | None]]:
    """Settle the quarantined events that later ones of their source correct by name."""
    raw = await driver(connection)
    return [(row["event_uid"], row["subject"]) for row in await raw.fetch(_CORRECT, corrected, sources)]


async def page(connection: Connection, *filters: Any) -> list[asyncpg.Record]:
    """List by (state, source, after arrival key, reason code, limit), oldest first."""
    raw = await driver(connection)
    return list(await raw.fetch(_LIST, *filters))


async def one(connection: Connection, receipt_id: UUID) -> asyncpg.Record | None:
    """Give one quarantined arrival, locked."""
    raw = await driver(connection)
    return await raw.fetchrow(_ONE, receipt_id)


async def accepted(connection: Connection, arrival_key: int, outcome: str) -> None:
    """Say that a replay took it."""
    raw = await driver(connection)
    await raw.execute(
        "UPDATE quarantine SET state = $2, version = version + 1, attempts = attempts + 1 WHERE arrival_key = $1",
        *(arrival_key, outcome),
    )


async def tried(connection: Connection, arrival_key: int, reasons: str) -> None:
    """Say that a replay was refused again, and why."""
    raw = await driver(connection)
    await raw.execute(
        "UPDATE quarantine SET attempts = attempts + 1, version = version + 1, reasons = $2 WHERE arrival_key = $1",
        *(arrival_key, reasons),
    )
