"""Schedules whose newest version is not on the topic yet. The announcer's thread is a relay: it speaks psycopg."""

from collections.abc import Sequence
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

import psycopg

PARTITIONS = 16  # Of the table `schedule`, by hash of the record's key.
# Each slot is one announcer's at a time, and has every SLOTS-th partition: a record's versions come from one. One is
# enough for 50,000 a second; each more is a Kafka transaction more before a change is seen.
SLOTS = 1
SCHEDULE_LOCKS = 7_800

_COLUMNS = """record_key, state, class_id, row_id, grp, keep_until, actionable_from, review_on, review_kind, by_age,
problem, owner, pack, lifecycle, held, restricted, reason, version, moved_by"""
# Partition by partition: each has its own index over what is not announced, empty most of the time.
_PART = (
    """(SELECT {columns} FROM schedule_{part} WHERE announced_version < version ORDER BY record_key LIMIT %(limit)s)"""
)
_OF_SLOT = [
    "SELECT record_uid, s.* FROM ("
    + " UNION ALL ".join(_PART.format(columns=_COLUMNS, part=part) for part in range(slot, PARTITIONS, SLOTS))
    + " LIMIT %(limit)s) s JOIN record USING (record_key)"
    for slot in range(SLOTS)
]
# A row that settling is changing is passed over, not waited for: its next version is announced anyway.
_DONE = """
WITH free AS (
    SELECT s.record_key, u.version FROM unnest(%s::bigint[], %s::bigint[]) u(record_key, version)
    JOIN schedule s ON s.record_key = u.record_key ORDER BY s.record_key FOR UPDATE OF s SKIP LOCKED)
UPDATE schedule s SET announced_version = free.version FROM free
WHERE s.record_key = free.record_key AND s.announced_version < free.version"""
_LOCK = "SELECT pg_try_advisory_lock(hashtext(current_schema()), %s)"


class Unannounced(NamedTuple):
    """A schedule as it is to be announced."""

    record_uid: UUID
    record_key: int
    state: str
    class_id: str | None
    row_id: str | None
    group: str | None
    keep_until: date | None
    actionable_from: date | None
    review_on: date
    review_kind: str
    by_age: bool
    problem: str | None
    owner: str | None
    pack: str
    lifecycle: str
    held: bool
    restricted: bool
    reason: str | None
    version: int
    moved_by: str | None = None


def take_slot(lock: "psycopg.Connection[Any]", slot: int) -> bool:
    """Try to become the one announcer of a slot, for as long as this connection lives."""
    found = lock.execute(_LOCK, (SCHEDULE_LOCKS + slot,)).fetchone()
    return bool(found and found[0])


def unannounced(data: "psycopg.Connection[Any]", slot: int, limit: int) -> list[Unannounced]:
    """Read schedules of a slot whose newest version is not announced."""
    return [Unannounced(*row) for row in data.execute(_OF_SLOT[slot], {"limit": limit})]


def mark_announced(data: "psycopg.Connection[Any]", rows: Sequence[Unannounced]) -> None:
    """Note the versions that are on the topic."""
    data.execute(_DONE, ([row.record_key for row in rows], [row.version for row in rows]))
