"""What stewards see of the quarantine: lists, an item's history, and how well it is mended."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Literal, NamedTuple
from uuid import UUID

import asyncpg

from shared.db import Connection, driver
from shared.measuring import age
from shared.metrics import QUARANTINE_INCOMPLETE, QUARANTINE_MENDED, QUARANTINE_WAITED, Reading

State = Literal["open", "accepted", "superseded", "discard_proposed", "discarded", "resolved"]

_SHOWN = """
q.arrival_key, q.event_uid, q.receipt_id, s.source, q.subject, q.record_type, q.unit, q.reasons, q.state, q.owner,
    q.first_seen, q.first_on, q.review_on, q.attempts, q.version, q.incomplete, q.discard_reason, q.reference,
    q.proposed_by, q.approved_by, q.refused, q.disposal_id"""
_FILTER = """
({state}) AND ($1::text IS NULL OR s.source = $1)
    AND ($2::text IS NULL OR q.reasons @> jsonb_build_array(jsonb_build_object('code', $2::text)))
    AND ($3::text IS NULL OR q.owner = $3) AND ($4::text IS NULL OR q.unit = $4)
    AND ($5::uuid IS NULL OR q.subject = $5 OR q.named @> ARRAY[$5])
    AND ($6::timestamptz IS NULL OR q.first_seen >= $6) AND ($7::timestamptz IS NULL OR q.first_seen < $7)
    AND ($8::date IS NULL OR q.review_on < $8) AND ($9::boolean IS NOT TRUE OR q.owner IS NULL)"""
_LIST = f"""
SELECT {_SHOWN} FROM quarantine q JOIN source s USING (source_key)
WHERE {_FILTER} AND ($11::bigint IS NULL OR ({{column}}, q.arrival_key) {{beyond}} ($10::{{type}}, $11))
ORDER BY {{column}} {{way}}, q.arrival_key {{way}} LIMIT $12"""
_HISTORY = """
SELECT at, step, by, code FROM quarantine_step WHERE arrival_key = $1 ORDER BY step_id"""
_FURTHER = (
    "SELECT receipt_id, outcome, reasons, at FROM further_receipt WHERE names = $1 AND event_uid = $2 ORDER BY at"
)
_MEASURES = """
SELECT s.source, q.unit, count(*) AS quarantined, count(*) FILTER (WHERE q.incomplete) AS incomplete,
    count(*) FILTER (WHERE q.state IN ('open', 'discard_proposed')) AS waiting,
    count(*) FILTER (WHERE q.state IN ('open', 'discard_proposed') AND q.review_on < $1) AS overdue,
    count(*) FILTER (WHERE q.state IN ('accepted', 'superseded', 'resolved')) AS mended,
    count(*) FILTER (WHERE q.state = 'discarded') AS discarded,
    min(q.first_seen) FILTER (WHERE q.state IN ('open', 'discard_proposed')) AS oldest,
    min(q.first_on) FILTER (WHERE q.state IN ('open', 'discard_proposed')) AS oldest_on
FROM quarantine q JOIN source s USING (source_key)
WHERE ($2::text IS NULL OR s.source = $2) AND ($3::text IS NULL OR q.unit = $3)
GROUP BY s.source, q.unit ORDER BY s.source, q.unit NULLS FIRST"""

RECENT_MAX = 10_000
_RECENT = f"""
SELECT s.source, count(*) AS n, count(*) FILTER (WHERE q.incomplete) AS incomplete,
    count(*) FILTER (WHERE q.state IN ('accepted', 'superseded', 'resolved')) AS mended,
    min(q.first_seen) FILTER (WHERE q.state IN ('open', 'discard_proposed')) AS since
FROM (SELECT * FROM quarantine ORDER BY arrival_key DESC LIMIT {RECENT_MAX}) q JOIN source s USING (source_key)
GROUP BY s.source"""
NOBODY = "unknown"  # The source of what names none; its series is there from the start.

SORTS: Mapping[str, tuple[str, str]] = {
    "first_seen": ("q.first_seen", "timestamptz"),
    "review_on": ("q.review_on", "date"),
    "attempts": ("q.attempts", "integer"),
    "source": ("s.source", "text"),
    "unit": ("coalesce(q.unit, '')", "text"),
    "owner": ("coalesce(q.owner, '')", "text"),
}


class Wanted(NamedTuple):
    """Which items: each filter that is given must hold; `named` finds a record or a person by any mention."""

    state: State | Literal["any"] = "open"
    source: str | None = None
    code: str | None = None
    owner: str | None = None
    unit: str | None = None
    subject: UUID | None = None
    seen_from: datetime | None = None
    seen_before: datetime | None = None
    review_before: date | None = None
    unowned: bool = False


class Order(NamedTuple):
    """In which order, and after which item the page begins."""

    column: str = "first_seen"
    descending: bool = False
    after: tuple[Any, int] | None = None


async def page(connection: Connection, wanted: Wanted, order: Order, limit: int) -> list[asyncpg.Record]:
    """List items; one with the same value as another follows by its arrival."""
    column, kind = SORTS[order.column]
    statement = _LIST.format(
        state="true" if wanted.state == "any" else f"q.state = '{wanted.state}'",
        column=column,
        type=kind,
        beyond="<" if order.descending else ">",
        way="DESC" if order.descending else "ASC",
    )
    raw = await driver(connection)
    return list(await raw.fetch(statement, *wanted[1:], *(order.after or (None, None)), limit))


async def item(connection: Connection, receipt_id: UUID) -> asyncpg.Record | None:
    """Give one item as a list shows it."""
    raw = await driver(connection)
    statement = f"SELECT {_SHOWN}, a.type, a.place FROM quarantine q JOIN source s USING (source_key) "
    joined = "JOIN arrival a ON a.event_uid = q.event_uid AND a.arrival_key = q.arrival_key WHERE q.receipt_id = $1"
    return await raw.fetchrow(statement + joined, receipt_id)


async def history(connection: Connection, arrival_key: int) -> list[asyncpg.Record]:
    """Give what was done about an item, in order."""
    raw = await driver(connection)
    return list(await raw.fetch(_HISTORY, arrival_key))


async def further(connection: Connection, receipt_id: UUID, event_uid: UUID) -> list[asyncpg.Record]:
    """Give the receipts that name an item's first."""
    raw = await driver(connection)
    return list(await raw.fetch(_FURTHER, receipt_id, event_uid))


async def measures(
    connection: Connection, today: date, source: str | None, unit: str | None
) -> Sequence[asyncpg.Record]:
    """Count by source and unit what was ever quarantined, and what became of it."""
    raw = await driver(connection)
    return list(await raw.fetch(_MEASURES, today, source, unit))


async def recent(connection: Connection, now: datetime) -> list[Reading]:
    """Give, by source, how the newest items came and how well they are mended."""
    rows = {row["source"]: row for row in await (await driver(connection)).fetch(_RECENT)}
    readings = []
    for source in sorted({NOBODY, *rows}):
        row = rows.get(source)
        readings += [
            Reading(QUARANTINE_INCOMPLETE, row["incomplete"] if row else 0, (source,)),
            Reading(QUARANTINE_MENDED, row["mended"] / row["n"] if row else 0, (source,)),
            Reading(QUARANTINE_WAITED, age(now, row["since"]) if row else 0, (source,)),
        ]
    return readings
