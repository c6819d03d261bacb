"""Orders to unlink a person from a shared record, and what is read of them behind the gate."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

from services.retention.storage.facts import DECISIONS
from services.retention.storage.reviews import CALLED_FOR
from services.retention.storage.roots import PERSONS
from shared.db import Connection, columns, driver

_UIDS = f"""(SELECT encode(sha256(convert_to(coalesce(string_agg(f.event_uid::text, ',' ORDER BY f.event_uid), ''),
        'UTF8')), 'hex')
    FROM fact f WHERE f.kind NOT IN {DECISIONS} AND (f.record_key = {{record}} OR f.nominal_key IN (
    SELECT p.nominal_key FROM person_schedule p WHERE p.root = {{nominal}})))"""
_OPEN = f"""
INSERT INTO unlink_order (disposal_id, record_key, nominal_key, review_id, basis, execute_from, opened_at)
SELECT u.id, u.k, $3, $4, {_UIDS.format(record="u.k", nominal="$3")}, $5, $6
FROM unnest($1::uuid[], $2::bigint[]) u (id, k) ON CONFLICT DO NOTHING"""
# After the orders of the same review: what they dispose of is no new fact, and yet changes what the person carries.
_CLAIM = f"""
SELECT o.disposal_id, o.record_key, o.nominal_key, o.review_id, s.lifecycle, r.executed_by IS NOT NULL AS gone,
    o.basis = {_UIDS.format(record="o.record_key", nominal="o.nominal_key")} AS same,
    (SELECT max(f.sequence) FROM fact f WHERE f.record_key = o.record_key AND f.kind = 'record_state') AS up_to,
    {CALLED_FOR} AS called_for,
    EXISTS (SELECT FROM dirty d WHERE d.record_key = o.record_key) OR EXISTS (SELECT FROM {PERSONS}
        JOIN dirty d ON d.nominal_key = b.nominal_key WHERE l.record_key = o.record_key) AS dirty,
    EXISTS (SELECT FROM parked p WHERE p.resolved_at IS NULL AND p.subject = r.record_uid) OR EXISTS (
        SELECT FROM {PERSONS} JOIN nominal n ON n.nominal_key = b.nominal_key JOIN parked p ON p.subject = n.nominal_ref
        WHERE l.record_key = o.record_key AND p.resolved_at IS NULL) AS parked
FROM unlink_order o JOIN schedule s USING (record_key) JOIN record r USING (record_key)
WHERE o.state = 'cooling' AND o.execute_from <= $1 AND NOT EXISTS (
    SELECT FROM disposal_order d WHERE d.review_id = o.review_id AND d.state = 'cooling')
ORDER BY o.execute_from, o.disposal_id LIMIT $2 FOR UPDATE OF o SKIP LOCKED"""
_CLOSE = """
UPDATE unlink_order o SET state = u.state, reason = u.why, closed_at = $4
FROM unnest($1::uuid[], $2::text[], $3::text[]) u (id, state, why) WHERE o.disposal_id = u.id AND o.state = 'cooling'"""
_REFS = """
SELECT p.root, array_agg(n.nominal_ref ORDER BY n.nominal_ref) FROM person_schedule p JOIN nominal n USING (nominal_key)
WHERE p.root = ANY($1::bigint[]) GROUP BY p.root"""


class Asked(NamedTuple):
    """An order to unlink, as it is found behind the gate."""

    disposal_id: UUID
    record_key: int
    root: int
    review_id: UUID
    lifecycle: str
    gone: bool
    same: bool
    up_to: int
    called_for: bool
    dirty: bool
    parked: bool


async def open_orders(
    connection: Connection, ordered: Sequence[tuple[UUID, int]], root: int, review: UUID, start: date, now: datetime
) -> None:
    """Open orders to unlink one person; one that is open for the same record and person stays."""
    await (await driver(connection)).execute(_OPEN, *columns(list(ordered), 2), root, review, start, now)


async def claim(connection: Connection, today: date, limit: int) -> list[Asked]:
    """Claim cooled orders, the longest due first."""
    return [Asked(*row) for row in await (await driver(connection)).fetch(_CLAIM, today, limit)]


async def close(connection: Connection, closed: Sequence[tuple[UUID, str, str | None]], now: datetime) -> None:
    """Give orders their outcome: (order, state, why)."""
    await (await driver(connection)).execute(_CLOSE, *columns(list(closed), 3), now)


async def refs_of(connection: Connection, roots: Iterable[int]) -> dict[int, list[UUID]]:
    """Give the ids of all nominals of persons."""
    raw = await driver(connection)
    return {row[0]: list(row[1]) for row in await raw.fetch(_REFS, sorted(set(roots)))}
