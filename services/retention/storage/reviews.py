"""Reviews, the decisions they brought, and what waits to be reviewed. A subject is ("record" | "nominal", its key)."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

from services.retention.storage.facts import DECISIONS
from services.retention.storage.moves import KEEP
from services.retention.storage.roots import MEMBERS, PERSONS, REVIEWED_BY
from shared.db import Connection, columns, driver

Subject = tuple[str, int]
_LOCKS = {"record": 73_101, "nominal": 73_102}  # In the two-number space; the second number is the key's hash.

# All inbound facts about the subject and, for a person, about all whom they are and each record shown; no decisions.
_BASES = f"""
SELECT kind, key,
    encode(sha256(convert_to(coalesce(string_agg(uid, E'\\n' ORDER BY uid COLLATE "C"), ''), 'UTF8')), 'hex')
FROM (
    SELECT 'record' AS kind, k AS key, f.event_uid::text AS uid FROM unnest($1::bigint[]) k
    LEFT JOIN fact f ON f.record_key = k AND f.kind NOT IN {DECISIONS}
    UNION
    SELECT 'nominal', k, f.event_uid::text FROM unnest($2::bigint[]) k {MEMBERS}
    LEFT JOIN fact f ON f.nominal_key = m.nominal_key AND f.kind NOT IN {DECISIONS}
    UNION
    SELECT 'nominal', k, f.event_uid::text FROM unnest($2::bigint[]) k {MEMBERS}
    JOIN fact e ON e.other_key = m.nominal_key JOIN fact f ON f.event_uid = e.event_uid
        OR (f.nominal_key = e.nominal_key AND f.withdraws = e.event_uid)
    UNION
    SELECT 'nominal', k, f.event_uid::text FROM unnest($2::bigint[]) k {MEMBERS}
    JOIN link l ON l.nominal_key = m.nominal_key AND {REVIEWED_BY}
    JOIN fact f ON f.record_key = l.record_key AND f.kind NOT IN {DECISIONS}
) u GROUP BY kind, key"""
_MEMBERS = f"""
SELECT 'record' AS kind, k AS key, k AS record_key, true AS carried FROM unnest($1::bigint[]) k
UNION ALL
SELECT 'nominal', k, l.record_key, bool_or(l.offending) FROM unnest($2::bigint[]) k {MEMBERS}
JOIN link l ON l.nominal_key = m.nominal_key AND {REVIEWED_BY} GROUP BY k, l.record_key"""
_SHOWN = """
SELECT s.record_key, r.record_uid, s.class_id, s.row_id, s.grp, s.keep_until, s.actionable_from, s.open_on, s.ends,
    s.state, s.lifecycle, s.held, s.reason, s.review_on, s.by_age, r.executed_by IS NOT NULL AS gone
FROM unnest($1::bigint[]) k JOIN schedule s ON s.record_key = k JOIN record r ON r.record_key = k
ORDER BY s.record_key"""
CLEAN = """NOT EXISTS (SELECT FROM dirty d WHERE d.record_key = s.record_key) AND NOT EXISTS (
    SELECT FROM link l JOIN dirty d USING (nominal_key) WHERE l.record_key = s.record_key)"""
_SURFACE = f"""
WITH due AS (SELECT s.record_key FROM schedule s
    WHERE s.state = 'current' AND s.lifecycle = 'current' AND s.open_on <= $1
    AND {CLEAN} ORDER BY s.open_on, s.record_key LIMIT $2 FOR UPDATE OF s SKIP LOCKED),
moved AS (UPDATE schedule s SET lifecycle = 'due', reason = 'period_ended', version = version + 1 FROM due
    WHERE s.record_key = due.record_key RETURNING s.record_key, s.lifecycle, s.reason), {KEEP}"""
_REVIEWED = """EXISTS (SELECT FROM review_member m JOIN review v USING (review_id)
    WHERE m.record_key = s.record_key AND v.state = 'open' AND v.kind IN ({kinds}))"""
UNDER_REVIEW = _REVIEWED.format(kinds="'scheduled', 'triggered', 'initial'")
ASKED_FOR = f"""(EXISTS (SELECT FROM review_wanted w WHERE w.record_key = s.record_key) OR EXISTS (
    SELECT FROM {PERSONS} JOIN review_wanted w ON w.nominal_key = b.nominal_key
    WHERE l.record_key = s.record_key AND {REVIEWED_BY}))"""
# Somebody is to look at it for another reason than its date: no order of it is carried out meanwhile.
CALLED_FOR = "(" + _REVIEWED.format(kinds="'triggered', 'initial'") + f" OR {ASKED_FOR})"
_DUE = f"""
SELECT s.record_key FROM schedule s WHERE s.lifecycle = 'due' AND s.state = 'current' AND s.open_on <= $1
    AND NOT (s.held AND (s.ends = 'dispose' OR s.reason = 'held')) AND NOT {UNDER_REVIEW}
    AND NOT {ASKED_FOR}
