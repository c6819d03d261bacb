"""How far schedules have been brought to the pack in force: work items, each with the point to go on from."""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from services.retention.storage.announce import PARTITIONS
from shared.db import Connection, columns, driver

_ADD = """
INSERT INTO redate (turn, way, name, part, began_at)
SELECT $1, u.way, u.name, p.part, $4 FROM unnest($2::text[], $3::text[]) u(way, name)
CROSS JOIN LATERAL generate_series(0, CASE u.way WHEN 'persons' THEN 0 ELSE $5::int - 1 END) p(part)"""
_GIVE_UP = "UPDATE redate SET ended_at = $1, given_up = true WHERE ended_at IS NULL RETURNING turn"
_CLAIM = """
SELECT turn, way, name, part, upto FROM redate WHERE ended_at IS NULL AND turn = $1
ORDER BY way, name, part LIMIT 1 FOR UPDATE SKIP LOCKED"""
_DONE = """
UPDATE redate SET upto = $5, looked = looked + $6, moved = moved + $7, marked = marked + $8, ended_at = $9
WHERE turn = $1 AND way = $2 AND name = $3 AND part = $4"""
_LEFT = "SELECT count(*), min(began_at), coalesce(sum(looked), 0)::bigint FROM redate WHERE ended_at IS NULL"
_STANDS = "lifecycle NOT IN ('executed', 'shredded', 'disposed')"
_OF_ROW = f"""
SELECT record_key FROM schedule_{{part}} WHERE row_id = $1 AND record_key > $2 AND {_STANDS}
ORDER BY row_id, record_key LIMIT $3"""
_OF_ALL = f"""
SELECT record_key FROM schedule_{{part}} WHERE $1 = '' AND record_key > $2 AND {_STANDS} ORDER BY record_key LIMIT $3"""
_PERSONS = "SELECT nominal_key FROM person_schedule WHERE grp = $1 AND nominal_key > $2 ORDER BY nominal_key LIMIT $3"
_MARKS = "SELECT count(*) FROM (SELECT FROM dirty ORDER BY mark_id LIMIT $1) d"


class Item(NamedTuple):
    """One piece of the work: a way, whose row or group, which partition, and the key to go on after."""

    turn: int
    way: str
    name: str
    part: int
    upto: int


class Did(NamedTuple):
    """What one chunk did: the key it came to, how many it looked at, moved and marked; whether it was the last."""

    upto: int
    looked: int = 0
    moved: int = 0
    marked: int = 0
    last: bool = False


class Left(NamedTuple):
    """What is left: work items, since when, and how many records those have looked at."""

    items: int
    since: datetime | None
    looked: int


async def mark_decided(connection: Connection) -> None:
    """Mark the records whose rule two people changed: it may be any row's, whichever is stored."""
    statement = """INSERT INTO dirty (record_key)
        SELECT DISTINCT record_key FROM rule_change WHERE approved_at IS NOT NULL"""
    await (await driver(connection)).execute(statement)


async def add(connection: Connection, turn: int, ways: Iterable[tuple[str, str]], now: datetime) -> None:
    """Write down what is to be done, partition by partition."""
    raw = await driver(connection)
    await raw.execute(_ADD, turn, *columns(sorted(set(ways)), 2), now, PARTITIONS)


async def give_up(connection: Connection, now: datetime) -> bool:
    """End what is not done yet, because another pack comes into force; says whether there was any."""
    return bool(await (await driver(connection)).fetch(_GIVE_UP, now))


async def claim(connection: Connection, turn: int) -> Item | None:
    """Claim the next work item that nobody has in hand."""
    row = await (await driver(connection)).fetchrow(_CLAIM, turn)
    return Item(*row) if row else None


async def done(connection: Connection, item: Item, did: Did, now: datetime) -> None:
    """Write down how far it came, in the transaction that brought it there."""
    ended = now if did.last else None
    await (await driver(connection)).execute(_DONE, *item[:4], *did[:4], ended)


async def left(connection: Connection) -> Left:
    """Say what is left."""
    row = await (await driver(connection)).fetchrow(_LEFT)
    assert row is not None, "an aggregate gives one row"
    return Left(*row)


async def records(connection: Connection, item: Item, limit: int) -> list[int]:
    """Find the next records of an item's row, or of all rows, in its partition."""
    statement = (_OF_ROW if item.name else _OF_ALL).format(part=item.part)
    return await _keys(connection, statement, item, limit)


async def persons(connection: Connection, item: Item, limit: int) -> list[int]:
    """Find the next persons of an item's group."""
    return await _keys(connection, _PERSONS, item, limit)


async def _keys(connection: Connection, statement: str, item: Item, limit: int) -> list[int]:
    raw = await driver(connection)
    return [row[0] for row in await raw.fetch(statement, item.name, item.upto, limit)]


async def marks(connection: Connection, limit: int) -> int:
    """Count the marks that wait, up to a bound."""
    found: int = await (await driver(connection)).fetchval(_MARKS, limit)
    return found
