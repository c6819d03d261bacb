"""Dead letters: what could not be read is parked, sealed, counted and announced; nothing waits behind it."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec
from aiokafka import ConsumerRecord

from shared.batches import Batch
from shared.bodies import Plain, store
from shared.db import Connection, columns, driver
from shared.events import encode
from shared.ids import receipt_id
from shared.keys import Keys
from shared.log import Entry, put
from shared.positions import Place

_INSERT = """
INSERT INTO dead_letter (cluster, topic, incarnation, part, "offset", key, reason, mac, body_id, at)
SELECT $1, $2, $3, u.*, $10
FROM unnest($4::integer[], $5::bigint[], $6::text[], $7::text[], $8::bytea[], $9::bigint[]) u"""
TYPE = "tenure.letter.parked.v1"


class Letter(NamedTuple):
    """A message that could not be used, and the code of why."""

    record: ConsumerRecord
    reason: str


class Parked(msgspec.Struct, frozen=True):
    """What a dead letter's notice says: position, keyed digest, code; the bytes stay sealed in the database."""

    topic: str
    partition: int
    offset: int
    mac: str
    reason: str


async def park(connection: Connection, keys: Keys, batch: Batch, letters: Sequence[Letter], now: datetime) -> None:
    """Park messages of one batch with their sealed bytes, and announce each on the topic's `.dlq`."""
    if not letters:
        return
    raw, place = await driver(connection), batch.spans[0].place
    contents = [letter.record.value or b"" for letter in letters]
    bodies = await store(connection, keys, [Plain(None, content) for content in contents])
    rows = [
        (each.record.partition, each.record.offset, _text(each.record.key), each.reason, keys.mac(content), body)
        for each, content, body in zip(letters, contents, bodies, strict=True)
    ]
    await raw.execute(_INSERT, *place[:3], *columns(rows, 6), now)
    await put(connection, [_notice(place, *row[:5]) for row in rows], now)


def _notice(topic: Place, part: int, offset: int, key: str | None, reason: str, mac: bytes) -> Entry:
    subject = receipt_id(*topic._replace(part=part), offset)
    parked = Parked(topic.topic, part, offset, mac.hex(), reason)
    return Entry(f"{topic.topic}.dlq", key or str(subject), TYPE, subject, 1, encode(parked))


def _text(key: bytes | None) -> str | None:
    return key.decode("utf-8", "replace").replace("\x00", "\ufffd")[:200] if key else None
