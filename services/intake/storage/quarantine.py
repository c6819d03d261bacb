"""Quarantine: what waits for a steward, sealed and in sight; each item from its arrival to its end."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg

from shared.db import Connection, columns, driver

# A record that is known tells the unit and type of an event that does not.
_INSERT = """
INSERT INTO quarantine (arrival_key, event_uid, receipt_id, source_key, subject, record_key, sequence, body_id, reasons,
    parked_as, record_type, unit, named, incomplete, first_seen, first_on, review_on)
SELECT u.arrival_key, u.event_uid, u.receipt_id, u.source_key, u.subject, u.record_key, u.sequence, u.body_id,
    u.reasons, u.parked_as, coalesce(u.record_type, r.said ->> 'record_type'), coalesce(u.unit, r.said ->> 'unit'),
    u.named::uuid[], u.incomplete, $15, $16, $17
FROM unnest($1::bigint[], $2::uuid[], $3::uuid[], $4::integer[], $5::uuid[], $6::bigint[], $7::bigint[], $8::bigint[],
    $9::jsonb[], $10::uuid[], $11::text[], $12::text[], $13::text[], $14::boolean[]) u(arrival_key, event_uid,
    receipt_id, source_key, subject, record_key, sequence, body_id, reasons, parked_as, record_type, unit, named,
    incomplete)
LEFT JOIN LATERAL (SELECT convert_from(metadata, 'UTF8')::jsonb AS said FROM record
    WHERE record_uid = u.subject AND kind = 'record' AND metadata IS NOT NULL) r ON true"""
# Real time: when the system itself did it.
_SETTLED = """
, told AS (INSERT INTO quarantine_step (arrival_key, at, step)
    SELECT arrival_key, clock_timestamp(), 'resolved' FROM gone)
SELECT parked_as, subject, named, source FROM gone JOIN source USING (source_key) ORDER BY arrival_key"""
_GIVEN = "q.arrival_key, q.parked_as, q.subject, q.named, q.source_key"
# What waits about a record that is gone has content that went with nothing: it is discarded, and never resolved.
_RESOLVE = f"""
WITH gone AS (UPDATE quarantine q SET state = 'resolved', version = q.version + 1
    FROM record r WHERE r.record_uid = ANY($1::uuid[]) AND r.executed_by IS NULL
    AND q.state IN ('open', 'discard_proposed') AND q.subject = r.record_uid AND q.sequence < r.sequence
    AND (r.kind = 'record' OR q.source_key = r.source_key) RETURNING {_GIVEN}){_SETTLED}"""
_CORRECT = f"""
WITH gone AS (UPDATE quarantine q SET state = 'resolved', version = version + 1
    WHERE state IN ('open', 'discard_proposed') AND event_uid = ANY($1::uuid[]) AND source_key = ANY($2::integer[])
    AND NOT EXISTS (SELECT FROM record r WHERE r.record_uid = q.subject AND r.executed_by IS NOT NULL)
    RETURNING {_GIVEN}){_SETTLED}"""
_ONE = """
SELECT q.*, s.source, a.channel, a.place, a.received_on, a.first, a.outcome, a.event_id, a.type
FROM quarantine q JOIN source s USING (source_key)
JOIN arrival a ON a.event_uid = q.event_uid AND a.arrival_key = q.arrival_key
WHERE q.receipt_id = $1 FOR UPDATE OF q"""
_STEP = """
INSERT INTO quarantine_step (arrival_key, at, step, by, code)
SELECT u.arrival_key, $5, u.step, u.by, u.code
FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[]) u(arrival_key, step, by, code)"""


class Settled(NamedTuple):
    """An item that waits no more: what it was parked as, about whom, from which source."""

    parked_as: UUID
    subjects: tuple[UUID, ...]
    source: str


class Step(NamedTuple):
    """Something done about an item: what, by whom (None: the system), and the code of why."""

    arrival_key: int
    step: str
    by: str | None = None
    code: str | None = None


def settled_of(row: asyncpg.Record) -> Settled:
    """Give what is told of an item that waits no more."""
    subject = (row["subject"],) if row["subject"] else ()
    return Settled(row["parked_as"], (*subject, *(row["named"] or ())), row["source"])


async def store(
    connection: Connection, rows: Sequence[tuple[Any, ...]], now: datetime, today: date, review_on: date
) -> None:
    """Store quarantined arrivals."""
    raw = await driver(connection)
    await raw.execute(_INSERT, *columns(list(rows), 14), now, today, review_on)


async def wait_again(
    connection: Connection, row: asyncpg.Record, parked_as: UUID, reasons: str, review_on: date
) -> None:
    """Let what a replay took wait again, sealed as it came, under another id than that which was resolved."""
    raw = await driver(connection)
    await raw.execute(
        "UPDATE quarantine SET state = 'open', parked_as = $2, reasons = $3, review_on = $4, subject = $5, "
        "sequence = $6, record_key = $7, incomplete = false, refused = NULL, version = version + 1 "
        "WHERE arrival_key = $1",
        *(row["arrival_key"], parked_as, reasons, review_on, row["subject"], row["sequence"], row["record_key"]),
    )


async def resolve_states(connection: Connection, subjects: Sequence[UUID]) -> list[Settled]:
    """Settle the quarantined states of subjects whose sequence is higher."""
    raw = await driver(connection)
    return [settled_of(row) for row in await raw.fetch(_RESOLVE, subjects)]


async def resolve_corrected(connection: Connection, corrected: Sequence[UUID], sources: Sequence[int]) -> list[Settled]:
    """Settle the quarantined events that later ones of their source correct by name."""
    raw = await driver(connection)
    return [settled_of(row) for row in await raw.fetch(_CORRECT, corrected, sources)]


async def one(connection: Connection, receipt_id: UUID) -> asyncpg.Record | None:
    """Give one quarantined arrival, locked."""
    raw = await driver(connection)
    return await raw.fetchrow(_ONE, receipt_id)


async def keep(connection: Connection, steps: Sequence[Step], now: datetime) -> None:
    """Write down what was done about items."""
    raw = await driver(connection)
    await raw.execute(_STEP, *columns(list(steps), 4), now)


async def move(connection: Connection, arrival_key: int, to: str, *, attempts: int = 0) -> None:
    """Bring an item to another state, counting a replay's attempt."""
    raw = await driver(connection)
    await raw.execute(
        "UPDATE quarantine SET state = $2, version = version + 1, attempts = attempts + $3 WHERE arrival_key = $1",
        *(arrival_key, to, attempts),
    )


