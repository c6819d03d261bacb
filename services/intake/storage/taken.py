"""What was last said of each measure: the state that its compacted topic is published from."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import asyncpg

from services.intake.storage.measures import WAITING
from shared.db import Connection, columns, driver

_LOCK = 73_001  # One process at a time takes them; beside the locks of shared/http/repeats.py.
_STORE = """
INSERT INTO measure (measure, version, payload) SELECT * FROM unnest($1::text[], $2::bigint[], $3::bytea[]) u
ON CONFLICT (measure) DO UPDATE SET version = excluded.version, payload = excluded.payload"""


async def last(connection: Connection) -> dict[str, asyncpg.Record]:
    """Give what was last said of each measure, for this transaction alone to change."""
    raw = await driver(connection)
    await raw.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
    return {row["measure"]: row for row in await raw.fetch("SELECT measure, version, payload FROM measure")}


async def store(connection: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
    """Store (measure, version, payload)."""
    raw = await driver(connection)
    await raw.execute(_STORE, *columns(sorted(rows), 3))


async def waiting(connection: Connection) -> tuple[int, datetime | None]:
    """Give how many arrivals wait in quarantine, and since when the first of them."""
    raw = await driver(connection)
    row = await raw.fetchrow(WAITING)
    assert row is not None, "a query without FROM gives one row"
    return row["n"], row["since"]
