"""Where each consumer is: stored with the effects of what it read, in the same transaction."""

from collections.abc import Sequence
from typing import NamedTuple

from shared.db import Connection, columns, driver

_KEY = "cluster = $1 AND topic = $2 AND incarnation = $3 AND part = $4"
_READ = f"SELECT next_offset, until FROM position WHERE {_KEY}"
_FIRST = "INSERT INTO position (cluster, topic, incarnation, part) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING"
_OTHERS = """
SELECT incarnation, next_offset FROM position
WHERE cluster = $1 AND topic = $2 AND incarnation <> $3 AND part = $4"""
_MOVE = """
UPDATE position SET next_offset = u.after FROM unnest($4::integer[], $5::bigint[], $6::bigint[]) u(part, at, after)
WHERE cluster = $1 AND topic = $2 AND incarnation = $3 AND position.part = u.part AND next_offset = u.at
RETURNING position.part"""
_MARK = f"""
UPDATE position SET attempt_at = next_offset,
    attempts = CASE WHEN attempt_at = next_offset THEN attempts + 1 WHEN next_offset < until THEN 2 ELSE 1 END,
    until = CASE WHEN next_offset < until AND NOT (attempt_at = next_offset AND attempts = 0) THEN until ELSE $6 END
WHERE {_KEY} AND next_offset = $5 RETURNING attempts"""
_FORGIVE = f"""
UPDATE position SET attempts = attempts - 1 WHERE {_KEY} AND next_offset = $5 AND attempt_at = $5 AND attempts > 0"""


class Place(NamedTuple):
    """One partition of one incarnation (Kafka's topic id) of a topic on one cluster."""

    cluster: str
    topic: str
    incarnation: str
    part: int


class Lost(Exception):
    """Somebody else has moved this position: what we hold is not ours any more."""


class Gap(Exception):
    """The log no longer holds what the stored position asks for."""


class Stored(NamedTuple):
    """Where a partition stands: next offset, end of the marked range, whether anyone was ever here."""

    at: int
    until: int
    new: bool
    others: list[tuple[str, int]]  # Other incarnations of the topic, and where they ended.


async def locate(connection: Connection, place: Place) -> Stored:
    """Give what is stored of a place; a new one starts at 0."""
    raw = await driver(connection)
    row = await raw.fetchrow(_READ, *place)
    if row is not None:
        return Stored(row["next_offset"], row["until"], False, [])
    others = [(other["incarnation"], other["next_offset"]) for other in await raw.fetch(_OTHERS, *place)]
    new = await raw.execute(_FIRST, *place) == "INSERT 0 1"
    row = await raw.fetchrow(_READ, *place)
    assert row is not None
    return Stored(row["next_offset"], row["until"], new, others)


async def advance(connection: Connection, place: Place, moves: Sequence[tuple[int, int, int]]) -> None:
    """Move the positions of (partition, from, to) of a topic with the effects of their batch, or raise `Lost`.

    Kafka may hand the same records to two workers (one froze, its partitions were given away, it thawed). Only one of
    them moves the position from where both read it.
    """
    raw = await driver(connection)
    rows = await raw.fetch(_MOVE, *place[:3], *columns(list(moves), 3))
    moved = {row["part"] for row in rows}
    lost = [f"{place.topic}[{part}] is no longer at {at}" for part, at, _ in moves if part not in moved]
    if lost:
        raise Lost(", ".join(lost))


async def mark_attempt(connection: Connection, place: Place, *, expects: int, to: int) -> int | None:
    """Write durably that the range up to `to` is being tried; gives which try this is, None when it is not ours."""
    raw = await driver(connection)
    tries: int | None = await raw.fetchval(_MARK, *place, expects, to)
    return tries


async def forgive_attempt(connection: Connection, place: Place, *, expects: int) -> None:
    """Take a try back that ended without its process: its partition went to another worker."""
    raw = await driver(connection)
    await raw.execute(_FORGIVE, *place, expects)
