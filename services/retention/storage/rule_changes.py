"""Overrides and moves of records, as they are proposed and as another person agrees."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from shared.db import Connection, driver

_INSERT = """
INSERT INTO rule_change (change_id, record_key, kind, canonical, proposed_by, proposed_at)
VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (record_key, kind) WHERE approved_at IS NULL DO NOTHING RETURNING true"""
_OPEN = """
SELECT change_id, canonical, proposed_by FROM rule_change
WHERE record_key = $1 AND kind = $2 AND approved_at IS NULL FOR UPDATE"""
_APPROVE = "UPDATE rule_change SET approved_by = $2, approved_at = $3, canonical = $4 WHERE change_id = $1"
_MADE = "SELECT count(*) FROM rule_change WHERE record_key = $1 AND kind = $2 AND approved_at IS NOT NULL"


async def propose(connection: Connection, values: Sequence[Any]) -> bool:
    """Keep a proposal; says whether none was open."""
    return bool(await (await driver(connection)).fetchval(_INSERT, *values))


async def proposed(connection: Connection, record_key: int, kind: str) -> tuple[UUID, bytes, str] | None:
    """Find and lock the open proposal of a kind about a record: its id, its bytes, who made it."""
    row = await (await driver(connection)).fetchrow(_OPEN, record_key, kind)
    return None if row is None else (row[0], row[1], row[2])


async def approve(connection: Connection, change: UUID, by: str, now: datetime, canonical: bytes) -> None:
    """Write down that another person agrees, and the fact as it then was."""
    await (await driver(connection)).execute(_APPROVE, change, by, now, canonical)


async def made(connection: Connection, record_key: int, kind: str) -> int:
    """Count the changes of a kind that were made about a record."""
    return int(await (await driver(connection)).fetchval(_MADE, record_key, kind))
