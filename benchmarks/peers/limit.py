"""The limit: the same rows with no logic at all, over two connections.

Messages are read with confluent-kafka; their values were decoded before, into the very rows that our worker stored
for the same offsets. Each batch is one transaction: COPY where nothing can conflict, COPY into a stage and one
INSERT ... ON CONFLICT where something can, the queues' rows, the account, the position.
"""

import asyncio
import gc
import json
import time
from collections import defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple

import asyncpg
import psycopg
from confluent_kafka import Consumer, Message, TopicPartition

TOPIC = "records.events.v1"
PARTITIONS = 8
CONNECTIONS = 2
BATCH_RECORDS_MAX = 2_000
_COLUMNS = {
    "arrival": "arrival_key receipt_id event_uid first source_key channel place event_id type subject received_at"
    " received_on outcome reasons body_mac record_key counted_at",
    "record": "record_key record_uid kind source_key sequence version state_mac metadata accepted_on settled"
    " shown_sequence things",
    "record_state": "record_key sequence version state_mac arrival_key body_id",
    "body": "body_id record_key nonce sealed",
    "body_key": "body_id epoch wrapped",
    "log": "log_id at shard topic key type subject version payload salt digest",
}
NAMES = {table: names.split() for table, names in _COLUMNS.items()}
STAGED = {
    "arrival": "(event_uid) WHERE first",
    "record": "(record_uid, (CASE WHEN kind = 'nominal' THEN source_key ELSE 0 END))",
}
_ACCOUNT = """
INSERT INTO account VALUES (1, $2, 0, 'accepted', $1)
ON CONFLICT (source_key, received_on, slot, outcome) DO UPDATE SET n = account.n + excluded.n"""
_TALLY = """
INSERT INTO tally (received_at, received_on, day_sources, days, day_events, record_keys, source_keys, record_types,
    units, reported, recorded)
VALUES ($1, $2, ARRAY[1], ARRAY[$3::integer], ARRAY[cardinality($4::bigint[])], $4, array_fill(1, $5::integer[]),
    array_fill('crime_report'::text, $5), array_fill('unit-1'::text, $5), array_fill(0::bigint, $5),
    array_fill(0::bigint, $5))"""


class Rows(NamedTuple):
    """The rows of one event, ready to store."""

    part: int
    offset: int
    arrival: tuple[Any, ...]
    record: tuple[Any, ...]
    record_state: tuple[Any, ...]
    body: tuple[Any, ...]
    body_key: tuple[Any, ...]
    log: tuple[tuple[Any, ...], ...]


def rows_of(data: "psycopg.Connection[Any]") -> list[Rows]:
    """Read the rows that our worker stored, by the offset each came from."""
    tables = {table: _read(data, table) for table in NAMES}
    records = {row[0]: row for row in tables["record"]}
    bodies, keys = ({row[0]: row for row in tables[name]} for name in ("body", "body_key"))
    states = {row[4]: row for row in tables["record_state"]}
    logged = {row[6]: row for row in tables["log"]}
    found = []
    for row in tables["arrival"]:
        place, state = row[6], states[row[0]]
        arrival = (*row[:6], json.dumps(place, separators=(",", ":")), *row[7:13], None, *row[14:])
        rest = (records[row[15]], state, bodies[state[5]], keys[state[5]], (logged[row[1]], logged[row[9]]))
        found.append(Rows(place["partition"], place["offset"], arrival, *rest))
    return found


def _read(data: "psycopg.Connection[Any]", table: str) -> list[tuple[Any, ...]]:
    return data.execute(f"SELECT {', '.join(NAMES[table])} FROM {table}").fetchall()


def run(url: str, bootstrap: str, rows: Sequence[Rows]) -> float:
    """Store them all; gives the seconds from the first message in hand to the last commit."""
    known: dict[int, dict[int, Rows]] = defaultdict(dict)
    for each in rows:
        known[each.part][each.offset] = each
    gc.collect()
    gc.freeze()  # What was made ready beforehand shall not cost the collector's time.
    try:
        return asyncio.run(_both(url, bootstrap, known))
    finally:
        gc.unfreeze()


