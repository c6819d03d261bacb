"""The log row that seals many rows, written by the statement that writes those: a batch then asks four times less.

It is what `shared.log.put` makes of an entry without a topic: no relay waits for it, only the sealer.
"""

from datetime import datetime
from typing import Any

from shared.ids import named, salts, shard_of
from shared.tracing import outgoing

# The first part of such a statement's WITH: the id that the rows keep too; of what is not relayed they are negative.
DRAWN = """drawn AS MATERIALIZED (
    SELECT -(((floor(extract(epoch FROM clock_timestamp()) / 86400))::bigint << 40) | nextval('log_id')) AS log_id)"""


def sealing(digests: str, at: int) -> str:
    """Give the parts of a WITH that write the row: `digests` selects those and their number, `$at` the first value.

    Where there are none, none is written.
    """
    return f"""
logged AS (INSERT INTO log (log_id, at, shard, key, type, subject, version, payload, salt, digest)
    SELECT log_id, ${at}::timestamptz, ${at + 1}::smallint, ${at + 2}::text, ${at + 2}, ${at + 3}::uuid, s.count,
        s.payload, ${at + 4}::bytea, sha256(${at + 4} || s.payload)
    FROM drawn, ({digests}) s (payload, count) WHERE s.count > 0 RETURNING log_id),
queued AS (INSERT INTO unsealed (log_ids) SELECT ARRAY[log_id] FROM logged)"""


def values_of(kind: str, now: datetime) -> tuple[Any, ...]:
    """Give the five values of such a row, from `$at` on."""
    outgoing()
    return now, shard_of(kind), kind, named(f"retention\n{kind}"), salts(1)[0]
