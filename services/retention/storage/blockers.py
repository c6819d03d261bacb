"""What stands between records and their disposal, read from the tables: of one record, and counted for the estate."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from services.retention.domain import side_from
from services.retention.domain.blockers import Standing
from services.retention.storage import holds, parts, reads, reviews
from services.retention.storage.roots import PERSONS, REVIEWED_BY
from shared.db import Connection, driver

MEMBERS_MAX = 2_000  # Of a larger case file nothing goes, whoever holds it.

_PERSONS = """
SELECT n.nominal_ref, p.keep_until, p.by_age, p.grp, p.root FROM link l JOIN person_schedule p USING (nominal_key)
JOIN nominal n USING (nominal_key) WHERE l.record_key = $1 AND l.offending ORDER BY p.keep_until DESC, n.nominal_ref"""
_HOLDS = "SELECT hold_id, owner FROM hold WHERE hold_id = ANY($1::uuid[]) ORDER BY hold_id"
_DECIDED = """
SELECT DISTINCT ON (d.nominal_key) d.review_id, d.decided_on, d.basis, d.nominal_key FROM decision d
WHERE d.lapsed IS NULL AND d.outcome = 'dispose' AND (d.record_key = $1 OR d.nominal_key IN (
    SELECT p.root FROM link l JOIN person_schedule p USING (nominal_key) WHERE l.record_key = $1 AND l.offending))
ORDER BY d.nominal_key, d.known_at DESC, d.version DESC"""
_UNLINKS = """
SELECT o.disposal_id, o.execute_from, o.review_id, d.decided_on, n.nominal_ref FROM unlink_order o
JOIN nominal n USING (nominal_key) LEFT JOIN LATERAL (SELECT decided_on FROM decision d
    WHERE d.review_id = o.review_id ORDER BY d.version DESC LIMIT 1) d ON true
WHERE o.record_key = $1 AND o.state = 'cooling' ORDER BY o.disposal_id"""
_REVIEWS = """
SELECT v.review_id, v.cause, v.due_on FROM review_member m JOIN review v USING (review_id)
WHERE m.record_key = $1 AND v.state = 'open' ORDER BY v.due_on, v.review_id"""
_ASKED = f"""
SELECT cause FROM review_wanted WHERE record_key = $1 UNION
SELECT w.cause FROM link l JOIN review_wanted w USING (nominal_key) WHERE l.record_key = $1 AND {REVIEWED_BY}
ORDER BY 1"""
_ORDERS = """
SELECT disposal_id, execute_from, waits_for FROM disposal_order WHERE record_key = $1 AND state = 'cooling'
ORDER BY disposal_id"""
# As the execution's own look: also what names another nominal of a person on it.
_PARKED = f"""
SELECT count(DISTINCT p.event_uid) FROM parked p WHERE p.resolved_at IS NULL AND p.subject IN (
    SELECT record_uid FROM record WHERE record_key = $1 UNION ALL
    SELECT n.nominal_ref FROM link l JOIN nominal n USING (nominal_key) WHERE l.record_key = $1 UNION ALL
    SELECT n.nominal_ref FROM {PERSONS} JOIN nominal n ON n.nominal_key = b.nominal_key WHERE l.record_key = $1)"""
_LEAVING = """
SELECT d.irrecoverable_from, ARRAY(SELECT u FROM unnest($2::text[]) u WHERE NOT EXISTS (SELECT FROM confirmation c
    WHERE c.disposal_id = d.disposal_id AND c.holder = u AND c.answer IN ('erased', 'never_had_it')) ORDER BY u)
FROM disposal_state d WHERE d.record_key = $1"""
_SIDE = "SELECT side FROM unnest(ARRAY[$1::bigint]) k JOIN schedule ON record_key = k"
# Of what is gone nothing is kept any more: only the copies that have not answered count.
_COUNTED = """
SELECT 'hold' AS code, NULL AS cause, count(*) AS records FROM schedule WHERE held
UNION ALL SELECT 'problem', problem, count(*) FROM schedule JOIN record r USING (record_key)
    WHERE state = 'exception' AND r.executed_by IS NULL GROUP BY problem
UNION ALL SELECT 'review', v.cause, count(DISTINCT m.record_key) FROM review v JOIN review_member m USING (review_id)
    JOIN record r ON r.record_key = m.record_key WHERE v.state = 'open' AND r.executed_by IS NULL GROUP BY v.cause
UNION ALL SELECT 'asked_for', cause, count(DISTINCT (w.record_key, w.nominal_key)) FROM review_wanted w
    LEFT JOIN record r USING (record_key) WHERE r.executed_by IS NULL GROUP BY cause
UNION ALL SELECT CASE WHEN waits_for IS NULL THEN 'order' ELSE 'order_waits' END, waits_for, count(*)
    FROM disposal_order WHERE state = 'cooling' AND record_key IS NOT NULL GROUP BY waits_for
