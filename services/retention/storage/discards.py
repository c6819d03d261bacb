"""Discards of quarantined arrivals: what was asked, what holds cover it, and what became of it."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

from services.retention.storage.holds import applied, binding, covering
from shared.db import Connection, columns, driver
from shared.events import DiscardRequested

CLAIMED_MAX = 500

_ORDER = """
INSERT INTO disposal_order (disposal_id, receipt_id, row_id, n, state, opened_on, execute_from, opened_at)
VALUES ($1, $2, 'discard', $3, 'cooling', $4, $5, $6) ON CONFLICT DO NOTHING RETURNING true"""
_KEEP = """
INSERT INTO discard (disposal_id, receipt_id, event_uid, subject, nominals, sources, record_types, units, offences,
    spans, reason, proposed_by, approved_by, first_seen)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, (SELECT range_agg(daterange(f, l, '[]'))
    FROM unnest($10::date[], $11::date[]) u(f, l)), $12, $13, $14, $15)"""
# What is not known of an arrival rules no hold out and proves none: a hold covers it when something of what the hold
# says is known of it, and nothing is known to be otherwise.
_MATCHED = """
SELECT d.disposal_id, h.hold_id FROM discard d CROSS JOIN hold h,
    LATERAL (SELECT CASE WHEN h.by_record AND d.subject IS NOT NULL THEN EXISTS (SELECT FROM hold_record y
            WHERE y.hold_id = h.hold_id AND y.record_uid = d.subject) END AS record,
        CASE WHEN NOT h.by_nominal THEN NULL WHEN EXISTS (SELECT FROM hold_nominal y WHERE y.hold_id = h.hold_id
            AND (y.nominal_ref = d.subject OR y.nominal_ref = ANY(d.nominals) OR y.nominal_ref IN (SELECT n.nominal_ref
                FROM nominal x JOIN person_schedule a USING (nominal_key) JOIN person_schedule b ON b.root = a.root
                JOIN nominal n ON n.nominal_key = b.nominal_key
                WHERE x.nominal_ref = d.subject OR x.nominal_ref = ANY(d.nominals)))) THEN true
            WHEN d.nominals IS NOT NULL THEN false END AS nominal,
        h.record_types && d.record_types AS type, h.units && d.units AS unit, h.offences && d.offences AS offence,
        h.sources && d.sources AS source, h.span && d.spans AS span) m
