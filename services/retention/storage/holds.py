"""Holds: their tables, the gate that makes an acknowledged one win, and the one predicate that says what they cover."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from services.retention.domain import Scope
from shared.db import Connection, driver

HOLD_GATE = 4711  # In the two-number space of advisory locks: the one-number space belongs to records and persons.
HOLD_WAIT_MS_MAX = 2_000
EXECUTOR_IDLE_MS_MAX = 1_500  # Shorter than a hold waits: a frozen executor loses its transaction first.

# Listed records and persons by index, then whatever else the hold says; a cross join only for holds that list neither.
_MATCHED = """
matched AS (SELECT DISTINCT c.record_key, c.hold_id FROM (
    SELECT r.record_key, x.hold_id, EXISTS (SELECT FROM link l JOIN nominal n USING (nominal_key)
            JOIN hold_nominal y USING (nominal_ref)
            WHERE l.record_key = r.record_key AND y.hold_id = x.hold_id) OR EXISTS (SELECT FROM link l {merged}
            WHERE l.record_key = r.record_key AND y.hold_id = x.hold_id) AS named,
        r.record_types, r.units, r.offences, r.source_systems, r.spans
    FROM candidate JOIN record r USING (record_key) JOIN hold_record x USING (record_uid)
    UNION ALL
    SELECT r.record_key, h.hold_id, true, r.record_types, r.units, r.offences, r.source_systems, r.spans
    FROM candidate JOIN record r USING (record_key) JOIN link l USING (record_key) JOIN nominal n USING (nominal_key)
        JOIN hold_nominal y USING (nominal_ref) JOIN hold h USING (hold_id) WHERE NOT h.by_record
    UNION ALL
    SELECT r.record_key, h.hold_id, true, r.record_types, r.units, r.offences, r.source_systems, r.spans
    FROM candidate JOIN record r USING (record_key) JOIN link l USING (record_key) {merged}
        JOIN hold h USING (hold_id) WHERE NOT h.by_record AND a.nominal_key <> l.nominal_key
    UNION ALL
    SELECT r.record_key, h.hold_id, true, r.record_types, r.units, r.offences, r.source_systems, r.spans
    FROM candidate JOIN record r USING (record_key) CROSS JOIN hold h
    WHERE {which} AND NOT h.by_record AND NOT h.by_nominal
) c JOIN hold h USING (hold_id)
WHERE {which} AND (c.named OR NOT h.by_nominal)
    AND (h.record_types IS NULL OR c.record_types && h.record_types) AND (h.units IS NULL OR c.units && h.units)
    AND (h.offences IS NULL OR c.offences && h.offences) AND (h.sources IS NULL OR c.source_systems && h.sources)
    AND (h.span IS NULL OR c.spans && h.span))"""
# A nominal is named where anybody is whom they are one person with.
_MERGED = """JOIN person_schedule b USING (nominal_key) JOIN person_schedule a ON a.root = b.root
        JOIN nominal n ON n.nominal_key = a.nominal_key JOIN hold_nominal y USING (nominal_ref)"""
MATCHED = _MATCHED.format(which="h.state <> 'released'", merged=_MERGED)
# A release frees nothing before its sweep has come by: until then what it covered is kept as if it were in force.
_BINDS = _MATCHED.format(which="(h.state <> 'released' OR NOT h.swept)", merged=_MERGED)
# In force at some instant from when the record's first fact was known ($2) until it was executed ($3).
_EVER = _MATCHED.format(which="h.placed_at < $3 AND coalesce(h.released_at, 'infinity') > $2", merged=_MERGED)
# A hold over a case file covers whatever was ever part of it, however late it came: the question goes up from the
# records that are asked about, so that it does not depend on how much a hold matches.
_GIVEN = """reach AS (SELECT k AS record_key, k AS via FROM unnest($1::bigint[]) k
    UNION SELECT r.record_key, p.file_key FROM reach r JOIN part p ON p.part_key = r.via),
