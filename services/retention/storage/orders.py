"""Disposal orders and the lifecycle columns of schedules.

Lock in this order, everywhere: orders, then schedules by record key; neither is waited for in background work.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from services.retention.domain.lifecycle import Case, Decision, Offender, from_which
from services.retention.storage.moves import KEEP
from services.retention.storage.reviews import CALLED_FOR
from services.retention.storage.roots import PERSONS
from shared.db import Connection, columns, driver

RETRY_AFTER = timedelta(seconds=10)

_CLAIM = """
SELECT disposal_id, record_key FROM disposal_order WHERE state = 'cooling' AND execute_from <= $1 AND retry_at < $2
ORDER BY execute_from, disposal_id LIMIT $3 FOR UPDATE SKIP LOCKED"""
_CLAIM_MEMBERS = """
SELECT disposal_id, record_key FROM disposal_order WHERE record_key = ANY($1::bigint[]) AND state = 'cooling'
    AND execute_from <= $2 ORDER BY disposal_id FOR UPDATE SKIP LOCKED"""
_LOCK = """
SELECT s.record_key FROM unnest($1::bigint[]) k JOIN schedule s ON s.record_key = k
ORDER BY s.record_key FOR UPDATE OF s SKIP LOCKED"""
_LINKED = f"FROM {PERSONS}"
_CASES = f"""
SELECT o.disposal_id, o.record_key, o.review_id, o.row_id AS row_ordered, s.lifecycle, s.state, s.row_id, s.ends,
    s.actionable_from, s.keep_until, s.by_age, s.grp, s.class_id, s.pack, s.clock_on, r.record_uid,
    lower(r.spans) AS first_on, upper(r.spans) - 1 AS last_on,
    (SELECT coalesce(max(sequence), 0) FROM fact f
        WHERE f.record_key = o.record_key AND kind = 'record_state') AS sequence,
    EXISTS (SELECT FROM dirty d WHERE d.record_key = o.record_key)
        OR EXISTS (SELECT FROM link l JOIN dirty d USING (nominal_key) WHERE l.record_key = o.record_key)
        OR EXISTS (SELECT {_LINKED} JOIN dirty d ON d.nominal_key = b.nominal_key
            WHERE l.record_key = o.record_key) AS dirty,
    EXISTS (SELECT FROM parked p WHERE p.resolved_at IS NULL AND p.subject = r.record_uid)
        OR EXISTS (SELECT FROM link l JOIN nominal n USING (nominal_key) JOIN parked p ON p.subject = n.nominal_ref
            WHERE l.record_key = o.record_key AND p.resolved_at IS NULL)
        OR EXISTS (SELECT {_LINKED} JOIN nominal n ON n.nominal_key = b.nominal_key JOIN parked p
            ON p.subject = n.nominal_ref WHERE l.record_key = o.record_key AND p.resolved_at IS NULL) AS parked,
    {CALLED_FOR} AS called_for, s.by_person
FROM unnest($1::uuid[]) d JOIN disposal_order o ON o.disposal_id = d JOIN record r USING (record_key)
    JOIN schedule s ON s.record_key = o.record_key
ORDER BY o.record_key"""
_OFFENDERS = """
SELECT DISTINCT l.record_key, coalesce(p.root, l.nominal_key), p.grp FROM unnest($1::bigint[]) k
JOIN link l ON l.record_key = k LEFT JOIN person_schedule p USING (nominal_key) WHERE l.offending"""
_DECISIONS = """
SELECT DISTINCT ON (record_key, nominal_key) record_key, nominal_key, review_id, basis, decided_by, approved_by
FROM decision WHERE lapsed IS NULL AND outcome = 'dispose'
    AND (record_key = ANY($1::bigint[]) OR nominal_key = ANY($2::bigint[]))
ORDER BY record_key, nominal_key, known_at DESC, version DESC"""
_CLOSE = """
UPDATE disposal_order o SET state = u.state, reason = u.why, waits_for = u.waits, waits_on = u.member,
    version = version + 1,
    retry_at = CASE WHEN u.state = 'cooling' THEN $6 ELSE retry_at END,
    closed_at = CASE WHEN u.state = 'cooling' THEN NULL ELSE $7::timestamptz END
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::uuid[]) u (id, state, why, waits, member)
WHERE o.disposal_id = u.id AND o.state = 'cooling'"""
_MOVE = f"""
WITH locked AS (SELECT s.record_key FROM unnest($1::bigint[]) k JOIN schedule s ON s.record_key = k
    WHERE s.lifecycle = ANY($4) ORDER BY s.record_key FOR UPDATE OF s {{skip}}),
