"""What changed, once: published from here by the relay, and sealed into the ledger from here."""

import json
from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from typing import NamedTuple
from uuid import UUID

from shared.db import Connection, columns, driver
from shared.ids import salts, shard_of
from shared.tracing import HEADER, Trace, outgoing, read, touch

# Real days, not policy: an id says in which daily partition of the log its row lies.
_IDS = """
SELECT array(SELECT ((floor(extract(epoch FROM clock_timestamp()) / 86400))::bigint << 40) | nextval('log_id')
    FROM generate_series(1, $1::int))"""
# Of each transaction a row for the sealer, and one a shard for the relay, ids in the order of the entries.
_QUEUE = """
WITH sealing AS (INSERT INTO unsealed (log_ids) VALUES ($1::bigint[]))
INSERT INTO unpublished (shard, log_ids, trace)
SELECT u.shard, array_agg(u.log_id ORDER BY u.n), $4
FROM unnest($2::smallint[], $3::bigint[]) WITH ORDINALITY u(shard, log_id, n) GROUP BY u.shard ORDER BY u.shard"""
_COLUMNS = ["log_id", "at", "shard", "topic", "key", "type", "subject", "version", "payload", "salt", "digest"]


class Entry(NamedTuple):
    """One change of one subject; `topic` None keeps it in the ledger alone, for ever."""

    topic: str | None
    key: str
    type: str
    subject: UUID
    version: int
    payload: bytes
    trace: str | None = None  # The `traceparent` of what it is about, where that is not its transaction's.


async def draw(connection: Connection) -> int:
    """Draw the id of a row without a topic that is `put` later, by when rows that keep the id are written."""
    [drawn] = await (await driver(connection)).fetchval(_IDS, 1)
    return -int(drawn)


async def put(
    connection: Connection, entries: Sequence[Entry], now: datetime, drawn: Sequence[int] | None = None
) -> list[int]:
    """Write what changed and queue it for the relay and the sealer; gives the log ids in order.

    Call it under the subjects' locks: the queue's order is then the order of their versions. The queues hold ids only;
    a cursor over ids would skip what commits late. `drawn` are ids that `draw` gave, one for each entry.
    """
    if not entries:
        return []
    raw, trace = await driver(connection), outgoing()
    drawn = [abs(n) for n in drawn] if drawn else await raw.fetchval(_IDS, len(entries))
    ids = [drawn[n] if entry.topic else -drawn[n] for n, entry in enumerate(entries)]
    rows, queued = [], []
    for log_id, salt, entry in zip(ids, salts(len(entries)), entries, strict=True):
        shard = shard_of(entry.key)
        digest = sha256(salt + entry.payload).digest()
        topic, key, kind, subject, version, payload, _ = entry
        rows.append((log_id, now, shard, topic, key, kind, subject, version, payload, salt, digest))
        if topic:
            queued.append((shard, log_id))
    if any(entry.trace for entry in entries):
        told = [_headers(entry.trace, trace) for entry in entries]
        traced = [(*row, headers) for row, headers in zip(rows, told, strict=True)]
        await raw.copy_records_to_table("log", records=traced, columns=[*_COLUMNS, "headers"])
    else:
        await raw.copy_records_to_table("log", records=rows, columns=_COLUMNS)
    await raw.execute(_QUEUE, ids, *columns(queued, 2), trace.header() if trace else None)
    return ids


def _headers(own: str | None, trace: Trace | None) -> str | None:
    """Give the header of a row that belongs to another trace than its transaction."""
    if not own or (trace and trace.trace_id in own):
        return None
    if found := read(own):
        touch(found)
    return json.dumps({HEADER: own})