ORDER BY s.open_on, s.record_key LIMIT $2 FOR UPDATE OF s SKIP LOCKED"""
_STRAY = f"""
SELECT s.record_key FROM schedule s WHERE s.lifecycle = 'in_review' AND (s.open_on IS NULL OR s.open_on > $1
    OR s.state <> 'current' OR NOT {UNDER_REVIEW})
ORDER BY s.record_key LIMIT $2 FOR UPDATE OF s SKIP LOCKED"""
_OPEN = (
    "SELECT * FROM review WHERE state = 'open' AND (record_key = ANY($1::bigint[]) OR nominal_key = ANY($2::bigint[]))"
)
_COUNT = """
SELECT record_key, nominal_key, max(n) FROM review
WHERE record_key = ANY($1::bigint[]) OR nominal_key = ANY($2::bigint[]) GROUP BY 1, 2"""
_INSERT = """
INSERT INTO review (review_id, record_key, nominal_key, n, kind, cause, basis, grp, row_id, pack, due_on, requested_at,
    checked_at)
SELECT u.id, u.r, u.p, u.n, u.kind, u.cause, u.basis, u.grp, u.row_id, $11, u.due_on, $12, $12
FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::integer[], $5::text[], $6::text[], $7::text[], $8::text[],
    $9::text[], $10::date[]) u (id, r, p, n, kind, cause, basis, grp, row_id, due_on)"""
_BIRTHS = """
SELECT 'record' AS kind, k AS key, birth_on FROM unnest($1::bigint[]) k JOIN link l ON l.record_key = k
    JOIN person_schedule USING (nominal_key) WHERE birth_on IS NOT NULL
UNION ALL SELECT 'nominal', k, birth_on FROM unnest($2::bigint[]) k JOIN person_schedule ON nominal_key = k
WHERE birth_on IS NOT NULL"""
_RECORD = "SELECT record_key FROM record WHERE record_uid = $1"
_ROOT = """SELECT coalesce(p.root, n.nominal_key) FROM nominal n LEFT JOIN person_schedule p USING (nominal_key)
WHERE n.nominal_ref = $1"""
_UIDS = """
SELECT 'record' AS kind, k AS key, record_uid AS uid FROM unnest($1::bigint[]) k JOIN record ON record_key = k
UNION ALL SELECT 'nominal', k, nominal_ref FROM unnest($2::bigint[]) k JOIN nominal ON nominal_key = k"""


class Covered(NamedTuple):
    """The records that a review shows: those that a decision dates, and files that only accuse the person."""

    carried: frozenset[int] = frozenset()
    beside: frozenset[int] = frozenset()

    @property
    def records(self) -> frozenset[int]:
        """All of them."""
        return self.carried | self.beside


class NewReview(NamedTuple):
    """A review to be opened."""

    review_id: UUID
    record_key: int | None
    nominal_key: int | None
    n: int
    kind: str
    cause: str
    basis: str
    group: str | None
    row: str | None
    due_on: date


def _apart(subjects: Iterable[Subject]) -> tuple[list[int], list[int]]:
    known = set(subjects)
    return sorted(key for kind, key in known if kind == "record"), sorted(
        key for kind, key in known if kind == "nominal"
    )


async def lock_subjects(connection: Connection, subjects: Iterable[Subject], *, wait: bool = False) -> set[Subject]:
    """Lock subjects against another review of theirs; gives those got: all of them where it waits."""
    raw, wanted = await driver(connection), sorted(set(subjects))
    got: set[Subject] = set()
    for kind, number in _LOCKS.items():
        keys = [key for each, key in wanted if each == kind]
        if wait:
            for key in keys:
                await raw.execute("SELECT pg_advisory_xact_lock($1, hashint8($2))", number, key)
            got.update((kind, key) for key in keys)
        else:
            statement = "SELECT k FROM unnest($1::bigint[]) k WHERE pg_try_advisory_xact_lock($2, hashint8(k))"
            got.update((kind, row[0]) for row in await raw.fetch(statement, keys, number))
    return got


async def bases(connection: Connection, subjects: Iterable[Subject]) -> dict[Subject, str]:
    """Work out today's basis of each subject."""
    raw = await driver(connection)
    return {(row[0], row[1]): row[2] for row in await raw.fetch(_BASES, *_apart(subjects))}


async def members(connection: Connection, subjects: Iterable[Subject]) -> dict[Subject, Covered]:
    """List what a review of each subject shows: itself, or what the person carries and what accuses them."""
    raw = await driver(connection)
    found: dict[Subject, tuple[set[int], set[int]]] = {}
    for kind, key, record_key, carried in await raw.fetch(_MEMBERS, *_apart(subjects)):
        found.setdefault((kind, key), (set(), set()))[not carried].add(record_key)
    return {subject: Covered(*map(frozenset, each)) for subject, each in found.items()}


async def schedules(connection: Connection, record_keys: Iterable[int]) -> dict[int, dict[str, Any]]:
    """Read the schedules of records, as a review shows them."""
    raw = await driver(connection)
    return {row["record_key"]: dict(row) for row in await raw.fetch(_SHOWN, sorted(set(record_keys)))}


async def uids(connection: Connection, subjects: Iterable[Subject]) -> dict[Subject, UUID]:
    """Give the id that each subject is known by outside."""
    raw = await driver(connection)
    return {(row[0], row[1]): row[2] for row in await raw.fetch(_UIDS, *_apart(subjects))}