moved AS (UPDATE schedule s SET lifecycle = $2, reason = $3, version = version + 1 FROM locked l
    WHERE s.record_key = l.record_key RETURNING s.record_key, s.lifecycle, s.reason), {KEEP}"""
_OPEN = """
INSERT INTO disposal_order (disposal_id, record_key, review_id, row_id, n, state, opened_on, execute_from, opened_at)
SELECT u.id, u.k, u.review, u.row_id, u.n, 'cooling', $7, u.execute_from, $8
FROM unnest($1::uuid[], $2::bigint[], $3::uuid[], $4::text[], $5::integer[], $6::date[])
    u (id, k, review, row_id, n, execute_from)
ON CONFLICT DO NOTHING RETURNING record_key"""
# Each of the three by an index of its own: what is in hand and stays due is not read. No parameter may stand for a
# word of a partial index: a plan for every parameter cannot use it.
_NOT_DUE = """
(SELECT record_key FROM schedule WHERE lifecycle IN ('due', 'ordered') AND open_on > $1
    ORDER BY lifecycle, open_on, record_key LIMIT $2)
UNION ALL (SELECT record_key FROM schedule WHERE lifecycle IN ('due', 'ordered') AND open_on IS NULL
    ORDER BY lifecycle, open_on, record_key LIMIT $2)
UNION ALL (SELECT record_key FROM schedule WHERE lifecycle IN ('due', 'ordered') AND state <> 'current'
    AND open_on <= $1 ORDER BY record_key LIMIT $2) LIMIT $2"""
_ATTEMPTS = "SELECT record_key, count(*) FROM disposal_order WHERE record_key = ANY($1::bigint[]) GROUP BY 1"
_DROP = """
WITH taken AS (SELECT disposal_id FROM disposal_order WHERE record_key = ANY($1::bigint[]) AND state = 'cooling'
    ORDER BY disposal_id FOR UPDATE SKIP LOCKED)
UPDATE disposal_order o SET state = 'dropped', reason = $2, closed_at = $3, version = version + 1 FROM taken t
WHERE o.disposal_id = t.disposal_id RETURNING o.record_key"""


_DECIDED = """
SELECT record_key FROM disposal_order WHERE record_key = ANY($1::bigint[]) AND state = 'cooling'
    AND review_id IS NOT NULL"""


class Claimed(NamedTuple):
    """An order that may fall to be carried out: of a record, or of a quarantined arrival where it has no key."""

    disposal_id: UUID
    record_key: int | None


class Found(NamedTuple):
    """An order's record as read behind the gate: what is judged, and what the proof will say."""

    disposal_id: UUID
    record_uid: UUID
    sequence: int
    case: Case
    proof: dict[str, Any]


class NewOrder(NamedTuple):
    """An order to be opened; it cools off until `execute_from`."""

    disposal_id: UUID
    record_key: int
    review_id: UUID | None
    row: str
    n: int
    execute_from: date


class Closed(NamedTuple):
    """What became of one order: executed, dropped for a reason, or cooling on and tried again."""

    disposal_id: UUID
    state: str
    reason: str | None
    waits_for: str | None
    waits_on: UUID | None = None


async def claim(connection: Connection, today: date, now: datetime, limit: int) -> list[Claimed]:
    """Claim cooled orders that nobody else has, the longest due first."""
    raw = await driver(connection)
    return [Claimed(*row) for row in await raw.fetch(_CLAIM, today, now, limit)]


async def claim_members(connection: Connection, record_keys: Iterable[int], today: date) -> list[Claimed]:
    """Claim the cooled orders of more records that nobody else has, whenever they are to be tried again."""
    if not (wanted := sorted(record_keys)):
        return []
    raw = await driver(connection)
    return [Claimed(*row) for row in await raw.fetch(_CLAIM_MEMBERS, wanted, today)]


async def lock_schedules(connection: Connection, record_keys: Iterable[int]) -> set[int]:
    """Lock the schedules of records that nobody is writing; what is read of them afterwards stays so."""
    raw = await driver(connection)
    return {row[0] for row in await raw.fetch(_LOCK, sorted(record_keys))}


async def cases(connection: Connection, disposal_ids: Sequence[UUID], held: Iterable[int]) -> list[Found]:
    """Read all that decides whether these orders' records may go, in one statement each."""
    raw, covered = await driver(connection), set(held)
    rows = await raw.fetch(_CASES, disposal_ids)
    offenders = await offenders_of(connection, [row["record_key"] for row in rows])
    return [_found(row, row["record_key"] in covered, tuple(offenders.get(row["record_key"], ()))) for row in rows]


_PROVEN = ("row_ordered", "grp", "class_id", "pack", "by_age", "keep_until", "clock_on", "first_on", "last_on")


