"""What changed, once: published from here by the relay, and sealed into the ledger from here."""

import json
from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from uuid import UUID

import msgspec

from shared.db import Connection, driver, numbers
from shared.ids import salts, shard_of
from shared.tracing import HEADER, Trace, outgoing, read, touch

# Real days, not policy: an id says in which daily partition of the log its row lies.
_IDS = """
SELECT array(SELECT ((floor(extract(epoch FROM clock_timestamp()) / 86400))::bigint << 40) | nextval('log_id')
    FROM generate_series(1, $1::int))"""
# Of each transaction a row for the sealer, and one a shard for the relay, ids in the order of the entries.
_QUEUE = """
WITH sealing AS (INSERT INTO unsealed (log_ids) VALUES ($1::text::bigint[]))
INSERT INTO unpublished (shard, log_ids, trace)
SELECT u.shard, u.log_ids::bigint[], $4 FROM unnest($2::smallint[], $3::text[]) u(shard, log_ids) ORDER BY u.shard"""
_COLUMNS = ["log_id", "at", "shard", "topic", "key", "type", "subject", "version", "payload", "salt", "digest"]


class Entry(msgspec.Struct, frozen=True):
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
    ids = [log_id if entry.topic else -log_id for log_id, entry in zip(drawn, entries, strict=True)]
    rows, queued = [], dict[int, list[int]]()
    for log_id, salt, entry in zip(ids, salts(len(entries)), entries, strict=True):
        topic, key, payload = entry.topic, entry.key, entry.payload
        shard, digest = shard_of(key), sha256(salt + payload).digest()
        rows.append((log_id, now, shard, topic, key, entry.type, entry.subject, entry.version, payload, salt, digest))
        if topic:
            queued.setdefault(shard, []).append(log_id)
    if any(entry.trace for entry in entries):
        told = [_headers(entry.trace, trace) for entry in entries]
        traced = [(*row, headers) for row, headers in zip(rows, told, strict=True)]
        await raw.copy_records_to_table("log", records=traced, columns=[*_COLUMNS, "headers"])
    else:
        await raw.copy_records_to_table("log", records=rows, columns=_COLUMNS)
    lists = [numbers(each) for each in queued.values()]
    await raw.execute(_QUEUE, numbers(ids), list(queued), lists, trace.header() if trace else None)
    return ids


def _headers(own: str | None, trace: Trace | None) -> str | None:
    """Give the header of a row that belongs to another trace than its transaction."""
    if not own or (trace and trace.trace_id in own):
        return None
    if found := read(own):
        touch(found)
    return json.dumps({HEADER: own})
