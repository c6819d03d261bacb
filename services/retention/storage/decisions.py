"""Decisions as review published them: kept for ever, and lapsed with a reason when they stand no more."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from services.retention.storage.reviews import Subject
from services.retention.storage.roots import PERSONS
from shared.db import Connection, driver

_INSERT = """
INSERT INTO decision (review_id, version, record_key, nominal_key, outcome, basis, decided_by, approved_by, decided_on,
    next_on, known_at, lapsed)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT DO NOTHING RETURNING true"""
_DECIDERS = f"""
UPDATE decision d SET lapsed = $2 WHERE lapsed IS NULL AND outcome = 'dispose' AND (record_key = ANY($1::bigint[])
    OR nominal_key IN (SELECT b.nominal_key FROM {PERSONS} WHERE l.record_key = ANY($1::bigint[]) AND l.offending))"""
_OTHERS = {
    "record": "record_key = $1",
    "nominal": "nominal_key IN (SELECT $1::bigint UNION SELECT nominal_key FROM person_schedule WHERE root = $1)",
}


async def insert_decision(connection: Connection, values: Sequence[Any]) -> bool:
    """Keep a decision; says whether it is new."""
    return bool(await (await driver(connection)).fetchval(_INSERT, *values))


async def lapse_others(connection: Connection, subject: Subject, review_id: UUID, why: str) -> None:
    """Let a subject's earlier decisions lapse."""
    about = _OTHERS[subject[0]]
    statement = f"UPDATE decision SET lapsed = $3 WHERE {about} AND review_id <> $2 AND lapsed IS NULL"
    await (await driver(connection)).execute(statement, subject[1], review_id, why)


async def lapse_deciders(connection: Connection, record_keys: Iterable[int], why: str) -> None:
    """Let the dispose decisions that cover these records lapse: each needs a review anew."""
    await (await driver(connection)).execute(_DECIDERS, sorted(record_keys), why)


async def known_before(connection: Connection, review_id: UUID, version: int) -> datetime | None:
    """Say when a decision was taken in; None: never."""
    found: datetime | None = await (await driver(connection)).fetchval(
        "SELECT known_at FROM decision WHERE review_id = $1 AND version = $2", review_id, version
    )
    return found
