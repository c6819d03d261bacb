"""How far what came in has been taken in, and what of it still waits to be published."""

from datetime import datetime

from shared.db import Connection, driver

_POSITIONS = "SELECT part, max(next_offset) AS next FROM position WHERE topic = $1 GROUP BY part"
_QUEUED = """
SELECT u.shard, min(l.at) AS at FROM (SELECT DISTINCT ON (shard) shard, log_ids[1] AS log_id FROM unpublished
    ORDER BY shard, queue_id) u JOIN log l USING (log_id) GROUP BY 1"""


async def taken_in(connection: Connection, topic: str) -> dict[int, int]:
    """Give each partition's stored position."""
    raw = await driver(connection)
    return {row["part"]: row["next"] for row in await raw.fetch(_POSITIONS, topic)}


async def oldest_queued(connection: Connection) -> dict[int, datetime]:
    """Give the instant of the oldest row that waits for the relay, by shard."""
    raw = await driver(connection)
    return {row["shard"]: row["at"] for row in await raw.fetch(_QUEUED)}