async def _both(url: str, bootstrap: str, known: dict[int, dict[int, Rows]]) -> float:
    shares = [[part for part in range(PARTITIONS) if part % CONNECTIONS == n] for n in range(CONNECTIONS)]
    connections = [await asyncpg.connect(url) for _ in shares]
    for connection in connections:
        await _prepare(connection)
    await connections[0].execute("INSERT INTO source (source) VALUES ('urn:demo:crime')")
    work = zip(connections, shares, strict=True)
    began = await asyncio.gather(*[_share(each, bootstrap, share, known) for each, share in work])
    ended = time.monotonic()
    for connection in connections:
        await connection.close()
    return ended - min(began)


async def _prepare(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    for table in STAGED:
        await connection.execute(
            f"CREATE TEMP TABLE stage_{table} ON COMMIT DELETE ROWS AS"
            f" SELECT {', '.join(NAMES[table])} FROM {table} LIMIT 0"
        )


async def _share(
    connection: "asyncpg.Connection[asyncpg.Record]",
    bootstrap: str,
    share: list[int],
    known: dict[int, dict[int, Rows]],
) -> float:
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "limit", "enable.auto.commit": False})
    consumer.assign([TopicPartition(TOPIC, part, 0) for part in share])
    for part in share:
        await connection.execute("INSERT INTO position VALUES ('c', $1, 'i', $2)", TOPIC, part)
    due, began = sum(len(known[part]) for part in share), 0.0
    loop = asyncio.get_running_loop()
    while due:
        messages: list[Message] = await loop.run_in_executor(None, consumer.consume, BATCH_RECORDS_MAX, 0.02)
        began = began or (time.monotonic() if messages else 0.0)
        by_part = defaultdict(list)
        for message in messages:
            by_part[message.partition()].append(known[message.partition()][message.offset()])
        for part, batch in by_part.items():
            await _store(connection, part, batch)
        due -= len(messages)
    consumer.close()
    return began


async def _store(connection: "asyncpg.Connection[asyncpg.Record]", part: int, batch: list[Rows]) -> None:
    async with connection.transaction():
        end = batch[-1].offset + 1
        await connection.execute("UPDATE position SET next_offset = $2 WHERE part = $1", part, end)
        for table, conflict in STAGED.items():
            rows = [getattr(each, table) for each in batch]
            await connection.copy_records_to_table(f"stage_{table}", records=rows, columns=NAMES[table])
            names = ", ".join(NAMES[table])
            into = f"INSERT INTO {table} ({names}) OVERRIDING SYSTEM VALUE SELECT * FROM stage_{table}"
            await connection.execute(f"{into} ON CONFLICT {conflict} DO NOTHING")
        for table in ("record_state", "body", "body_key"):
            rows = [getattr(each, table) for each in batch]
            await connection.copy_records_to_table(table, records=rows, columns=NAMES[table])
        await _log(connection, batch)
        at, day = batch[0].arrival[10], batch[0].arrival[11]
        await connection.execute(_ACCOUNT, len(batch), day)
        keys = [each.record[0] for each in batch]
        await connection.execute(_TALLY, at, day, day.toordinal(), keys, [len(keys)])


async def _log(connection: "asyncpg.Connection[asyncpg.Record]", batch: list[Rows]) -> None:
    logged = [row for each in batch for row in each.log]
    await connection.copy_records_to_table("log", records=logged, columns=NAMES["log"])
    shards = defaultdict(list)
    for row in logged:
        shards[row[2]].append(row[0])
    await connection.execute("INSERT INTO unsealed (log_ids) VALUES ($1)", [row[0] for row in logged])
    queued = sorted(shards.items())
    await connection.executemany("INSERT INTO unpublished (shard, log_ids) VALUES ($1, $2)", queued)