def _found(row: Any, held: bool, offenders: tuple[Offender, ...]) -> Found:
    review_id = row["review_id"]
    case = Case(
        record_key=row["record_key"],
        review_id=str(review_id) if review_id else None,
        row_ordered=row["row_ordered"],
        lifecycle=row["lifecycle"],
        state=row["state"],
        row=row["row_id"],
        ends=row["ends"],
        actionable_from=row["actionable_from"],
        held=held,
        dirty=row["dirty"],
        parked=row["parked"],
        by_person=row["by_person"],
        called_for=row["called_for"],
        offenders=offenders,
    )
    return Found(row["disposal_id"], row["record_uid"], row["sequence"], case, {name: row[name] for name in _PROVEN})


async def offenders_of(connection: Connection, record_keys: Sequence[int]) -> dict[int, list[Offender]]:
    """Find each record's offending persons with their groups."""
    raw = await driver(connection)
    found: dict[int, list[Offender]] = {}
    for record_key, nominal_key, group in await raw.fetch(_OFFENDERS, record_keys):
        found.setdefault(record_key, []).append(Offender(nominal_key, group))
    return found


async def standing(connection: Connection, subjects: Iterable[tuple[str, int]]) -> dict[tuple[str, int], Decision]:
    """Find the dispose decision of each subject that nothing has lapsed."""
    raw, wanted = await driver(connection), set(subjects)
    records = [key for kind, key in wanted if kind == "record"]
    persons = [key for kind, key in wanted if kind == "nominal"]
    found = {}
    for record, nominal, review_id, basis, decided_by, approved_by in await raw.fetch(_DECISIONS, records, persons):
        subject = ("record", record) if record else ("nominal", nominal)
        found[subject] = Decision(str(review_id), basis, decided_by, tuple(approved_by))
    return found


async def close(connection: Connection, closed: Sequence[Closed], now: datetime) -> None:
    """Give each claimed order its outcome; one that must wait leaves the queue's head, or it is claimed for ever."""
    raw = await driver(connection)
    await raw.execute(_CLOSE, *columns([tuple(each) for each in closed], 5), now + RETRY_AFTER, now)


async def move(
    connection: Connection, record_keys: Iterable[int], to: Any, reason: str | None = None, *, wait: bool = True
) -> list[int]:
    """Move records to a state that they may come to from where they are; gives those that moved."""
    raw = await driver(connection)
    statement = _MOVE.replace("{skip}", "" if wait else "SKIP LOCKED")
    rows = await raw.fetch(statement, sorted(record_keys), to, reason, list(from_which(to)))
    return sorted(row[0] for row in rows)


async def open_orders(connection: Connection, orders: Sequence[NewOrder], today: date, now: datetime) -> list[int]:
    """Open orders; a record that has one open keeps that. Gives the records that got one."""
    raw = await driver(connection)
    rows = await raw.fetch(_OPEN, *columns([tuple(each) for each in orders], 6), today, now)
    return sorted(row[0] for row in rows)


async def attempts(connection: Connection, record_keys: Sequence[int]) -> Mapping[int, int]:
    """Count the orders that each record ever had."""
    raw = await driver(connection)
    return {row[0]: row[1] for row in await raw.fetch(_ATTEMPTS, record_keys)}


async def drop(connection: Connection, record_keys: Sequence[int], reason: str, now: datetime) -> list[int]:
    """Drop these records' open orders that nobody is carrying out; gives the records."""
    raw = await driver(connection)
    return sorted(row[0] for row in await raw.fetch(_DROP, record_keys, reason, now))


async def decided(connection: Connection, record_keys: Sequence[int]) -> set[int]:
    """Find those of these records whose open order a decision opened."""
    raw = await driver(connection)
    return {row[0] for row in await raw.fetch(_DECIDED, record_keys)}


async def abort(connection: Connection, disposal_id: UUID, by: str, reason: str, now: datetime) -> Claimed | None:
    """End a cooling order; gives what it was about, or None: it cools no more."""
    raw = await driver(connection)
    row = await raw.fetchrow(
        "UPDATE disposal_order SET state = 'aborted', reason = $3, aborted_by = $2, closed_at = $4, "
        "version = version + 1 "
        "WHERE disposal_id = $1 AND state = 'cooling' RETURNING disposal_id, record_key",
        *(disposal_id, by, reason, now),
    )
    return Claimed(*row) if row else None


async def not_due_any_more(connection: Connection, today: date, limit: int) -> list[int]:
    """Find records in hand whose dates have moved on, so that nothing is due about them."""
    raw = await driver(connection)
    return [row[0] for row in await raw.fetch(_NOT_DUE, today, limit)]


async def say_why(connection: Connection, record_keys: Iterable[int], reason: str) -> None:
    """Give the reason why records stay where they are."""
    raw = await driver(connection)
    await raw.execute(
        """UPDATE schedule s SET reason = $2, version = version + 1 FROM unnest($1::bigint[]) k
        WHERE s.record_key = k AND s.reason IS DISTINCT FROM $2""",
        *(sorted(record_keys), reason),
    )