candidate AS (SELECT DISTINCT via AS record_key FROM reach)"""
_LISTED = f"""
WITH RECURSIVE {_GIVEN}, {MATCHED}
SELECT DISTINCT r.record_key, m.hold_id FROM matched m JOIN reach r ON r.via = m.record_key"""
# What came after a release it never covered, and what its sweep has reached it has freed.
_BOUND = f"""
WITH RECURSIVE {_GIVEN}, {_BINDS}
SELECT DISTINCT r.record_key, m.hold_id FROM matched m JOIN reach r ON r.via = m.record_key JOIN hold h USING (hold_id)
WHERE h.state <> 'released' OR (r.record_key > h.freed_up_to
    AND EXISTS (SELECT FROM fact f WHERE f.record_key = r.record_key AND f.known_at < h.released_at))"""
_APPLIED = f"WITH RECURSIVE {_GIVEN}, {_EVER} SELECT DISTINCT hold_id FROM matched ORDER BY hold_id"
# Where all records are asked about, it goes down from those that match.
COVERED = f"""{MATCHED},
covered AS (SELECT record_key, hold_id FROM matched
    UNION SELECT p.part_key, c.hold_id FROM covered c JOIN part p ON p.file_key = c.record_key)"""
_NIL = f"'{UUID(int=0)}'::uuid"
# For a preview the hold is the question itself: names of a WITH go before names of tables.
_PREVIEW = f"""
WITH RECURSIVE hold AS (SELECT {_NIL} AS hold_id, 'in_force' AS state, $1::uuid[] <> '{{}}' AS by_record,
    $2::uuid[] <> '{{}}' AS by_nominal, $3::text[] AS record_types, $4::text[] AS units, $5::text[] AS offences,
    $6::text[] AS sources, {{span}} AS span),
hold_record AS (SELECT u AS record_uid, {_NIL} AS hold_id FROM unnest($1::uuid[]) u),
hold_nominal AS (SELECT u AS nominal_ref, {_NIL} AS hold_id FROM unnest($2::uuid[]) u),
candidate AS NOT MATERIALIZED (SELECT record_key FROM record), {COVERED}
SELECT count(*) AS matches, count(*) FILTER (WHERE r.executed_by IS NOT NULL) AS executed,
    count(*) FILTER (WHERE s.held) AS held_already,
    (SELECT count(DISTINCT p.event_uid) FROM parked p WHERE p.resolved_at IS NULL AND (p.subject = ANY($1) OR
        p.subject = ANY($2) OR p.subject IN (SELECT record_uid FROM covered JOIN record USING (record_key)))) AS parked