async def tried(connection: Connection, arrival_key: int, reasons: str) -> None:
    """Say that a replay was refused again, and why."""
    raw = await driver(connection)
    await raw.execute(
        "UPDATE quarantine SET attempts = attempts + 1, version = version + 1, reasons = $2 WHERE arrival_key = $1",
        *(arrival_key, reasons),
    )


async def assign(connection: Connection, arrival_key: int, owner: str | None, review_on: date) -> None:
    """Give an item to somebody, to be looked at by a day."""
    raw = await driver(connection)
    await raw.execute(
        "UPDATE quarantine SET owner = $2, review_on = $3, version = version + 1 WHERE arrival_key = $1",
        *(arrival_key, owner, review_on),
    )


async def propose(connection: Connection, arrival_key: int, by: str, reason: str, reference: str | None) -> None:
    """Write down who proposes to discard an item, and why."""
    raw = await driver(connection)
    await raw.execute(
        "UPDATE quarantine SET state = 'discard_proposed', proposed_by = $2, discard_reason = $3, reference = $4, "
        "refused = NULL, version = version + 1 WHERE arrival_key = $1",
        *(arrival_key, by, reason, reference),
    )


async def approve(connection: Connection, arrival_key: int, by: str, disposal: UUID) -> None:
    """Write down who agreed to discard an item, and as which disposal it was asked for."""
    raw = await driver(connection)
    await raw.execute(
        "UPDATE quarantine SET approved_by = $2, disposal_id = $3, discards = discards + 1, version = version + 1 "
        "WHERE arrival_key = $1",
        *(arrival_key, by, disposal),
    )


async def reopen(connection: Connection, arrival_key: int, refused: str | None) -> None:
    """Let an item wait again whose discard was withdrawn, or refused for a reason."""
    raw = await driver(connection)
    await raw.execute(
        "UPDATE quarantine SET state = 'open', proposed_by = NULL, approved_by = NULL, disposal_id = NULL, "
        "discard_reason = NULL, reference = NULL, refused = $2, version = version + 1 WHERE arrival_key = $1",
        *(arrival_key, refused),
    )


async def shred(connection: Connection, disposal: UUID, receipt_id: UUID, now: datetime) -> int:
    """Destroy an item's sealed body and its key, as its disposal allows; gives how many went, the same if repeated."""
    raw = await driver(connection)
    gone: int = await raw.fetchval("SELECT shred($1, $2, NULL, $3)", disposal, receipt_id, now)
    return gone
