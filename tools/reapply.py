"""Erases again, after a database was restored, what was erased since its backup: erased stays erased.

What was disposed of the topics still tell: the notices name the record, for as long as they are kept; the certificates,
which are kept for ever, its keyed reference.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import msgspec
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, TopicPartition

from services.intake.storage import quarantine, records
from services.review.storage import work
from shared.brokers import Brokers
from shared.db import Connection, driver
from shared.events import CERTIFICATES, DISPOSALS, DisposalExecuted, encode
from shared.log import Entry, put

AGAIN = "tenure.erasure.repeated.v1"
ANSWER_SECONDS_MAX = 10.0
SET_SIZE = 200
# A certificate does not say up to which state; a backup older than the disposal has none beyond it.
EVERY_STATE = 2**62

_KNOWN = {"intake": "SELECT disposal_id FROM shredding", "review": "SELECT disposal_id FROM erasure"}
_HELD = """
SELECT record_uid FROM record WHERE record_uid = ANY($1) UNION ALL
SELECT receipt_id FROM quarantine WHERE receipt_id = ANY($1)"""
_HERE = """
SELECT record_uid, false FROM record WHERE executed_by IS NULL
UNION ALL SELECT receipt_id, true FROM quarantine WHERE body_id IS NOT NULL"""


class Gone(NamedTuple):
    """One disposal: of which record, or of which quarantined arrival, by which review, up to which state."""

    disposal_id: UUID
    record_id: UUID
    arrival: bool
    review_id: UUID | None
    sequence: int


class Certified(msgspec.Struct, frozen=True):
    """What a certificate tells of what it is about."""

    disposal_id: UUID
    record_ref: str
    decision_id: UUID | None = None
    state: str = "shredded"


class Told(NamedTuple):
    """What the two topics say was disposed of."""

    notices: Mapping[UUID, DisposalExecuted]
    certificates: Mapping[UUID, Certified]


def read(brokers: Brokers) -> Told:
    """Read both topics from their beginning to where they end now."""
    notices: dict[UUID, DisposalExecuted] = {}
    certificates: dict[UUID, Certified] = {}
    for kind, content in _messages(brokers, (DISPOSALS, CERTIFICATES)):
        if kind == DisposalExecuted.type:
            notice = msgspec.json.decode(content, type=DisposalExecuted)
            notices[notice.disposal_id] = notice
        elif kind == "tenure.certificate.issued.v1":
            certified = msgspec.json.decode(content, type=Certified)
            certificates[certified.disposal_id] = certified
    return Told(notices, certificates)


def _messages(brokers: Brokers, topics: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    told = {"group.id": "tenure-reapply", "enable.auto.commit": False, "isolation.level": "read_committed"}
    consumer = Consumer({**brokers.librdkafka(), **told, "enable.partition.eof": True, "log_level": 0})
    try:
        found = consumer.list_topics(timeout=ANSWER_SECONDS_MAX).topics
        parts = [(name, part) for name in topics if name in found for part in found[name].partitions]
        consumer.assign([TopicPartition(name, part, OFFSET_BEGINNING) for name, part in parts])
        waiting = set(parts)
        while waiting:
            message = consumer.poll(ANSWER_SECONDS_MAX)
            if message is None:
                raise KafkaException(KafkaError(KafkaError._TIMED_OUT))
            error, value = message.error(), message.value()
            if error and error.code() == KafkaError._PARTITION_EOF:
                waiting.discard((message.topic(), message.partition()))
            elif error:
                raise KafkaException(error)
            elif value is not None:
                yield dict(message.headers() or ()).get("ce_type", b"").decode(), value
    finally:
        consumer.close()


async def missing(connection: Connection, told: Told, reference: Callable[[str], str]) -> list[Gone]:
    """Find what is here in intake and was disposed of; a record that only a certificate tells of, by its reference."""
    raw = await driver(connection)
    done = {row[0] for row in await raw.fetch(_KNOWN["intake"])}
    named = [each for id_, each in told.notices.items() if id_ not in done]
    held = {row[0] for row in await raw.fetch(_HELD, [each.record_id for each in named])}
    found = [
        Gone(each.disposal_id, each.record_id, each.what == "arrival", each.review_id, each.sequence)
        for each in named
        if each.record_id in held  # Came after the backup, and comes again with what it did then.
    ]
    wanted = {
        each.record_ref: each
        for id_, each in told.certificates.items()
        if id_ not in done and id_ not in told.notices and each.state != "unlinked"  # Of a record that stays.
    }
    if wanted:
        async for subject, arrival in raw.cursor(_HERE, prefetch=5_000):
            known = wanted.get(reference(str(subject)))
            if known:
                found.append(Gone(known.disposal_id, subject, arrival, known.decision_id, EVERY_STATE))
    return sorted(found)


async def erase_here(connection: Connection, gone: Sequence[Gone], now: datetime) -> int:
    """Erase in intake, and say so in its ledger; gives how many sealed bodies went."""
    bodies = 0
    for each in gone:
        if each.arrival:
            bodies += await quarantine.shred(connection, each.disposal_id, each.record_id, now)
        else:
            bodies += await records.shred(connection, each.disposal_id, each.record_id, each.sequence, now) or 0
    await _say(connection, gone, now)
    return bodies


async def erase_in_review(connection: Connection, gone: Sequence[Gone], now: datetime) -> int:
    """Erase in review what it does not know to be gone, and say so in its ledger; gives how many sealed texts went."""
    raw = await driver(connection)
    done = {row[0] for row in await raw.fetch(_KNOWN["review"])}
    fresh = [each for each in gone if each.disposal_id not in done and not each.arrival]
    texts = 0
    for each in fresh:
        texts += await work.erase(connection, each.disposal_id, each.record_id, each.review_id, now) or 0
    await _say(connection, fresh, now)
    return texts


async def _say(connection: Connection, gone: Sequence[Gone], now: datetime) -> None:
    entries = [
        Entry(None, str(each.disposal_id), AGAIN, each.disposal_id, 1, encode({"disposal_id": each.disposal_id}))
        for each in gone
    ]
    await put(connection, entries, now)
