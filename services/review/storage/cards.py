"""Cards: what was registered of records and nominals, as far as a reviewer needs it."""

from collections.abc import Collection, Sequence
from typing import NamedTuple
from uuid import UUID

import msgspec

from services.review.domain import Task
from shared.db import Connection, columns, driver

# A nominal has one state per source, and its facts are by source: sequences of two sources are not to be compared.
# What was erased stays erased: a late event about it makes no card.
_NOT_ERASED = "NOT EXISTS (SELECT FROM erasure e WHERE e.record_id = u.card_id)"
_CARDS = f"""
INSERT INTO card (card_id, kind, sequence, facts)
SELECT u.card_id, u.kind, u.sequence, u.facts::jsonb
FROM unnest($1::uuid[], $2::text[], $3::bigint[], $4::text[]) u(card_id, kind, sequence, facts) WHERE {_NOT_ERASED}
ON CONFLICT (card_id) DO UPDATE SET sequence = greatest(card.sequence, excluded.sequence),
    facts = CASE WHEN excluded.kind = 'nominal' THEN card.facts || (
            SELECT coalesce(jsonb_object_agg(source, state), '{{}}') FROM jsonb_each(excluded.facts) e (source, state)
            WHERE ((state -> 'sequence')::bigint > (card.facts -> source -> 'sequence')::bigint) IS NOT FALSE)
        WHEN excluded.facts ? 'record_type' THEN excluded.facts ELSE card.facts || excluded.facts END
WHERE excluded.sequence > card.sequence OR excluded.kind = 'nominal'"""
_STAFF = f"""
INSERT INTO card_staff (card_id, staff_id, role)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[]) u(card_id, staff_id, role) WHERE {_NOT_ERASED}
ON CONFLICT DO NOTHING"""
# Nor does a late state link whom an order unlinked from it.
_LINKS = f"""
INSERT INTO card_link AS l (record_id, nominal_ref, role, sequence)
SELECT DISTINCT ON (card_id, nominal_ref) u.*
FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::bigint[]) u(card_id, nominal_ref, role, sequence)
WHERE {_NOT_ERASED} AND NOT EXISTS (SELECT FROM unlinking e WHERE e.record_id = u.card_id
    AND u.nominal_ref = ANY(e.nominals) AND u.sequence <= e.up_to)
ORDER BY card_id, nominal_ref, sequence DESC
ON CONFLICT (record_id, nominal_ref) DO UPDATE SET sequence = excluded.sequence WHERE l.sequence < excluded.sequence"""

_LINKED = """
WITH about AS (SELECT record_id FROM task_record WHERE task_id = $1 UNION SELECT $2::uuid),
    cards AS (SELECT record_id AS card_id FROM about
        UNION SELECT nominal_ref FROM card_link JOIN about USING (record_id))
SELECT DISTINCT staff_id FROM card_staff JOIN cards USING (card_id)"""


class Card(NamedTuple):
    """One card: its facts as JSON, the staff it names, the nominals it links, each with its state's sequence."""

    card_id: UUID
    kind: str
    sequence: int
    facts: str
    staff: tuple[tuple[str, str], ...] = ()
    links: tuple[tuple[UUID, str, int], ...] = ()


async def keep(connection: Connection, cards: Sequence[Card]) -> None:
    """Keep cards, one per subject; a lower sequence than the held one changes nothing but the staff and links named."""
    raw = await driver(connection)
    ordered = sorted(cards, key=lambda card: card.card_id.bytes)
    await raw.execute(_CARDS, *columns([tuple(card[:4]) for card in ordered], 4))
    staff = sorted({(card.card_id, *each) for card in ordered for each in card.staff})
    links = sorted({(card.card_id, *each) for card in ordered for each in card.links})
    if staff:
        await raw.execute(_STAFF, *columns(list(staff), 3))
    if links:
        await raw.execute(_LINKS, *columns(list(links), 4))


async def shown(connection: Connection, ids: Collection[UUID]) -> dict[UUID, dict[str, object]]:
    """Give the facts of cards by id; a nominal's flags are those of all its sources."""
    raw = await driver(connection)
    rows = await raw.fetch("SELECT card_id, kind, facts::text FROM card WHERE card_id = ANY($1)", list(ids))
    found = {row["card_id"]: (row["kind"], msgspec.json.decode(row["facts"])) for row in rows}
    return {key: _united(facts) if kind == "nominal" else facts for key, (kind, facts) in found.items()}


def _united(facts: dict[str, dict[str, list[str]]]) -> dict[str, object]:
    return {"flags": sorted({flag for state in facts.values() for flag in state["flags"]})}


async def linked_staff(connection: Connection, task: Task) -> frozenset[str]:
    """Find every member of staff whom a record or person of the task names, now or in any earlier state."""
    raw = await driver(connection)
    rows = await raw.fetch(_LINKED, task.task_id, task.request.subject)
    return frozenset(row["staff_id"] for row in rows)