async def births(connection: Connection, subjects: Iterable[Subject]) -> dict[Subject, list[date]]:
    """Give when those were born whom a review is about: the person, or whoever is on the record."""
    raw = await driver(connection)
    found: dict[Subject, list[date]] = {}
    for kind, key, birth in await raw.fetch(_BIRTHS, *_apart(subjects)):
        found.setdefault((kind, key), []).append(birth)
    return found


async def subject_of(connection: Connection, kind: str, uid: UUID) -> Subject | None:
    """Find the subject that an outside id names: of a nominal the person whom they are now."""
    raw = await driver(connection)
    key = await raw.fetchval(_RECORD if kind == "record" else _ROOT, uid)
    return None if key is None else (kind, key)


async def _keys(connection: Connection, statement: str, *values: Any) -> list[int]:
    return [row[0] for row in await (await driver(connection)).fetch(statement, *values)]


async def surface(connection: Connection, today: date, limit: int) -> list[int]:
    """Make due what opens today or before, the longest overdue first."""
    return await _keys(connection, _SURFACE, today, limit)


async def due(connection: Connection, today: date, limit: int) -> list[int]:
    """Claim due records that nobody reviews and no order is open for."""
    return await _keys(connection, _DUE, today, limit)


async def stray(connection: Connection, today: date, limit: int) -> list[int]:
    """Claim records shown as in review whose review ended, or whose dates moved on."""
    return await _keys(connection, _STRAY, today, limit)


async def open_of(connection: Connection, subjects: Iterable[Subject]) -> dict[Subject, dict[str, Any]]:
    """Find the open review of each subject."""
    raw = await driver(connection)
    return {subject_in(row): dict(row) for row in await raw.fetch(_OPEN, *_apart(subjects))}


def subject_in(row: Any) -> Subject:
    """Read the subject of a review's or decision's row."""
    return ("record", row["record_key"]) if row["record_key"] is not None else ("nominal", row["nominal_key"])


async def counts(connection: Connection, subjects: Iterable[Subject]) -> dict[Subject, int]:
    """Count the reviews that each subject ever had."""
    raw = await driver(connection)
    return {subject_in(row): row["max"] for row in await raw.fetch(_COUNT, *_apart(subjects))}


async def insert(connection: Connection, new: Sequence[NewReview], pack: str, now: datetime) -> None:
    """Open reviews."""
    raw = await driver(connection)
    await raw.execute(_INSERT, *columns([tuple(each) for each in new], 10), pack, now)


async def set_members(connection: Connection, covered: Mapping[UUID, Sequence[int]]) -> None:
    """Write down which records each review covers now."""
    raw = await driver(connection)
    await raw.execute("DELETE FROM review_member WHERE review_id = ANY($1::uuid[])", list(covered))
    rows = sorted((review_id, key) for review_id, keys in covered.items() for key in keys)
    statement = "INSERT INTO review_member (review_id, record_key) SELECT * FROM unnest($1::uuid[], $2::bigint[])"
    await raw.execute(statement, *columns(rows, 2))


async def members_of(connection: Connection, review_ids: Iterable[UUID]) -> dict[UUID, set[int]]:
    """Read which records reviews cover."""
    raw, found = await driver(connection), {each: set[int]() for each in review_ids}
    statement = "SELECT review_id, record_key FROM review_member WHERE review_id = ANY($1::uuid[])"
    for review_id, key in await raw.fetch(statement, list(found)):
        found[review_id].add(key)
    return found


async def join(connection: Connection, rows: Sequence[tuple[UUID, str, str, str]]) -> None:
    """Renew open reviews under a higher version: (review, kind, cause, basis)."""
    raw = await driver(connection)
    await raw.execute(
        """UPDATE review v SET kind = u.kind, cause = u.cause, basis = u.basis, version = version + 1
        FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[]) u (id, kind, cause, basis)
        WHERE review_id = u.id""",
        *columns(list(rows), 4),
    )


async def end(connection: Connection, review_ids: Sequence[UUID], state: str) -> list[UUID]:
    """End open reviews; gives those that were open."""
    raw = await driver(connection)
    rows = await raw.fetch(
        "UPDATE review SET state = $2, version = version + 1 WHERE review_id = ANY($1::uuid[]) AND state = 'open' "
        "RETURNING review_id",
        *(review_ids, state),
    )
    return [row[0] for row in rows]


async def to_check(connection: Connection, now: datetime, limit: int) -> list[dict[str, Any]]:
    """Claim the open reviews that were looked at the longest ago."""
    raw = await driver(connection)
    rows = await raw.fetch(
        """WITH oldest AS (SELECT review_id FROM review WHERE state = 'open' AND checked_at < $1
            ORDER BY checked_at, review_id LIMIT $2 FOR UPDATE SKIP LOCKED)
        UPDATE review v SET checked_at = $1 FROM oldest o WHERE v.review_id = o.review_id RETURNING v.*""",
        *(now, limit),
    )
    return [dict(row) for row in rows]