UNION ALL SELECT 'parked', NULL, count(*) FILTER (WHERE r.executed_by IS NULL) FROM (
    SELECT record_key FROM parked p JOIN record r ON r.record_uid = p.subject WHERE p.resolved_at IS NULL
    UNION SELECT l.record_key FROM parked p JOIN nominal n ON n.nominal_ref = p.subject JOIN link l USING (nominal_key)
        WHERE p.resolved_at IS NULL
    UNION SELECT l.record_key FROM parked p JOIN nominal n ON n.nominal_ref = p.subject
        JOIN person_schedule b ON b.nominal_key = n.nominal_key JOIN person_schedule a ON a.root = b.root
        JOIN link l ON l.nominal_key = a.nominal_key WHERE p.resolved_at IS NULL) s JOIN record r USING (record_key)
UNION ALL SELECT 'unsettled', NULL, count(DISTINCT (d.record_key, d.nominal_key)) FROM dirty d
    LEFT JOIN record r USING (record_key) WHERE r.executed_by IS NULL
UNION ALL SELECT 'unconfirmed_row', row_id, count(*) FROM schedule
    WHERE lifecycle IN ('due', 'in_review') AND row_id = ANY($1::text[]) GROUP BY row_id
UNION ALL SELECT 'confirmation', u, count(*) FROM disposal_state d CROSS JOIN unnest($2::text[]) u
    WHERE d.state IN ('executed', 'shredded') AND d.record_key IS NOT NULL AND NOT EXISTS (SELECT FROM confirmation c
        WHERE c.disposal_id = d.disposal_id AND c.holder = u AND c.answer IN ('erased', 'never_had_it')) GROUP BY u
ORDER BY 1, 2"""


async def of_record(connection: Connection, row: reads.Row, holders: Iterable[str]) -> Standing:
    """Gather all that is known of a record's way to its end."""
    raw, key = await driver(connection), row["record_key"]
    covering = (await holds.covering(connection, [key])).get(key, set())
    members = await _held_with(connection, key)
    elsewhere = {hold for hold in members if hold not in covering}
    leaving = await raw.fetchrow(_LEAVING, key, list(holders))
    return Standing(
        row=row,
        side=side_from(await raw.fetchval(_SIDE, key)),
        persons=[dict(each) for each in await raw.fetch(_PERSONS, key)],
        decided=await _decided(connection, key),
        unlinks=[dict(each) for each in await raw.fetch(_UNLINKS, key)],
        holds=[dict(each) for each in await raw.fetch(_HOLDS, sorted(covering))],
        held_with=[
            {**dict(each), "member": members[each["hold_id"]]} for each in await raw.fetch(_HOLDS, sorted(elsewhere))
        ],
        reviews=[dict(each) for each in await raw.fetch(_REVIEWS, key)],
        asked_for=[each["cause"] for each in await raw.fetch(_ASKED, key)],
        orders=[dict(each) for each in await raw.fetch(_ORDERS, key)],
        parked=await raw.fetchval(_PARKED, key),
        unconfirmed=leaving[1] if leaving else (),
        irrecoverable_from=leaving[0] if leaving else None,
    )


async def _decided(connection: Connection, key: int) -> list[dict[str, Any]]:
    """Find the decisions to dispose that stand on today's facts: of the record, or of persons on it."""
    found = [dict(row) for row in await (await driver(connection)).fetch(_DECIDED, key)]
    subject_of = {each["review_id"]: ("nominal", each["nominal_key"] or 0) for each in found}
    subjects = {review: each if each[1] else ("record", key) for review, each in subject_of.items()}
    today_is = await reviews.bases(connection, subjects.values()) if found else {}
    return [each for each in found if each["basis"] == today_is[subjects[each["review_id"]]]]


async def _held_with(connection: Connection, key: int) -> dict[UUID, UUID]:
    """Find the holds over whatever must go together with a record, each with one record that it covers."""
    bound = await parts.bound_with(connection, [key])
    members = sorted({member for pair in bound for member in pair} - {key})[:MEMBERS_MAX]
    held = await holds.covering(connection, members) if members else {}
    uids = await parts.uids(connection, list(held))
    found: dict[UUID, UUID] = {}
    for member in sorted(held, key=lambda each: uids[each]):
        for hold in held[member]:
            found.setdefault(hold, uids[member])
    return found


async def counted(connection: Connection, unconfirmed: list[str], holders: Iterable[str]) -> list[dict[str, Any]]:
    """Count, by code and cause, the records that each thing keeps."""
    raw = await driver(connection)
    rows = await raw.fetch(_COUNTED, unconfirmed, list(holders))
    return [dict(row) for row in rows if row["records"]]


async def news(connection: Connection, not_before: datetime, partitions: int) -> tuple[list[str], bool]:
    """Read what keeps every disposal waiting: open pauses, and whether intake's news is too old."""
    raw = await driver(connection)
    causes = [row[0] for row in await raw.fetch("SELECT cause FROM pause WHERE state <> 'over' ORDER BY cause")]
    fresh: int = await raw.fetchval("SELECT count(*) FROM watermark WHERE upto >= $1", not_before)
    return causes, fresh < partitions
