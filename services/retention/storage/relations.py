"""Which records refer to each other, and the triggers that pass from one to the other."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from services.retention.domain.facts import Fact
from services.retention.domain.relations import Reference
from services.retention.storage.facts import fact_of
from shared.db import Connection, columns, driver

TOUCHING = """
SELECT record_key, other_key, kind FROM relation
WHERE now AND (record_key = ANY($1::bigint[]) OR other_key = ANY($1::bigint[]))"""
_ARRAYS = "unnest($1::bigint[], $2::bigint[], $3::text[])"
_NO_MORE = f"""
UPDATE relation r SET now = false FROM {_ARRAYS} u(a, b, kind)
WHERE r.record_key = u.a AND r.other_key = u.b AND r.kind = u.kind"""
_STORE = f"""
INSERT INTO relation (record_key, other_key, kind, now) SELECT *, true FROM {_ARRAYS}
ON CONFLICT (record_key, other_key, kind) DO UPDATE SET now = true"""
_STORE_PAST = f"""
INSERT INTO relation (record_key, other_key, kind, now) SELECT *, false FROM {_ARRAYS} ON CONFLICT DO NOTHING"""
PASSED_BY = "SELECT from_key, to_key, event_uid FROM passed WHERE from_key = ANY($1::bigint[])"
# Still whose fact it was: what is withdrawn is withdrawn there.
PASSED_TO = """
SELECT p.to_key, f.record_key, f.event_uid, f.kind, f.canonical, f.sequence, f.on_date, f.withdraws, f.received_on,
    f.known_at
FROM passed p JOIN fact f USING (event_uid) WHERE p.to_key = ANY($1::bigint[])"""


async def touching(connection: Connection, records: Iterable[int]) -> set[Reference[int]]:
    """Load the references of records and to them, as they stand."""
    if not (wanted := list(records)):
        return set()
    return {Reference(*row) for row in await (await driver(connection)).fetch(TOUCHING, wanted)}


async def store_references(
    connection: Connection,
    gone: Iterable[Reference[int]],
    new: Iterable[Reference[int]],
    past: Iterable[Reference[int]],
) -> None:
    """Store which records refer to which; those that do no more, and those of the `past`, are kept for looks back."""
    raw = await driver(connection)
    for statement, references in ((_NO_MORE, gone), (_STORE, new), (_STORE_PAST, past)):
        if rows := sorted(map(tuple, references)):
            await raw.execute(statement, *columns(rows, 3))


async def passed_by(connection: Connection, records: Iterable[int]) -> dict[int, set[tuple[int, UUID]]]:
    """Load what records pass on: (to whom, the trigger's fact)."""
    wanted = list(records)
    return passed_from(await (await driver(connection)).fetch(PASSED_BY, wanted), wanted) if wanted else {}


def passed_from(rows: Iterable[Any], records: Iterable[int]) -> dict[int, set[tuple[int, UUID]]]:
    """Read what `PASSED_BY` gives of records."""
    found: dict[int, set[tuple[int, UUID]]] = {key: set() for key in records}
    for row in rows:
        found[row[0]].add((row[1], row[2]))
    return found


async def store_passed(
    connection: Connection, gone: Iterable[tuple[int, int, UUID]], new: Iterable[tuple[int, int, UUID]]
) -> None:
    """Store what records pass on, and take back what they do no more."""
    raw = await driver(connection)
    arrays = "unnest($1::bigint[], $2::bigint[], $3::uuid[])"
    if rows := sorted(gone):
        await raw.execute(
            f"DELETE FROM passed p USING {arrays} u(a, b, uid) "
            "WHERE p.from_key = u.a AND p.to_key = u.b AND p.event_uid = u.uid",
            *columns(rows, 3),
        )
    if rows := sorted(new):
        await raw.execute(f"INSERT INTO passed SELECT * FROM {arrays}", *columns(rows, 3))


async def passed_to(connection: Connection, records: Iterable[int]) -> dict[int, list[Fact]]:
    """Load the triggers that other records pass to these."""
    wanted = list(records)
    return facts_from(await (await driver(connection)).fetch(PASSED_TO, wanted)) if wanted else {}


def facts_from(rows: Iterable[Any]) -> dict[int, list[Fact]]:
    """Read what `PASSED_TO` gives of records."""
    found: dict[int, list[Fact]] = {}
    for row in rows:
        found.setdefault(row[0], []).append(fact_of(row[1:]))
    return found