WHERE d.disposal_id = ANY($1::uuid[]) AND {which}
    AND true IN (m.record, m.nominal, m.type, m.unit, m.offence, m.source, m.span)
    AND (false IN (m.record, m.nominal, m.type, m.unit, m.offence, m.source, m.span)) IS NOT TRUE"""
_HELD = _MATCHED.format(which="h.state <> 'released'")
# One that was ordered before a release is kept until the release's sweep has dropped it: somebody looks at it again.
_BEFORE = "SELECT FROM disposal_order o WHERE o.disposal_id = d.disposal_id AND o.opened_at < h.released_at"
_BINDS = _MATCHED.format(which=f"(h.state <> 'released' OR (NOT h.swept AND EXISTS ({_BEFORE})))")
_BINDING = f"""
SELECT d.disposal_id FROM unnest($1::uuid[], $2::uuid[]) d(disposal_id, hold_id) JOIN hold h USING (hold_id)
WHERE h.state <> 'released' OR EXISTS ({_BEFORE})"""
_EVER = _MATCHED.format(which="h.placed_at < $3 AND coalesce(h.released_at, 'infinity') > $2")
_READ = """
SELECT d.*, lower(d.spans) AS first_on, upper(d.spans) - 1 AS last_on, r.record_key, o.n
FROM discard d JOIN disposal_order o USING (disposal_id) LEFT JOIN record r ON r.record_uid = d.subject
WHERE d.disposal_id = ANY($1::uuid[]) ORDER BY d.disposal_id"""


class Discard(NamedTuple):
    """A discard as it was asked for."""

    disposal_id: UUID
    receipt_id: UUID
    event_uid: UUID
    record_key: int | None  # Of the record that it is about, where that is known.
    record_types: tuple[str, ...]
    first_on: date | None
    last_on: date | None
    reason: str
    proposed_by: str
    approved_by: str
    first_seen: datetime


async def order(
    connection: Connection, asked: DiscardRequested, disposal: UUID, days: tuple[date, date], now: datetime
) -> bool:
    """Open the order of a discard, on a day and to be carried out from another; says whether it is new."""
    raw, (opened_on, execute_from) = await driver(connection), days
    if not await raw.fetchval(_ORDER, disposal, asked.receipt_id, asked.attempt, opened_on, execute_from, now):
        return False
    lists = (asked.nominals, asked.sources, asked.record_types, asked.units, asked.offences)
    spans = columns(list(asked.spans), 2) if asked.spans else (None, None)
    await raw.execute(
        _KEEP,
        *(disposal, asked.receipt_id, asked.event_uid, asked.subject, *lists, *spans),
        *(asked.reason, asked.proposed_by, asked.approved_by, asked.first_seen),
    )
    return True


async def read(connection: Connection, ids: Sequence[UUID]) -> list[Discard]:
    """Read discards as they were asked for."""
    raw = await driver(connection)
    return [_discard(row) for row in await raw.fetch(_READ, ids)]


def _discard(row: Any) -> Discard:
    types = tuple(row["record_types"] or ())
    return Discard(**{name: row[name] for name in Discard._fields if name != "record_types"}, record_types=types)


async def covered(connection: Connection, asked: Sequence[Discard]) -> set[UUID]:
    """Say which of these discards a hold keeps, itself or the record it is about; a released one until its sweep."""
    raw = await driver(connection)
    held = {row["disposal_id"] for row in await raw.fetch(_BINDS, [each.disposal_id for each in asked])}
    records = await binding(connection, sorted({each.record_key for each in asked if each.record_key}))
    by_record = [(each.disposal_id, hold) for each in asked for hold in records.get(each.record_key or 0, ())]
    return held | {row[0] for row in await raw.fetch(_BINDING, *columns(by_record, 2))}


async def executed_unconfirmed(connection: Connection, hold_id: UUID) -> list[UUID]:
    """List the receipts of arrivals a hold covers that were discarded before it and that intake has not confirmed."""
    raw = await driver(connection)
    statement = "SELECT disposal_id FROM disposal_state WHERE state = 'executed' AND record_key IS NULL"
    asked = await read(connection, [row[0] for row in await raw.fetch(statement)])
    matched = await raw.fetch(_HELD, [each.disposal_id for each in asked])
    found = {row["disposal_id"] for row in matched if row["hold_id"] == hold_id}
    records = await covering(connection, sorted({each.record_key for each in asked if each.record_key}))
    return sorted(
        each.receipt_id
        for each in asked
        if each.disposal_id in found or hold_id in records.get(each.record_key or 0, ())
    )


async def ever_covered(connection: Connection, asked: Discard, executed_at: datetime) -> list[UUID]:
    """List the holds that ever applied to a discarded arrival while it waited."""
    raw = await driver(connection)
    rows = await raw.fetch(_EVER, [asked.disposal_id], asked.first_seen, executed_at)
    found = {row["hold_id"] for row in rows}
    if asked.record_key:
        found.update(await applied(connection, asked.record_key, asked.first_seen, executed_at))
    return sorted(found)


async def cooling(connection: Connection) -> list[UUID]:
    """Claim the open orders of discards that nobody is carrying out."""
    raw = await driver(connection)
    rows = await raw.fetch(
        "SELECT disposal_id FROM disposal_order WHERE receipt_id IS NOT NULL AND state = 'cooling' "
        "ORDER BY disposal_id LIMIT $1 FOR UPDATE SKIP LOCKED",
        CLAIMED_MAX,
    )
    return [row[0] for row in rows]
