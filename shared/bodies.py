"""Sealed content: AES-256-GCM, one data key per body, wrapped under the epoch's key."""

import os
from collections.abc import Sequence
from typing import NamedTuple

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from shared.db import Connection, driver
from shared.errors import NotFound
from shared.keys import Keys

_NONCE = 12
_DRAW = "SELECT array(SELECT nextval('body_id') FROM generate_series(1, $1::int))"


class Plain(NamedTuple):
    """Content to seal; `record_key` lists it by record, for shredding."""

    record_key: int | None
    content: bytes


def seal(keys: Keys, body_id: int, content: bytes) -> tuple[bytes, bytes, bytes]:
    """Give (nonce, sealed, wrapped key) of one body. The id is bound in: a body moved to another row does not open."""
    bound = body_id.to_bytes(8, "big")
    fresh = os.urandom(32 + 2 * _NONCE)
    data_key, nonce, wrap_nonce = fresh[:32], fresh[32:-_NONCE], fresh[-_NONCE:]
    wrapped = wrap_nonce + keys.epochs[keys.epoch].encrypt(wrap_nonce, data_key, bound)
    return nonce, AESGCM(data_key).encrypt(nonce, content, bound), wrapped


async def store(connection: Connection, keys: Keys, bodies: Sequence[Plain]) -> list[int]:
    """Seal and store bodies; gives their ids in order."""
    if not bodies:
        return []
    raw = await driver(connection)
    ids: list[int] = await raw.fetchval(_DRAW, len(bodies))
    rows, wraps = [], []
    for body_id, (record_key, content) in zip(ids, bodies, strict=True):
        nonce, sealed, wrapped = seal(keys, body_id, content)
        rows.append((body_id, record_key, nonce, sealed))
        wraps.append((body_id, keys.epoch, wrapped))
    await raw.copy_records_to_table("body", records=rows, columns=["body_id", "record_key", "nonce", "sealed"])
    await raw.copy_records_to_table("body_key", records=wraps, columns=["body_id", "epoch", "wrapped"])
    return ids


async def open_body(connection: Connection, keys: Keys, body_id: int) -> bytes:
    """Give a body in clear, or `NotFound` when it is shredded."""
    raw = await driver(connection)
    row = await raw.fetchrow(
        "SELECT nonce, sealed, epoch, wrapped FROM body JOIN body_key USING (body_id) WHERE body_id = $1", body_id
    )
    if row is None:
        raise NotFound("This content is no longer held: it was disposed of.")
    bound, wrapped = body_id.to_bytes(8, "big"), row["wrapped"]
    data_key = keys.epochs[row["epoch"]].decrypt(wrapped[:_NONCE], wrapped[_NONCE:], bound)
    return AESGCM(data_key).decrypt(row["nonce"], row["sealed"], bound)
