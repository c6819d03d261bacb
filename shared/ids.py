"""The ids that anyone can compute again, and the only random ones."""

import os
import unicodedata
import uuid
from collections.abc import Callable
from hashlib import sha1
from uuid import UUID
from zlib import crc32

from asyncpg.pgproto.pgproto import UUID as Quick  # A `uuid.UUID` as the driver gives it; made and written in no time.

# Published: whoever has it computes the same ids from the same names (docs/ids.md has test vectors).
NAMESPACE = UUID("5f0c6a52-8f1e-5b7a-9d63-2f6f3b1f7e41")
SHARDS = 8

_PREFIX = NAMESPACE.bytes
_VERSION, _VARIANT = 6, 8  # The bytes that say what kind of id it is.


def named(name: str) -> UUID:
    """Give the UUIDv5 of a name in the published namespace (RFC 9562, section 5.5)."""
    text = name if name.isascii() else unicodedata.normalize("NFC", name)
    made = bytearray(sha1(_PREFIX + text.encode(), usedforsecurity=False).digest()[:16])
    made[_VERSION] = made[_VERSION] & 0x0F | 0x50
    made[_VARIANT] = made[_VARIANT] & 0x3F | 0x80
    return Quick(bytes(made))


def record_id(source_system: str, source_record_id: str) -> UUID:
    """Identify a record by the system that captured it and its id there."""
    return named(f"{source_system}\n{source_record_id}")


def nominal_ref(nominal_source: str, nominal_id: str) -> UUID:
    """Identify a nominal of one source; two sources' nominals never share one."""
    return named(f"nominal\n{nominal_source}\n{nominal_id}")


def event_uid(source: str, event_id: str) -> UUID:
    """Identify an event for ever by its CloudEvents source and id."""
    return named(f"event\n{source}\n{event_id}")


def receipts_at(*place: object) -> Callable[[object], UUID]:
    """Give what identifies the arrivals of one place by the last part: the offset in a partition, the index."""
    beginning = "\n".join(["receipt", *map(str, place)])
    return lambda last: named(f"{beginning}\n{last}")


def receipt_id(*place: object) -> UUID:
    """Identify an arrival: (cluster, topic, incarnation, partition, offset), or (request id, index)."""
    return receipts_at(*place[:-1])(place[-1])


def review_id(subject: UUID, n: int) -> UUID:
    """Identify the n-th review of a record or nominal, from 1."""
    return named(f"{subject}\nreview\n{n}")


def disposal_id(record: UUID, cause: UUID | str, n: int) -> UUID:
    """Identify the n-th disposal order of a record by its review's id, or its row."""
    return named(f"{record}\n{cause}\n{n}")


def shard_of(key: str) -> int:
    """Give the shard (0 to 7) of a Kafka key; its partition is the shard modulo the topic's partitions."""
    return crc32(key.encode()) % SHARDS


def random_id() -> UUID:
    """Make an id that nothing can be told from: requests, holds."""
    return uuid.uuid4()


def salts(count: int) -> list[bytes]:
    """Make 16 random bytes for each of `count` rows."""
    block = os.urandom(16 * count)
    return [block[at : at + 16] for at in range(0, len(block), 16)]
