"""Dead letters: what could not be read is parked, sealed, counted and announced; nothing waits behind it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from aiokafka import ConsumerRecord

from shared.batches import Batch
from shared.bodies import Plain, store
from shared.db import Connection, columns, driver
from shared.events import encode
from shared.events.words import Code, Digest, Named
from shared.ids import receipt_id
from shared.keys import Keys
from shared.log import Entry, put
from shared.positions import Place

_INSERT = """
WITH parked AS (
    INSERT INTO dead_letter (cluster, topic, incarnation, part, "offset", key, reason, mac, body_id, headers, subject,
        sequence, at)
    SELECT $1, $2, $3, u.*, $13 FROM unnest($4::integer[], $5::bigint[], $6::text[], $7::text[], $8::bytea[],
        $9::bigint[], $10::jsonb[], $11::uuid[], $12::bigint[]) u
    RETURNING letter_id)
INSERT INTO letter_state (letter_id) SELECT letter_id FROM parked"""
TYPE = "tenure.letter.parked.v1"
HEADER_CHARS_MAX = 1024
_HEADERS = frozenset({"ce_type", "ce_subject", "ce_source", "ce_id", "ce_time", "traceparent"})
_SUBJECTS = ("record_id", "nominal_ref", "review_id", "subject")
_SEQUENCES = ("sequence", "version")


class Letter(NamedTuple):
    """A message that could not be used, and the code of why."""

    record: ConsumerRecord
    reason: str


class Parked(msgspec.Struct, frozen=True):
    """What a dead letter's notice says: position, keyed digest, code; the bytes stay sealed in the database."""

    topic: Named
    partition: int
    offset: int
    mac: Digest
    reason: Code


@dataclass(eq=False, slots=True)
class Again(Batch):
    """One dead letter that is read once more: what is still refused is noted here, and parked no second time."""

    refused: list[Letter] = field(default_factory=list)


async def park(connection: Connection, keys: Keys, batch: Batch, letters: Sequence[Letter], now: datetime) -> None:
    """Park messages of one batch with their sealed bytes, and announce each on the topic's `.dlq`."""
    if not letters:
        return
    if isinstance(batch, Again):
        batch.refused.extend(letters)
        return
    raw, place = await driver(connection), batch.spans[0].place
    contents = [letter.record.value or b"" for letter in letters]
    bodies = await store(connection, keys, [Plain(None, content) for content in contents])
    rows = [
        (each.record.partition, each.record.offset, _text(each.record.key), each.reason, keys.mac(content), body)
        for each, content, body in zip(letters, contents, bodies, strict=True)
    ]
    told = [(encode(headers_of(each.record)).decode(), *_known(each)) for each in letters]
    await raw.execute(_INSERT, *place[:3], *columns(rows, 6), *columns(told, 3), now)
    await put(connection, [_notice(place, *row[:5]) for row in rows], now)


def _notice(topic: Place, part: int, offset: int, key: str | None, reason: str, mac: bytes) -> Entry:
    subject = receipt_id(*topic._replace(part=part), offset)
    parked = Parked(topic.topic, part, offset, mac.hex(), reason)
    return Entry(f"{topic.topic}.dlq", key or str(subject), TYPE, subject, 1, encode(parked))


def _text(key: bytes | None) -> str | None:
    return key.decode("utf-8", "replace").replace("\x00", "\ufffd")[:200] if key else None


def headers_of(record: ConsumerRecord) -> dict[str, str]:
    """Give the headers that reading a message once more needs."""
    return {
        name: value.decode("utf-8", "replace").replace("\x00", "\ufffd")[:HEADER_CHARS_MAX]
        for name, value in record.headers or ()
        if name in _HEADERS and value is not None
    }


def _known(letter: Letter) -> tuple[UUID | None, int | None]:
    """Give whom a message is about and its version, as far as it tells; what ended the process is not read again."""
    record = letter.record
    said = _said(record.value or b"") if letter.reason != "defect" else {}
    key = (record.key or b"").decode("utf-8", "replace")
    named = [*(said.get(name) for name in _SUBJECTS), key, headers_of(record).get("ce_subject")]
    subject = next((found for text in named if (found := _uuid(text))), None)
    numbers = [said.get(name) for name in _SEQUENCES]
    return subject, next((each for each in numbers if type(each) is int and 0 <= each < 2**63), None)


def _said(value: bytes) -> Mapping[str, Any]:
    try:
        said = msgspec.json.decode(value)
    except (msgspec.MsgspecError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


def _uuid(text: object) -> UUID | None:
    try:
        return UUID(text) if isinstance(text, str) else None
    except ValueError:
        return None
