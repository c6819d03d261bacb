"""What shows on records of the holds that came and went: a sweep behind each, and one for what arrives later."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

from shared.db import Connection, driver

SWEEP_RECORDS_MAX = 5_000


class Unswept(NamedTuple):
    """A hold whose records in the background do not yet show that it came, or went."""

    hold_id: UUID
    released: bool
    listed: bool
    freed_up_to: int = 0


async def unswept(connection: Connection) -> list[Unswept]:
    """List the holds that came or went since the last sweep."""
    raw = await driver(connection)
    rows = await raw.fetch(
        "SELECT hold_id, state = 'released' AS released, by_record OR by_nominal AS listed, freed_up_to FROM hold "
        "WHERE NOT swept ORDER BY hold_id LIMIT 100"
    )
    return [Unswept(*row) for row in rows]


_LISTED = """WITH RECURSIVE listed AS (
        SELECT record_key FROM hold_record JOIN record USING (record_uid) WHERE hold_id = $1
        UNION SELECT l.record_key FROM hold_nominal JOIN nominal n USING (nominal_ref) LEFT JOIN person_schedule a
        USING (nominal_key) LEFT JOIN person_schedule b ON b.root = a.root
        JOIN link l ON l.nominal_key = coalesce(b.nominal_key, n.nominal_key) WHERE hold_id = $1
        UNION SELECT p.part_key FROM listed k JOIN part p ON p.file_key = k.record_key)
    SELECT record_key FROM (SELECT record_key FROM listed{shown}) k
    WHERE record_key > $2 ORDER BY record_key LIMIT $3"""
# What a hold was shown on it may not match any more: people are told apart again.
_SHOWN = " UNION SELECT record_key FROM hold_exposure WHERE hold_id = $1"
_ANY = """SELECT record_key FROM record WHERE $1::uuid IS NOT NULL AND record_key > $2
    ORDER BY record_key LIMIT $3"""
_WRITTEN = """
SELECT k FROM unnest($1::bigint[]) k JOIN schedule s ON s.record_key = k
WHERE s.lifecycle = ANY($2) AND NOT k = ANY($3::bigint[])"""


async def reached(connection: Connection, hold: Unswept, after: int) -> list[int]:
    """List the next records that a hold which came or went may concern."""
    raw = await driver(connection)
    statement = _LISTED.format(shown=_SHOWN if hold.released else "") if hold.listed else _ANY
    return [row[0] for row in await raw.fetch(statement, hold.hold_id, after, SWEEP_RECORDS_MAX)]


async def shown_on(connection: Connection, hold_id: UUID, record_keys: Sequence[int]) -> set[int]:
    """Find those of these records that a hold was shown on."""
    raw = await driver(connection)
    statement = "SELECT record_key FROM hold_exposure WHERE hold_id = $1 AND record_key = ANY($2::bigint[])"
    return {row[0] for row in await raw.fetch(statement, hold_id, record_keys)}


async def freed(connection: Connection, hold_id: UUID, up_to: int) -> None:
    """Write down up to which record a released hold has freed what it covered."""
    raw = await driver(connection)
    await raw.execute("UPDATE hold SET freed_up_to = $2 WHERE hold_id = $1", hold_id, up_to)


async def written_by_others(
    connection: Connection, record_keys: Iterable[int], mine: Iterable[int], states: Sequence[str]
) -> set[int]:
    """Find those of these records that have a schedule in one of these states, and are not among mine."""
    raw = await driver(connection)
    return {row[0] for row in await raw.fetch(_WRITTEN, sorted(record_keys), states, sorted(mine))}


async def any_in_force(connection: Connection) -> bool:
    """Say whether there is any hold at all."""
    raw = await driver(connection)
    return bool(await raw.fetchval("SELECT EXISTS (SELECT FROM hold WHERE state <> 'released')"))


async def records_after(connection: Connection, after: int) -> list[int]:
    """List the next records by key: the sweep that catches later arrivals."""
    raw = await driver(connection)
    rows = await raw.fetch(
        "SELECT record_key FROM record WHERE record_key > $1 ORDER BY record_key LIMIT $2", after, SWEEP_RECORDS_MAX
    )
    return [row[0] for row in rows]


_FLAG = """
WITH locked AS (
    SELECT s.record_key, u.held FROM unnest($1::bigint[], $2::boolean[]) u (k, held)
    JOIN schedule s ON s.record_key = u.k
    WHERE s.held <> u.held AND s.lifecycle = ANY($3) ORDER BY s.record_key FOR UPDATE OF s SKIP LOCKED)
UPDATE schedule s SET held = l.held, kept_by_hold = s.kept_by_hold AND l.held, version = s.version + 1
FROM locked l WHERE s.record_key = l.record_key
RETURNING s.record_key, s.held"""
_EXPOSE = """
INSERT INTO hold_exposure (record_key, hold_id, since)
SELECT *, $3 FROM unnest($1::bigint[], $2::uuid[]) ON CONFLICT DO NOTHING"""


async def flag(
    connection: Connection,
    covered: dict[int, set[UUID]],
    record_keys: Sequence[int],
    states: Sequence[str],
    now: datetime,
) -> tuple[list[int], list[int]]:
    """Show on these records whether they are held; gives those newly held and those freed."""
    raw = await driver(connection)
    pairs = sorted((key, hold) for key, holds in covered.items() for hold in holds)
    await raw.execute(_EXPOSE, [pair[0] for pair in pairs], [pair[1] for pair in pairs], now)
    keys = sorted(record_keys)
    rows = await raw.fetch(_FLAG, keys, [key in covered for key in keys], states)
    held = sorted(row["record_key"] for row in rows if row["held"])
    return held, sorted(row["record_key"] for row in rows if not row["held"])


_RESTRICT = """
WITH past AS (SELECT s.record_key FROM schedule s
    WHERE s.held AND NOT s.kept_by_hold AND s.state = 'current' AND s.lifecycle = ANY($3) AND s.actionable_from <= $1
    ORDER BY s.actionable_from, s.record_key LIMIT $2 FOR UPDATE OF s SKIP LOCKED)
UPDATE schedule s SET kept_by_hold = true, version = s.version + 1 FROM past WHERE s.record_key = past.record_key
RETURNING s.record_key"""


async def restrict(connection: Connection, today: date, states: Sequence[str]) -> list[int]:
    """Show on held records whose last day is past that nothing but the hold keeps them; gives these."""
    raw = await driver(connection)
    return sorted(row[0] for row in await raw.fetch(_RESTRICT, today, SWEEP_RECORDS_MAX, states))


async def mark_swept(connection: Connection, hold: Unswept) -> dict[str, Any] | None:
    """Say that a hold's coming or going shows everywhere, on how many records it was shown; None: it changed since.

    Counting is no change of the hold: the version that somebody was given is still the one to release it by.
    """
    raw = await driver(connection)
    row = await raw.fetchrow(
        """UPDATE hold h SET swept = true,
            matches = (SELECT count(*) FROM hold_exposure e WHERE e.hold_id = h.hold_id)
        WHERE hold_id = $1 AND (state = 'released') = $2
        RETURNING hold_id, state, version, matches, scope::text""",
        *(hold.hold_id, hold.released),
    )
    return dict(row) if row else None
