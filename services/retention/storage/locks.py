"""Locks on subjects: advisory, for the length of a transaction, and never waited for."""

from collections.abc import Iterable

from shared.db import Connection, driver

# One space of bigints: a record is twice its key, a person one more. Anything else locks in the two-integer space.
_TRY = "SELECT k FROM unnest($1::bigint[]) k WHERE pg_try_advisory_xact_lock(k * 2 + $2::int)"
_TRY_SHARED = "SELECT k FROM unnest($1::bigint[]) k WHERE pg_try_advisory_xact_lock_shared(k * 2 + $2::int)"

_BOTH = """
SELECT (SELECT pack_hash FROM in_force ORDER BY turn DESC LIMIT 1),
    ARRAY(SELECT k FROM unnest($1::bigint[]) k WHERE pg_try_advisory_xact_lock(k * 2)),
    ARRAY(SELECT k FROM unnest($2::bigint[]) k WHERE pg_try_advisory_xact_lock(k * 2 + 1))"""


async def try_both(
    connection: Connection, records: Iterable[int], persons: Iterable[int]
) -> tuple[str | None, set[int], set[int]]:
    """Try to lock records, then persons; gives the pack in force, if any ever was, and those that were got."""
    row = await (await driver(connection)).fetchrow(_BOTH, sorted(records), sorted(persons))
    assert row is not None, "it asks for one row"
    return row[0], set(row[1]), set(row[2])


async def try_records(connection: Connection, keys: Iterable[int], *, shared: bool = False) -> set[int]:
    """Try to lock records, or to share them; gives those got. What they are made of is read in statements after."""
    return await _try(connection, _TRY_SHARED if shared else _TRY, keys, 0)


async def try_persons(connection: Connection, keys: Iterable[int], *, shared: bool = False) -> set[int]:
    """Try to lock persons, or to share them; gives those that were got."""
    return await _try(connection, _TRY_SHARED if shared else _TRY, keys, 1)


async def wait_for_person(connection: Connection, key: int) -> None:
    """Lock a person once nobody settles them: only somebody who holds no such lock yet may wait for one."""
    await (await driver(connection)).execute("SELECT pg_advisory_xact_lock($1 * 2 + 1)", key)


async def _try(connection: Connection, statement: str, keys: Iterable[int], kind: int) -> set[int]:
    wanted = sorted(keys)
    if not wanted:
        return set()
    raw = await driver(connection)
    return {row[0] for row in await raw.fetch(statement, wanted, kind)}
