"""What rules about looking go by: records' metadata, the persons linked, marks, and the tasks of who looks."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from shared.db import Connection, columns, driver

# Somebody works on it, or has to again; what is done or withdrawn lets nobody look.
_ABOUT = """
SELECT r.record_uid, r.metadata, coalesce(l.restricted, false) AS restricted, coalesce(m.sensitive, false) AS marked,
    ARRAY(SELECT task_id FROM task t WHERE t.assignee = $2 AND t.state IN ('claimed', 'returned', 'awaiting_approval')
        AND r.record_uid = ANY(t.records) ORDER BY task_id) AS tasks
FROM record r LEFT JOIN lifecycle l USING (record_uid) LEFT JOIN sensitivity m USING (record_uid)
WHERE r.record_uid = ANY($1::uuid[]) AND r.kind = 'record'"""
# A person is every nominal that merges lead to, whichever way they went. For secrecy's sake a merge counts that
# retention still puts before a steward; a pair that was told apart never does.
_SAME = """
WITH RECURSIVE same AS (
    SELECT ref AS whose, ref FROM unnest($1::uuid[]) ref
    UNION SELECT s.whose, CASE WHEN m.a = s.ref THEN m.b ELSE m.a END FROM same s
        JOIN same_person m ON (m.a = s.ref OR m.b = s.ref) AND NOT m.undone AND NOT m.never
        AND NOT EXISTS (SELECT FROM same_person n WHERE n.never AND (n.a, n.b) IN ((m.a, m.b), (m.b, m.a))))"""
_PARTIES = f"""
{_SAME} SELECT s.whose, r.metadata FROM same s JOIN record r ON r.record_uid = s.ref
WHERE r.kind = 'nominal' AND r.metadata IS NOT NULL"""
_PAIRS = """
INSERT INTO same_person (event_uid, a, b, never, undone)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::boolean[], $5::boolean[])
ON CONFLICT (event_uid) DO UPDATE SET a = coalesce(same_person.a, excluded.a), b = coalesce(same_person.b, excluded.b),
    never = same_person.never OR excluded.never, undone = same_person.undone OR excluded.undone"""
_TASKS = """
INSERT INTO task (task_id, version, state, assignee, records)
SELECT u.task_id, u.version, u.state, u.assignee, ARRAY(SELECT c.record_uid FROM unnest($5::int[], $6::uuid[])
    c(n, record_uid) WHERE c.n = u.n)
FROM unnest($1::uuid[], $2::bigint[], $3::text[], $4::text[]) WITH ORDINALITY u(task_id, version, state, assignee, n)
ON CONFLICT (task_id) DO UPDATE SET version = excluded.version, state = excluded.state, assignee = excluded.assignee,
    records = excluded.records WHERE task.version < excluded.version"""
_MARK = """
INSERT INTO sensitivity AS s (record_uid, sensitive, reason, marked_by, marked_at, version)
VALUES ($1, $2, $3, $4, $5, 1)
ON CONFLICT (record_uid) DO UPDATE SET sensitive = excluded.sensitive, reason = excluded.reason,
    marked_by = excluded.marked_by, marked_at = excluded.marked_at, version = s.version + 1
RETURNING version"""
_LOCKS = 73_200  # The first half of the advisory lock: one mark of a record after another.


async def about(connection: Connection, records: Collection[UUID], staff_id: str) -> list[asyncpg.Record]:
    """Give what is known of records, and which tasks this person holds on each."""
    raw = await driver(connection)
    return list(await raw.fetch(_ABOUT, list(records), staff_id))


async def parties(connection: Connection, nominals: Collection[UUID]) -> list[asyncpg.Record]:
    """Give the newest state that each source has of these persons, under whichever of their nominals."""
    raw = await driver(connection)
    return list(await raw.fetch(_PARTIES, list(nominals)))


async def same_people(connection: Connection, nominals: Collection[UUID]) -> set[UUID]:
    """Give every nominal that is one of these persons."""
    raw = await driver(connection)
    return {row["ref"] for row in await raw.fetch(f"{_SAME} SELECT ref FROM same", list(nominals))}


async def store_pairs(
    connection: Connection, rows: Sequence[tuple[UUID, UUID | None, UUID | None, bool, bool]]
) -> None:
    """Store (event, one, other, never the same, undone)."""
    raw = await driver(connection)
    await raw.execute(_PAIRS, *columns(list(rows), 5))


async def store_tasks(
    connection: Connection, rows: Sequence[tuple[UUID, int, str, str | None, Sequence[UUID]]]
) -> None:
    """Store (task, version, state, assignee, records) where newer."""
    raw = await driver(connection)
    covers = [(n, record) for n, row in enumerate(rows, start=1) for record in row[4]]
    await raw.execute(_TASKS, *columns([row[:4] for row in rows], 4), *columns(covers, 2))


async def mark(connection: Connection, record: UUID) -> asyncpg.Record | None:
    """Give a record's mark of sensitivity, locked against a second one at once; None: it was never marked."""
    raw = await driver(connection)
    await raw.execute("SELECT pg_advisory_xact_lock($1, hashtext($2::text))", _LOCKS, str(record))
    return await raw.fetchrow("SELECT * FROM sensitivity WHERE record_uid = $1", record)


async def set_mark(connection: Connection, record: UUID, said: tuple[bool, str, str], now: datetime) -> int:
    """Store whether a record is called sensitive, why and by whom; gives the mark's version."""
    raw = await driver(connection)
    version: Any = await raw.fetchval(_MARK, record, *said, now)
    return int(version)
