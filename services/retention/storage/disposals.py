"""Disposals past the point of no return: their proof, confirmations and certificates, and what makes them wait."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from shared.db import Connection, columns, driver

_DISPOSED = """
INSERT INTO disposal (disposal_id, record_key, executed_at, executed_on, sequence, proof, holds_found, log_id)
SELECT u.id, u.k, $6, $7, u.sequence, u.proof::jsonb, 0, u.log_id
FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::text[], $5::bigint[]) u (id, k, sequence, proof, log_id)"""
_STATE = """
INSERT INTO disposal_state (disposal_id, record_key, state)
SELECT u.id, u.k, 'executed' FROM unnest($1::uuid[], $2::bigint[]) u (id, k)"""
_RECORDS = """
UPDATE record r SET executed_by = u.id FROM unnest($1::uuid[], $2::bigint[]) u (id, k) WHERE r.record_key = u.k"""
_CONFIRM = """
INSERT INTO confirmation (disposal_id, holder, answer, bodies, at, signature, known_at, epoch, epoch_began_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING RETURNING true"""
_READ = """
SELECT x.disposal_id, x.record_key, x.executed_at, x.executed_on, x.sequence, x.proof::text AS proof, d.state,
    coalesce(r.record_uid, o.receipt_id) AS record_uid,
    o.review_id, o.row_id,
    (SELECT min(known_at) FROM fact f WHERE f.record_key = x.record_key) AS known_at
FROM disposal x JOIN disposal_state d USING (disposal_id) JOIN disposal_order o USING (disposal_id)
    LEFT JOIN record r ON r.record_key = x.record_key WHERE x.disposal_id = $1 FOR UPDATE OF d"""
_FINISHED = """
SELECT d.disposal_id, d.record_key FROM disposal_state d WHERE d.state = 'shredded' AND d.irrecoverable_from <= $1
    AND NOT EXISTS (SELECT FROM unnest($2::text[]) u WHERE NOT EXISTS (
        SELECT FROM confirmation c WHERE c.disposal_id = d.disposal_id AND c.holder = u
            AND c.answer IN ('erased', 'never_had_it')))
    AND NOT EXISTS (SELECT FROM confirmation c WHERE c.disposal_id = d.disposal_id AND c.epoch IS NOT NULL
        AND NOT EXISTS (SELECT FROM epoch_end e WHERE e.holder = c.holder AND e.epoch = c.epoch))
ORDER BY d.irrecoverable_from, d.disposal_id LIMIT $3 FOR UPDATE SKIP LOCKED"""


class Gone(NamedTuple):
    """A record that passed the point of no return, or a quarantined arrival, which has no key."""

    disposal_id: UUID
    record_key: int | None
    sequence: int
    proof: dict[str, Any]
    log_id: int


class News(NamedTuple):
    """What keeps every disposal waiting, read behind the gate."""

    pauses: list[str]
    fresh: int
    ran_at: datetime | None


async def insert_disposals(connection: Connection, gone: Sequence[Gone], now: datetime, today: date) -> None:
    """Write down that these records went, with the proof of it."""
    raw = await driver(connection)
    rows = [(each.disposal_id, each.record_key, each.sequence, _json(each.proof), each.log_id) for each in gone]
    await raw.execute(_DISPOSED, *columns(rows, 5), now, today)
    pairs = columns([(each.disposal_id, each.record_key) for each in gone], 2)
    await raw.execute(_STATE, *pairs)
    await raw.execute(_RECORDS, *pairs)


def _json(proof: dict[str, Any]) -> str:
    return msgspec.json.encode(proof).decode()


async def news(connection: Connection, not_before: datetime) -> News:
    """Read what may keep every disposal waiting: pauses, partitions heard of since `not_before`, the last tick."""
    raw = await driver(connection)
    row = await raw.fetchrow(
        """SELECT (SELECT coalesce(array_agg(cause ORDER BY cause), '{}') FROM pause WHERE state <> 'over') AS pauses,
            (SELECT count(*) FROM watermark WHERE upto >= $1) AS fresh,
            (SELECT ran_at FROM tick WHERE job = 'lifecycle') AS ran_at""",
        not_before,
    )
    assert row is not None
    return News(list(row["pauses"]), row["fresh"], row["ran_at"])


# Two people's go covers what was waiting when they gave it; what was ordered later is counted anew.
_RUN = """
FROM disposal_order o {join} WHERE o.state = 'cooling' AND o.execute_from <= $1 AND o.opened_at > coalesce(
    (SELECT max(ended_at) FROM pause WHERE cause = 'stop_switch' AND state = 'over'), '-infinity')"""


async def run_size(connection: Connection, today: date) -> int:
    """Count the orders that fall to be carried out now, without those that two people let go on."""
    raw = await driver(connection)
    counted: int = await raw.fetchval("SELECT count(*)" + _RUN.format(join=""), today)
    return counted


async def forecast(connection: Connection, today: date) -> int:
    """Count those of them that go on the very day that their record's dates foresaw, or would have."""
    raw = await driver(connection)
    join = "JOIN schedule s ON s.record_key = o.record_key AND s.actionable_from = o.execute_from"
    counted: int = await raw.fetchval("SELECT count(*)" + _RUN.format(join=join), today)
    return counted


async def pause(connection: Connection, cause: str, now: datetime) -> bool:
    """Make disposals wait for two people; says whether they did not wait for this before."""
    raw = await driver(connection)
    return bool(
        await raw.fetchval(
            "INSERT INTO pause (cause, noted_at) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING true", cause, now
        )
    )


async def paused_by(connection: Connection) -> list[str]:
    """List what all disposals wait for."""
    raw = await driver(connection)
    return [row[0] for row in await raw.fetch("SELECT cause FROM pause WHERE state <> 'over' ORDER BY cause")]


async def open_pauses(connection: Connection) -> list[dict[str, Any]]:
    """Read and lock what disposals wait for."""
    raw = await driver(connection)
    rows = await raw.fetch("SELECT * FROM pause WHERE state <> 'over' ORDER BY pause_id FOR UPDATE")
    return [dict(row) for row in rows]


async def propose_resume(connection: Connection, by: str) -> None:
    """Write down who proposes that disposals go on."""
    raw = await driver(connection)
    await raw.execute(
        "UPDATE pause SET state = 'proposed', proposed_by = $1, version = version + 1 WHERE state <> 'over'", by
    )


async def end_pauses(connection: Connection, by: str, now: datetime) -> None:
    """Let disposals go on: the second person agrees."""
    raw = await driver(connection)
    await raw.execute(
        "UPDATE pause SET state = 'over', approved_by = $1, ended_at = $2, version = version + 1 "
        "WHERE state = 'proposed'",
        *(by, now),
    )


async def keep_confirmation(connection: Connection, values: Sequence[Any]) -> bool:
    """Keep a holder's signed answer; says whether it is new."""
    raw = await driver(connection)
    return bool(await raw.fetchval(_CONFIRM, *values))


async def read_executed(connection: Connection, disposal_id: UUID) -> dict[str, Any] | None:
    """Read and lock a disposal with all that its certificate says."""
    raw = await driver(connection)
    row = await raw.fetchrow(_READ, disposal_id)
    return {**dict(row), "proof": msgspec.json.decode(row["proof"])} if row else None


async def shredded(connection: Connection, disposal_id: UUID, irrecoverable_from: datetime) -> None:
    """Write down that intake's answer is in, and from when no copy can come back."""
    raw = await driver(connection)
    await raw.execute(
        "UPDATE disposal_state SET state = 'shredded', irrecoverable_from = $2, version = version + 1 "
        "WHERE disposal_id = $1 AND state = 'executed'",
        *(disposal_id, irrecoverable_from),
    )


async def insert_certificate(connection: Connection, values: Sequence[Any]) -> None:
    """Keep a certificate for ever, as it was issued."""
    raw = await driver(connection)
    await raw.execute(
        "INSERT INTO certificate (disposal_id, issued_at, canonical, salt, log_id) VALUES ($1, $2, $3, $4, $5)", *values
    )


async def read_certificate(connection: Connection, disposal_id: UUID) -> tuple[Any, list[dict[str, Any]]]:
    """Read a disposal's certificate (None: not issued yet) and every holder's answer."""
    raw = await driver(connection)
    canonical = await raw.fetchval("SELECT canonical FROM certificate WHERE disposal_id = $1", disposal_id)
    rows = await raw.fetch(
        "SELECT holder, answer, bodies, at FROM confirmation WHERE disposal_id = $1 ORDER BY holder, at", disposal_id
    )
    return (msgspec.json.decode(canonical) if canonical else None), [dict(row) for row in rows]


async def finished(
    connection: Connection, holders: Iterable[str], now: datetime, limit: int
) -> list[tuple[UUID, int | None]]:
    """Claim disposals whose every copy has answered and which nothing can bring back any more."""
    raw = await driver(connection)
    return [tuple(row) for row in await raw.fetch(_FINISHED, now, list(holders), limit)]


async def finish(connection: Connection, disposal_ids: Sequence[UUID]) -> None:
    """Write down that these records are disposed of."""
    raw = await driver(connection)
    await raw.execute(
        "UPDATE disposal_state SET state = 'disposed', version = version + 1 WHERE disposal_id = ANY($1::uuid[])",
        disposal_ids,
    )