FROM covered JOIN record r USING (record_key) LEFT JOIN schedule s USING (record_key)"""
_SPAN = "CASE WHEN num_nonnulls($%d::date, $%d::date) > 0 THEN datemultirange(daterange($%d, $%d, '[]')) END"
_INSERT = f"""
INSERT INTO hold (hold_id, authority, reason, owner, review_on, placed_by, placed_at, placed_on, scope, by_record,
    by_nominal, record_types, units, offences, sources, span)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9::text::jsonb, $10, $11, $12, $13, $14, $15, {_SPAN % (16, 17, 16, 17)})"""
_SHOWN = """SELECT hold_id, state, version, authority, reason, owner, review_on, placed_by, placed_at, scope::text,
    proposed_by, release_reason, released_by, released_at, matches, by_record, by_nominal FROM hold"""


class NewHold(NamedTuple):
    """A hold as somebody with authority places it."""

    hold_id: UUID
    scope: Scope
    authority: str
    reason: str
    owner: str
    review_on: date
    placed_by: str


async def close_gate(connection: Connection) -> None:
    """Wait for executions in flight and let no other begin until this transaction ends; refused after two seconds."""
    raw = await driver(connection)
    await raw.execute("SELECT set_config('lock_timeout', $1, true)", str(HOLD_WAIT_MS_MAX))
    await raw.execute("SELECT pg_advisory_xact_lock(hashtext(current_schema()), $1)", HOLD_GATE)


async def pass_gate(connection: Connection) -> None:
    """Share the gate with other executions: every hold acknowledged before is seen by the statements that follow."""
    raw = await driver(connection)
    await raw.execute(
        "SELECT pg_advisory_xact_lock_shared(hashtext(current_schema()), $1), "
        "set_config('idle_in_transaction_session_timeout', $2, true)",
        *(HOLD_GATE, str(EXECUTOR_IDLE_MS_MAX)),
    )


async def insert_hold(connection: Connection, hold: NewHold, today: date, now: datetime) -> None:
    """Store a hold with what it lists; records and persons not known yet are listed all the same."""
    raw, scope = await driver(connection), hold.scope
    await raw.execute(
        _INSERT,
        *(hold.hold_id, hold.authority, hold.reason, hold.owner, hold.review_on, hold.placed_by, now, today),
        msgspec.json.encode(scope).decode(),
        *(bool(scope.records), bool(scope.nominals), *_lists(scope), scope.from_on, scope.to_on),
    )
    for table, column, ids in (
        ("hold_record", "record_uid", scope.records),
        ("hold_nominal", "nominal_ref", scope.nominals),
    ):
        statement = f"INSERT INTO {table} ({column}, hold_id) SELECT u, $2 FROM unnest($1::uuid[]) u"
        await raw.execute(statement, sorted(ids), hold.hold_id)


def _lists(scope: Scope) -> tuple[list[str] | None, ...]:
    fields = (scope.record_types, scope.units, scope.offences, scope.sources)
    return tuple(sorted(values) or None for values in fields)


async def covering(connection: Connection, record_keys: Sequence[int]) -> dict[int, set[UUID]]:
    """Find the holds in force over each of these records; a record that none covers is left out."""
    return await _by_record(connection, _LISTED, record_keys)


async def binding(connection: Connection, record_keys: Sequence[int]) -> dict[int, set[UUID]]:
    """Find what keeps each of these records: the holds in force, and those released that no sweep has freed it of yet.

    Nobody would look at a record that went between a release and its sweep: a release leads to a review.
    """
    return await _by_record(connection, _BOUND, record_keys)


async def _by_record(connection: Connection, statement: str, record_keys: Sequence[int]) -> dict[int, set[UUID]]:
    raw = await driver(connection)
    found: dict[int, set[UUID]] = {}
    for row in await raw.fetch(statement, record_keys):
        found.setdefault(row["record_key"], set()).add(row["hold_id"])
    return found


async def applied(connection: Connection, record_key: int, known_at: datetime, executed_at: datetime) -> list[UUID]:
    """List the holds that ever applied to a record while it was here, whether or not a sweep had shown them."""
    raw = await driver(connection)
    return [row[0] for row in await raw.fetch(_APPLIED, [record_key], known_at, executed_at)]


async def preview(connection: Connection, scope: Scope) -> dict[str, int]:
    """Count what a scope would hold if it were placed now."""
    raw = await driver(connection)
    statement = _PREVIEW.replace("{span}", _SPAN % (7, 8, 7, 8))
    row = await raw.fetchrow(
        statement, sorted(scope.records), sorted(scope.nominals), *_lists(scope), scope.from_on, scope.to_on
    )
    assert row is not None
    return dict(row)


async def executed_unconfirmed(connection: Connection, hold_id: UUID) -> list[UUID]:
    """List the records a hold covers that were executed before it and that intake has not confirmed yet."""
    raw = await driver(connection)
    statement = "SELECT record_key FROM disposal_state WHERE state = 'executed' AND record_key IS NOT NULL"
    keys = [row[0] for row in await raw.fetch(statement)]
    covered = [key for key, holds in (await covering(connection, keys)).items() if hold_id in holds]
    rows = await raw.fetch(
        "SELECT record_uid FROM unnest($1::bigint[]) k JOIN record ON record_key = k ORDER BY record_uid", covered
    )
    return [row[0] for row in rows]


async def read_hold(connection: Connection, hold_id: UUID, *, lock: bool = False) -> dict[str, Any] | None:
    """Read one hold; `lock` keeps it from changing until the transaction ends."""
    raw = await driver(connection)
    row = await raw.fetchrow(f"{_SHOWN} WHERE hold_id = $1{' FOR UPDATE' if lock else ''}", hold_id)
    return dict(row) if row else None


async def read_holds(connection: Connection, state: str | None, after: UUID | None, limit: int) -> list[dict[str, Any]]:
    """Read a page of holds, in the order of their ids."""
    raw = await driver(connection)
    rows = await raw.fetch(
        f"{_SHOWN} WHERE ($1::text IS NULL OR state = $1) AND ($2::uuid IS NULL OR hold_id > $2) "
        "ORDER BY hold_id LIMIT $3",
        *(state, after, limit),
    )
    return [dict(row) for row in rows]


async def propose_release(connection: Connection, hold_id: UUID, by: str, reason: str, now: datetime) -> None:
    """Write down who proposes that a hold ends, and why; it holds on."""
    raw = await driver(connection)
    await raw.execute(
        "UPDATE hold SET state = 'release_proposed', proposed_by = $2, release_reason = $3, proposed_at = $4, "
        "version = version + 1 WHERE hold_id = $1",
        *(hold_id, by, reason, now),
    )


async def release(connection: Connection, hold_id: UUID, by: str, now: datetime) -> None:
    """End a hold; the sweep frees its records."""
    raw = await driver(connection)
    await raw.execute(
        "UPDATE hold SET state = 'released', released_by = $2, released_at = $3, version = version + 1, swept = false, "
        "released_offset_days = (SELECT offset_days FROM clock) WHERE hold_id = $1",
        *(hold_id, by, now),
    )
