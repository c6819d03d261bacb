"""Dead letters as a service's tables have them: listed, and asked for once more."""

from collections.abc import Callable
from datetime import date
from typing import Literal, NamedTuple
from uuid import UUID

import asyncpg

from shared.db import Connection, driver
from shared.errors import Conflict, NotFound

State = Literal["open", "asked", "trying", "taken", "superseded"]
WAITS = ("open", "asked", "trying")

_SHOWN = """
SELECT letter_id, d.at, d.topic, d.part AS partition, d."offset", d.subject, d.reason, s.state, s.review_on, s.attempts,
    s.refused, s.asked_by, s.version, d.headers IS NOT NULL AS readable
FROM dead_letter d JOIN letter_state s USING (letter_id)"""
_LIST = f"""{_SHOWN}
WHERE ($1::text IS NULL OR s.state = $1) AND ($1 IS NOT NULL OR s.state IN ('open', 'asked', 'trying'))
    AND ($2::text IS NULL OR d.topic = $2) AND ($3::text IS NULL OR d.reason = $3)
    AND ($4::uuid IS NULL OR d.subject = $4) AND letter_id > $5 ORDER BY letter_id LIMIT $6"""
_ASK = """
UPDATE letter_state SET state = 'asked', asked_by = $2, version = version + 1 WHERE letter_id = $1"""


class Wanted(NamedTuple):
    """Which letters to list: by default all that wait."""

    state: State | None = None
    topic: str | None = None
    reason: str | None = None
    subject: UUID | None = None


async def page(connection: Connection, wanted: Wanted, after: int, limit: int) -> list[asyncpg.Record]:
    """List letters, the oldest first."""
    return list(await (await driver(connection)).fetch(_LIST, *wanted, after, limit))


async def one(connection: Connection, letter_id: int) -> asyncpg.Record | None:
    """Give one letter as a list shows it."""
    return await (await driver(connection)).fetchrow(f"{_SHOWN} WHERE letter_id = $1", letter_id)


async def ask(connection: Connection, letter_id: int, meant: Callable[[int], None], by: str) -> None:
    """Ask that a letter is read once more; `meant` refuses another version than the one seen."""
    raw = await driver(connection)
    await raw.execute("SELECT FROM letter_state WHERE letter_id = $1 FOR UPDATE", letter_id)
    row = await one(connection, letter_id)
    if row is None:
        raise NotFound("There is no dead letter by this id; list them with GET /v1/dead-letters.")
    meant(row["version"])
    if row["state"] != "open":
        raise Conflict(f"This letter is not to be read again: it is {row['state']}.", "not_open")
    if not row["readable"]:
        message = "It was set aside by a version that kept no headers, so nobody can tell what it was."
        raise Conflict(message, "headers_not_kept")
    await raw.execute(_ASK, letter_id, by)


def overdue(row: asyncpg.Record, today: date) -> bool:
    """Say whether a letter waits past its review date."""
    return row["state"] in WAITS and row["review_on"] is not None and row["review_on"] < today
