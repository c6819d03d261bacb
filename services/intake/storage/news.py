"""What of what came in still waits to be published."""

from datetime import datetime

from shared.db import Connection, driver

_QUEUED = """
SELECT u.shard, min(l.at) AS at FROM (SELECT DISTINCT ON (shard) shard, log_ids[1] AS log_id FROM unpublished
    ORDER BY shard, queue_id) u JOIN log l USING (log_id) GROUP BY 1"""


async def oldest_queued(connection: Connection) -> dict[int, datetime]:
    """Give the instant of the oldest row that waits for the relay, by shard."""
    raw = await driver(connection)
    return {row["shard"]: row["at"] for row in await raw.fetch(_QUEUED)}
