"""Records as they stand: their lifecycle as retention tells it, their content, who looked, their end."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from shared.db import Connection, columns, driver

_LIFECYCLE = """
INSERT INTO lifecycle (record_uid, version, state, held, restricted)
SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::text[], $4::boolean[], $5::boolean[]) u
ON CONFLICT (record_uid) DO UPDATE SET version = excluded.version, state = excluded.state, held = excluded.held,
    restricted = excluded.restricted WHERE lifecycle.version < excluded.version"""
_ONE = """
SELECT r.record_uid, r.kind, s.source, r.sequence, r.version, r.metadata, r.executed_by, r.accepted_on, l.state,
    l.held, l.restricted,
    (SELECT body_id FROM record_state t WHERE t.record_key = r.record_key
        AND t.sequence = coalesce(nullif(r.shown_sequence, 0), r.sequence)) body_id
FROM record r JOIN source s USING (source_key) LEFT JOIN lifecycle l USING (record_uid)
WHERE r.record_uid = $1 AND r.kind = 'record'"""
_UP_TO = """
SELECT metadata FROM record
WHERE record_uid = $1 AND kind = 'record' AND coalesce(nullif(shown_sequence, 0), sequence) <= $2 FOR NO KEY UPDATE"""
_RECEIPTS = """
SELECT a.receipt_id, a.place, s.source, a.event_uid, a.event_id, coalesce(f.first_outcome, a.outcome) AS outcome,
    a.reasons, a.received_at, NULL::uuid AS names, r.record_uid, a.arrival_key AS n
FROM arrival a JOIN source s USING (source_key) LEFT JOIN record r USING (record_key)
LEFT JOIN LATERAL (
    SELECT was AS first_outcome FROM further_receipt WHERE names = a.receipt_id ORDER BY at LIMIT 1) f ON true
WHERE a.event_uid = $1 AND s.source = $2
UNION ALL
SELECT f.receipt_id, a.place, s.source, a.event_uid, a.event_id, f.outcome, f.reasons, f.at, f.names, r.record_uid,
    a.arrival_key
FROM further_receipt f JOIN arrival a ON a.event_uid = f.event_uid AND a.receipt_id = f.names
JOIN source s USING (source_key) LEFT JOIN record r USING (record_key) WHERE f.event_uid = $1 AND s.source = $2
ORDER BY n, received_at LIMIT $3"""

_LOCK = "SELECT FROM record WHERE record_uid = ANY($1::uuid[]) ORDER BY record_uid, source_key FOR NO KEY UPDATE"
_AFTER = """
SELECT r.record_uid AS subject, r.record_key, s.sequence, s.body_id, s.arrival_key, a.receipt_id, a.event_uid,
    a.event_id, a.type, a.channel, a.place, a.outcome, a.received_on, a.source_key, o.source
FROM unnest($1::uuid[], $2::bigint[]) u(uid, upto) JOIN record r ON r.record_uid = u.uid
JOIN record_state s ON s.record_key = r.record_key AND s.sequence > u.upto AND s.body_id IS NOT NULL
CROSS JOIN LATERAL (SELECT * FROM arrival WHERE arrival_key = s.arrival_key OFFSET 0) a  -- Only where there are any.
JOIN source o ON o.source_key = a.source_key
ORDER BY r.record_uid, s.sequence"""


async def states_after(connection: Connection, upto: Mapping[UUID, int]) -> list[asyncpg.Record]:
    """Give, by record and sequence, the states after a sequence of each; no more of them come from here on."""
    raw, pairs = await driver(connection), sorted(upto.items())
    await raw.execute(_LOCK, [record for record, _ in pairs])
    return list(await raw.fetch(_AFTER, *columns(pairs, 2)))


async def store_lifecycle(connection: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
    """Store (record, version, state, held, restricted) where newer."""
    raw = await driver(connection)
    await raw.execute(_LIFECYCLE, *columns(list(rows), 5))


async def shred(connection: Connection, disposal: UUID, record: UUID, sequence: int, now: datetime) -> int | None:
    """Destroy keys and bodies up to a sequence; None when the record was never here."""
    raw = await driver(connection)
    if not await raw.fetchval("SELECT EXISTS (SELECT FROM record WHERE record_uid = $1)", record):
        return None
    bodies: int = await raw.fetchval("SELECT shred($1, $2, $3, $4)", disposal, record, sequence, now)
    return bodies


async def named_up_to(connection: Connection, record: UUID, sequence: int) -> bytes | None:
    """Give, locked, what is shown of a record where its state is not after a sequence; None where there is nothing."""
    raw = await driver(connection)
    shown: bytes | None = await raw.fetchval(_UP_TO, record, sequence)
    return shown


async def show(connection: Connection, record: UUID, metadata: bytes) -> None:
    """Store what is shown of a record."""
    raw = await driver(connection)
    await raw.execute("UPDATE record SET metadata = $2 WHERE record_uid = $1 AND kind = 'record'", record, metadata)


async def one(connection: Connection, record: UUID) -> asyncpg.Record | None:
    """Give one record as it stands."""
    raw = await driver(connection)
    return await raw.fetchrow(_ONE, record)


async def receipts(connection: Connection, event: UUID, source: str, limit: int) -> list[asyncpg.Record]:
    """Give the receipts of an event, oldest first."""
    raw = await driver(connection)
    return list(await raw.fetch(_RECEIPTS, event, source, limit))
