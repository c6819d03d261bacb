"""Sealed content: AES-256-GCM, one data key per body, wrapped under the epoch's key."""

import os
from collections.abc import Sequence

import msgspec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from shared.db import Connection, driver
from shared.errors import NotFound
from shared.keys import NONCE_BYTES, Keys, unwrap

FRESH_BYTES = 32 + 2 * NONCE_BYTES  # A data key, its body's nonce and its own.

# Which epoch is the newest is asked with the ids: no process has to be told that one has begun.
_DRAW = """
SELECT array(SELECT nextval('body_id') FROM generate_series(1, $1::int)), min(epoch), max(epoch)
FROM epoch WHERE began_at IS NOT NULL AND ended_at IS NULL"""


class Plain(msgspec.Struct, frozen=True):
    """Content to seal; `record_key` lists it by record, for shredding."""

    record_key: int | None
    content: bytes


def seal(keys: Keys, body_id: int, content: bytes) -> tuple[bytes, bytes, bytes]:
    """Give (nonce, sealed, wrapped key) of one body, under the newest epoch that was known at the start."""
    return _seal_under(keys.epochs[keys.epoch], body_id, content, os.urandom(FRESH_BYTES))


def _seal_under(wrapper: AESGCM, body_id: int, content: bytes, fresh: bytes) -> tuple[bytes, bytes, bytes]:
    """Give (nonce, sealed, wrapped key) of one body. The id is bound in: a body moved to another row does not open."""
    bound = body_id.to_bytes(8, "big")
    data_key, nonce, wrap_nonce = fresh[:32], fresh[32:-NONCE_BYTES], fresh[-NONCE_BYTES:]
    wrapped = wrap_nonce + wrapper.encrypt(wrap_nonce, data_key, bound)
    return nonce, AESGCM(data_key).encrypt(nonce, content, bound), wrapped


async def store(connection: Connection, keys: Keys, bodies: Sequence[Plain]) -> list[int]:
    """Seal and store bodies under the newest epoch; gives their ids in order."""
    if not bodies:
        return []
    raw = await driver(connection)
    drawn = await raw.fetchrow(_DRAW, len(bodies))
    assert drawn is not None, "an aggregate gives one row"
    ids, oldest, epoch = drawn
    wrapper = await keys.wrapper(epoch)
    if len(keys.epochs) > 1:
        keys.forget_before(oldest)
    rows, wraps, random = [], [], os.urandom(FRESH_BYTES * len(bodies))
    for at, (body_id, body) in enumerate(zip(ids, bodies, strict=True)):
        fresh = random[at * FRESH_BYTES : (at + 1) * FRESH_BYTES]
        nonce, sealed, wrapped = _seal_under(wrapper, body_id, body.content, fresh)
        rows.append((body_id, body.record_key, nonce, sealed))
        wraps.append((body_id, epoch, wrapped))
    await raw.copy_records_to_table("body", records=rows, columns=["body_id", "record_key", "nonce", "sealed"])
    await raw.copy_records_to_table("body_key", records=wraps, columns=["body_id", "epoch", "wrapped"])
    return list(ids)


async def open_body(connection: Connection, keys: Keys, body_id: int) -> bytes:
    """Give a body in clear, or `NotFound` when it is shredded."""
    raw = await driver(connection)
    row = await raw.fetchrow(
        "SELECT nonce, sealed, epoch, wrapped FROM body JOIN body_key USING (body_id) WHERE body_id = $1", body_id
    )
    if row is None:
        raise NotFound("This content is no longer held: it was disposed of.")
    data_key = unwrap(await keys.wrapper(row["epoch"]), body_id, row["wrapped"])
    return AESGCM(data_key).decrypt(row["nonce"], row["sealed"], body_id.to_bytes(8, "big"))
