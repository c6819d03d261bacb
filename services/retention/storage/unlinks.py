"""Orders to unlink a person from a shared record: what is read of them behind the gate, and what became of them."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from services.retention.storage.facts import DECISIONS
from services.retention.storage.reviews import CALLED_FOR
from services.retention.storage.roots import PERSONS
from shared.db import Connection, columns, driver

UNLINK_GATE = 4712  # Beside the gate of holds: whoever carries such orders out has it to the end of the transaction.

_UIDS = f"""(SELECT encode(sha256(convert_to(coalesce(string_agg(f.event_uid::text, ',' ORDER BY f.event_uid), ''),
        'UTF8')), 'hex')
    FROM fact f WHERE f.kind NOT IN {DECISIONS} AND (f.record_key = {{record}} OR f.nominal_key IN (
    SELECT p.nominal_key FROM person_schedule p WHERE p.root = {{nominal}})))"""
_OPEN = f"""
INSERT INTO unlink_order (disposal_id, record_key, nominal_key, review_id, basis, opened_on, execute_from, opened_at)
SELECT u.id, u.k, $3, $4, {_UIDS.format(record="u.k", nominal="$3")}, $5, $6, $7
FROM unnest($1::uuid[], $2::bigint[]) u (id, k) ON CONFLICT DO NOTHING"""
# After the orders of the same review: what they dispose of is no new fact, and yet changes what the person carries.
# What has still to be settled, or waits in quarantine, waits without keeping anybody else from being claimed.
_CLAIM = f"""
SELECT o.disposal_id, o.record_key, o.nominal_key, o.review_id, s.lifecycle, r.executed_by IS NOT NULL AS gone,
    o.basis = {_UIDS.format(record="o.record_key", nominal="o.nominal_key")} AS same,
    (SELECT max(f.sequence) FROM fact f WHERE f.record_key = o.record_key AND f.kind = 'record_state') AS up_to,
    {CALLED_FOR} AS called_for, r.record_uid,
    jsonb_build_object('row_ordered', coalesce(s.row_id, 'none'), 'class_id', s.class_id, 'pack', s.pack,
        'grp', w.grp, 'keep_until', w.keep_until, 'clock_on', w.clock_on, 'by_age', w.by_age,
        'first_on', lower(r.spans), 'last_on', upper(r.spans) - 1)::text AS proof
FROM unlink_order o JOIN schedule s USING (record_key) JOIN record r USING (record_key)
    JOIN person_schedule w ON w.nominal_key = o.nominal_key
WHERE o.state = 'cooling' AND o.execute_from <= $1 AND NOT EXISTS (
        SELECT FROM disposal_order d WHERE d.review_id = o.review_id AND d.state = 'cooling')
    AND NOT (EXISTS (SELECT FROM dirty d WHERE d.record_key = o.record_key)
        OR EXISTS (SELECT FROM {PERSONS} JOIN dirty d ON d.nominal_key = b.nominal_key
            WHERE l.record_key = o.record_key)
        OR EXISTS (SELECT FROM parked p WHERE p.resolved_at IS NULL AND p.subject = r.record_uid)
        OR EXISTS (SELECT FROM {PERSONS} JOIN nominal n ON n.nominal_key = b.nominal_key
            JOIN parked p ON p.subject = n.nominal_ref WHERE l.record_key = o.record_key AND p.resolved_at IS NULL))
ORDER BY o.execute_from, o.disposal_id LIMIT $2 FOR UPDATE OF o SKIP LOCKED"""
_DROP = """
UPDATE unlink_order o SET state = 'dropped', reason = u.why, closed_at = $3
FROM unnest($1::uuid[], $2::text[]) u (id, why) WHERE o.disposal_id = u.id AND o.state = 'cooling'"""
_EXECUTE = """
UPDATE unlink_order o SET state = 'executed', closed_at = $5, executed_at = $5, executed_on = $6, up_to = u.up_to,
    proof = u.proof::jsonb, log_id = u.log_id
