"""Tasks: what retention asked for, and where the work stands."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

import msgspec

from services.review.domain import Task
from shared.db import Connection, columns, driver
from shared.events import ReviewRequested

_READ = msgspec.json.Decoder(ReviewRequested).decode
_COLUMNS = "request::text, state, assignee, cause, round, version"

_LOCK = f"SELECT {_COLUMNS} FROM task WHERE task_id = ANY($1) ORDER BY task_id FOR UPDATE"
_STORE = """
INSERT INTO task (task_id, subject, kind, due_on, state, assignee, cause, round, version, basis, request_version,
    request, changed_at)
SELECT u.*, $13 FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::date[], $5::text[], $6::text[], $7::text[],
    $8::int[], $9::bigint[], $10::text[], $11::bigint[], $12::jsonb[]) u
ON CONFLICT (task_id) DO UPDATE SET kind = excluded.kind, due_on = excluded.due_on, state = excluded.state,
    assignee = excluded.assignee, cause = excluded.cause, round = excluded.round, version = excluded.version,
    basis = excluded.basis, request_version = excluded.request_version, request = excluded.request,
    changed_at = excluded.changed_at"""
_MOVE = """
UPDATE task SET state = $2, assignee = $3, cause = $4, round = $5, version = $6, changed_at = $7 WHERE task_id = $1"""

# Who is the subject, or is linked to the records as a person, never sees the task to exist.
_SEEN_BY = """
NOT EXISTS (SELECT FROM card_staff s WHERE s.staff_id = $1 AND s.role = 'nominal' AND (s.card_id = t.subject
    OR EXISTS (SELECT FROM card_link l WHERE l.nominal_ref = s.card_id AND (l.record_id = t.subject
        OR l.record_id IN (SELECT r.record_id FROM task_record r WHERE r.task_id = t.task_id)))))"""
_PAGE = f"""
SELECT {_COLUMNS} FROM task t
WHERE ($2::text IS NULL OR state = $2) AND ($3::text IS NULL OR assignee = $3) AND ($4::text IS NULL OR kind = $4)
    AND ($5::date IS NULL OR due_on < $5) AND {_SEEN_BY}"""
_UPWARDS = " AND ($6::date IS NULL OR (due_on, task_id) > ($6, $7::uuid)) ORDER BY due_on, task_id LIMIT $8"
_DOWNWARDS = " AND ($6::date IS NULL OR (due_on, task_id) < ($6, $7::uuid)) ORDER BY due_on DESC, task_id DESC LIMIT $8"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which tasks a list is of, in which order, after which one."""

    state: str | None = None
    assignee: str | None = None
    kind: str | None = None
    due_before: date | None = None
    latest_first: bool = False
    after: tuple[date, UUID] | None = None


async def lock(connection: Connection, ids: Collection[UUID]) -> dict[UUID, Task]:
    """Lock tasks, in the order of their ids, and give those that are there."""
    raw = await driver(connection)
    found = [_task(row) for row in await raw.fetch(_LOCK, list(ids))]
    return {task.task_id: task for task in found}


async def find(connection: Connection, task_id: UUID, staff_id: str) -> Task | None:
    """Find one task, unless it is about the one who asks."""
    raw = await driver(connection)
    row = await raw.fetchrow(f"SELECT {_COLUMNS} FROM task t WHERE task_id = $2 AND {_SEEN_BY}", staff_id, task_id)
    return None if row is None else _task(row)


async def page(connection: Connection, wanted: Wanted, staff_id: str, limit: int) -> list[Task]:
    """List tasks by due date, leaving out those about the one who asks."""
    raw = await driver(connection)
    query = _PAGE + (_DOWNWARDS if wanted.latest_first else _UPWARDS)
    filters = (wanted.state, wanted.assignee, wanted.kind, wanted.due_before)
    rows = await raw.fetch(query, staff_id, *filters, *(wanted.after or (None, None)), limit)
    return [_task(row) for row in rows]


async def store(connection: Connection, tasks: Sequence[Task], now: datetime) -> None:
    """Store tasks with what retention asked for, and the records each covers."""
    raw = await driver(connection)
    await raw.execute(_STORE, *columns([_row(task) for task in tasks], 12), now)
    await raw.execute("DELETE FROM task_record WHERE task_id = ANY($1)", [task.task_id for task in tasks])
    pairs = [(task.task_id, member.record_id) for task in tasks for member in task.request.records]
    covers = "INSERT INTO task_record SELECT * FROM unnest($1::uuid[], $2::uuid[]) ON CONFLICT DO NOTHING"
    await raw.execute(covers, *columns(list(pairs), 2))


async def move(connection: Connection, task: Task, now: datetime) -> None:
    """Store where the work on a locked task stands."""
    raw = await driver(connection)
    moved = (task.task_id, task.state, task.assignee, task.cause, task.round, task.version)
    await raw.execute(_MOVE, *moved, now)


async def withdrawn_early(connection: Connection, ids: Collection[UUID]) -> dict[UUID, int]:
    """Give the versions of reviews that were withdrawn before their request came."""
    raw = await driver(connection)
    rows = await raw.fetch("SELECT review_id, version FROM early_withdrawal WHERE review_id = ANY($1)", list(ids))
    return {row["review_id"]: row["version"] for row in rows}


async def keep_early(connection: Connection, versions: dict[UUID, int]) -> None:
    """Keep the versions of withdrawals that came before their request."""
    raw = await driver(connection)
    query = """
INSERT INTO early_withdrawal SELECT * FROM unnest($1::uuid[], $2::bigint[]) u(review_id, version)
ON CONFLICT (review_id) DO UPDATE SET version = greatest(early_withdrawal.version, excluded.version)"""
    await raw.execute(query, *columns(sorted(versions.items()), 2))


async def overdue(connection: Connection, today: date) -> int:
    """Count the live tasks whose day is past."""
    raw = await driver(connection)
    query = "SELECT count(*) FROM task WHERE due_on < $1 AND state NOT IN ('completed', 'withdrawn')"
    count: int = await raw.fetchval(query, today)
    return count


def _task(row: Any) -> Task:
    return Task(_READ(row["request"]), row["state"], row["assignee"], row["cause"], row["round"], row["version"])


def _row(task: Task) -> tuple[Any, ...]:
    asked = task.request
    head = (task.task_id, asked.subject, asked.kind, asked.due_on, task.state, task.assignee, task.cause, task.round)
    return (*head, task.version, asked.basis, asked.version, msgspec.json.encode(asked).decode())
