"""Access reviews: which records and dates, who is asked, who has answered, what was concluded."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from shared.db import Connection, columns, driver

_VIEWED = """
SELECT DISTINCT record_uid FROM access WHERE at >= $1 AND at < $2 AND allowed AND ($3::uuid IS NULL OR record_uid > $3)
ORDER BY record_uid LIMIT $4"""
_VIEWS = """
SELECT actor, array_agg(access_id ORDER BY access_id) AS views FROM access
WHERE record_uid = ANY($1::uuid[]) AND at >= $2 AND at < $3 AND allowed GROUP BY actor ORDER BY actor"""
_OPEN = """
INSERT INTO access_review (review_id, since, until, records, reason, opened_by, opened_at, state)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING review_key"""
_ASK = """
INSERT INTO access_ask (review_key, actor, views)
SELECT $1, u.actor, ARRAY(SELECT v.access_id FROM unnest($4::text[], $5::bigint[]) v(actor, access_id)
    WHERE v.actor = u.actor ORDER BY 1)
FROM unnest($2::text[], $3::int[]) u(actor, n)"""
_SHOWN = """
SELECT review_key, review_id, since, until, records, reason, opened_by, opened_at, state, outcome, conclusion,
    concluded_by, concluded_at, version,
    (SELECT count(*) FROM access_ask a WHERE a.review_key = r.review_key) AS asked,
    (SELECT count(*) FROM access_ask a WHERE a.review_key = r.review_key AND a.answer IS NULL) AS unanswered
FROM access_review r"""
_PAGE = f"""
{_SHOWN} WHERE ($1::text IS NULL OR state = $1)
    AND ($2::text IS NULL OR EXISTS (SELECT FROM access_ask a WHERE a.review_key = r.review_key AND a.actor = $2))
    AND ($3::bigint IS NULL OR review_key < $3) ORDER BY review_key DESC LIMIT $4"""
_MOVE = """
UPDATE access_review SET state = $2, outcome = $3, conclusion = $4, concluded_by = $5, concluded_at = $6,
    version = version + 1 WHERE review_key = $1"""
_ANSWER = """
UPDATE access_ask SET answer = $3, reason = $4, answered_at = $5, version = version + 1
WHERE review_key = $1 AND actor = $2 RETURNING version"""
_OF = """
SELECT access_id, at, record_uid AS record_id, purpose, reference, task_id, parts FROM access
WHERE access_id = ANY($1::bigint[]) ORDER BY access_id"""


async def viewed(
    connection: Connection, since: datetime, until: datetime, after: UUID | None, limit: int
) -> list[UUID]:
    """Give the records whose content was shown in a span, in the order of their ids."""
    raw = await driver(connection)
    return [row[0] for row in await raw.fetch(_VIEWED, since, until, after, limit)]


async def views(
    connection: Connection, records: Collection[UUID], since: datetime, until: datetime
) -> dict[str, list[int]]:
    """Give who was shown content of these records in a span, with their views."""
    raw = await driver(connection)
    return {row["actor"]: row["views"] for row in await raw.fetch(_VIEWS, list(records), since, until)}


async def store(connection: Connection, row: Sequence[Any], asked: dict[str, list[int]]) -> None:
    """Store a review (id, since, until, records, reason, by, at, state), and whom it asks about which views."""
    raw = await driver(connection)
    key = await raw.fetchval(_OPEN, *row)
    people = [(actor, n) for n, actor in enumerate(asked)]
    pairs = [(actor, access) for actor, views in asked.items() for access in views]
    await raw.execute(_ASK, key, *columns(people, 2), *columns(pairs, 2))


async def page(
    connection: Connection, state: str | None, asked: str | None, after: int | None, limit: int
) -> list[asyncpg.Record]:
    """List reviews, the latest first; with `asked` those in which this person is."""
    raw = await driver(connection)
    return list(await raw.fetch(_PAGE, state, asked, after, limit))


async def lock(connection: Connection, review: UUID) -> asyncpg.Record | None:
    """Give a review, locked."""
    raw = await driver(connection)
    return await raw.fetchrow(f"{_SHOWN} WHERE review_id = $1 FOR UPDATE OF r", review)


async def asks(connection: Connection, review_key: int) -> list[asyncpg.Record]:
    """Give everybody who is asked, and what they answered."""
    raw = await driver(connection)
    query = """
SELECT actor, cardinality(views) AS views, answer, reason, answered_at FROM access_ask
WHERE review_key = $1 ORDER BY answer IS NOT NULL, actor"""
    return list(await raw.fetch(query, review_key))


async def ask(connection: Connection, review_key: int, actor: str) -> asyncpg.Record | None:
    """Give what one person is asked, and has answered."""
    raw = await driver(connection)
    return await raw.fetchrow("SELECT * FROM access_ask WHERE review_key = $1 AND actor = $2", review_key, actor)


async def views_of(connection: Connection, views: Sequence[int]) -> list[asyncpg.Record]:
    """Give the views that somebody is asked about."""
    raw = await driver(connection)
    return list(await raw.fetch(_OF, views))


async def answer(connection: Connection, review_key: int, actor: str, *said: Any) -> int:
    """Store what one person answers (answer, reason, at); gives the answer's version."""
    raw = await driver(connection)
    version: Any = await raw.fetchval(_ANSWER, review_key, actor, *said)
    return int(version)


async def move(connection: Connection, review_key: int, *stands: Any) -> None:
    """Store how a review stands: (state, outcome, conclusion, by, at)."""
    raw = await driver(connection)
    await raw.execute(_MOVE, review_key, *stands)