FROM unnest($1::uuid[], $2::bigint[], $3::text[], $4::bigint[]) u (id, up_to, proof, log_id)
WHERE o.disposal_id = u.id AND o.state = 'cooling'"""
_ABORT = """
UPDATE unlink_order SET state = 'aborted', reason = $3, aborted_by = $2, closed_at = $4
WHERE disposal_id = $1 AND state = 'cooling' RETURNING record_key, nominal_key"""
_READ = """
SELECT o.disposal_id, o.record_key, o.executed_at, o.proof::text AS proof, o.state, r.record_uid, o.review_id,
    (SELECT min(known_at) FROM fact f WHERE f.record_key = o.record_key) AS known_at
FROM unlink_order o JOIN record r USING (record_key)
WHERE o.disposal_id = $1 AND o.executed_at IS NOT NULL FOR UPDATE OF o"""
_ALONE = "SELECT pg_try_advisory_xact_lock(hashtext(current_schema()), $1)"
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
    record_uid: UUID
    proof: str
    """What of the record and the person the certificate will say, as JSON."""


async def open_orders(
    connection: Connection,
    ordered: Sequence[tuple[UUID, int]],
    whose: tuple[int, UUID],
    days: tuple[date, date],
    now: datetime,
) -> None:
    """Open orders to unlink one person, by a review, on a day and to be carried out from another.

    One that is open for the same record and person stays.
    """
    await (await driver(connection)).execute(_OPEN, *columns(list(ordered), 2), *whose, *days, now)


async def alone(connection: Connection) -> bool:
    """Say whether nobody else carries out such orders, and keep it so until the end of the transaction."""
    return bool(await (await driver(connection)).fetchval(_ALONE, UNLINK_GATE))


async def claim(connection: Connection, today: date, limit: int) -> list[Asked]:
    """Claim cooled orders for which nothing has to come in first, the longest due first."""
    return [Asked(*row) for row in await (await driver(connection)).fetch(_CLAIM, today, limit)]


async def drop(connection: Connection, dropped: Sequence[tuple[UUID, str]], now: datetime) -> None:
    """End cooling orders, each with why it is not carried out."""
    await (await driver(connection)).execute(_DROP, *columns(list(dropped), 2), now)


async def executed(
    connection: Connection, gone: Sequence[tuple[UUID, int, str, int]], today: date, now: datetime
) -> None:
    """Write down that orders were carried out: (order, up to which state, proof, log id of the notice)."""
    await (await driver(connection)).execute(_EXECUTE, *columns(list(gone), 4), now, today)


async def abort(
    connection: Connection, disposal_id: UUID, by: str, reason: str, now: datetime
) -> tuple[int, int] | None:
    """End a cooling order; gives the record and the person, or None: it is none, or cools no more."""
    row = await (await driver(connection)).fetchrow(_ABORT, disposal_id, by, reason, now)
    return tuple(row) if row else None


async def read_executed(connection: Connection, disposal_id: UUID) -> dict[str, Any] | None:
    """Read and lock an order that was carried out, with all that its certificate says."""
    row = await (await driver(connection)).fetchrow(_READ, disposal_id)
    return {**dict(row), "proof": msgspec.json.decode(row["proof"])} if row else None


async def answered(connection: Connection, disposal_id: UUID) -> None:
    """Write down that intake finds the person by this record no more."""
    await (await driver(connection)).execute(
        "UPDATE unlink_order SET state = 'unlinked' WHERE disposal_id = $1 AND state = 'executed'", disposal_id
    )


async def refs_of(connection: Connection, roots: Iterable[int]) -> dict[int, list[UUID]]:
    """Give the ids of all nominals of persons."""
    raw = await driver(connection)
    return {row[0]: list(row[1]) for row in await raw.fetch(_REFS, sorted(set(roots)))}
