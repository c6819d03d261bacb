"""What a look at any day needs: a record's facts with those of all its persons and all their records, packs, holds."""

from collections.abc import Iterable
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from services.retention.domain import Fact, Scope
from services.retention.domain.as_of import Done, Held, Instant, Issued
from services.retention.storage import facts
from shared.db import Connection, driver

# Everyone ever tied to these by a merge, undone or not: each way by its own index.
_TIED = """
WITH RECURSIVE tied(k) AS (
    SELECT unnest($1::bigint[])
    UNION
    SELECT e.k FROM tied t CROSS JOIN LATERAL (
        SELECT other_key AS k FROM fact WHERE nominal_key = t.k AND kind = 'merged' AND other_key IS NOT NULL
        UNION ALL SELECT nominal_key FROM fact WHERE other_key = t.k AND kind = 'merged') e)
SELECT k FROM tied"""
# The whole family: the files that it is or was part of, all their parts, and theirs. A circle ends by itself.
_FAMILY = """
WITH RECURSIVE family(k) AS (
    SELECT unnest($1::bigint[])
    UNION
    SELECT e.k FROM family f CROSS JOIN LATERAL (
        SELECT file_key AS k FROM part WHERE part_key = f.k
        UNION ALL SELECT part_key FROM part WHERE file_key = f.k) e)
SELECT k FROM family LIMIT $2"""
_RELATED = """
SELECT other_key FROM relation WHERE record_key = ANY($1::bigint[])
UNION SELECT record_key FROM relation WHERE other_key = ANY($1::bigint[])"""
_NAMED = "SELECT DISTINCT nominal_key FROM link WHERE record_key = ANY($1::bigint[])"
_NAMING = "SELECT DISTINCT record_key FROM link WHERE nominal_key = ANY($1::bigint[]) ORDER BY record_key LIMIT $2"
_RECORDS = """
SELECT r.record_key, r.record_uid, d.executed_at, d.executed_on FROM unnest($1::bigint[]) k
JOIN record r ON r.record_key = k LEFT JOIN disposal d ON d.record_key = k"""
_NOMINALS = "SELECT nominal_key, nominal_ref FROM nominal WHERE nominal_key = ANY($1::bigint[])"
_KEY = """
SELECT r.record_key, coalesce(s.version, 0) AS version FROM record r LEFT JOIN schedule s USING (record_key)
WHERE r.record_uid = $1"""
_PERSON = """
SELECT n.nominal_key, coalesce(p.version, 0) AS version FROM nominal n LEFT JOIN person_schedule p USING (nominal_key)
WHERE n.nominal_ref = $1"""
_PAGE = """
SELECT record_key FROM link WHERE nominal_key = $1 AND NOT unlinked AND record_key > $2 ORDER BY record_key LIMIT $3"""
_HOLDS = """
SELECT hold_id, scope::text, placed_at, placed_on, released_at, released_offset_days FROM hold ORDER BY hold_id"""


class World(NamedTuple):
    """Records and persons with all facts ever kept about them, and what went."""

    records: dict[UUID, list[Fact]]
    nominals: dict[UUID, list[Fact]]
    executed: dict[UUID, Done]
    keys: dict[UUID, int]
    """The keys of the records."""
    family: frozenset[UUID]
    """Those asked for, with all that hangs together with them by case files: each of these can be dated."""


async def world(connection: Connection, records: Iterable[int], nominals: Iterable[int], limit: int) -> World | None:
    """Load all that dates records and persons: their persons, and every record that names those; None: too much."""
    raw = await driver(connection)
    family = {row[0] for row in await raw.fetch(_FAMILY, list(records), limit + 1)}
    wanted = set(family)
    named = {row[0] for row in await raw.fetch(_NAMED, list(wanted))} if wanted else set[int]()
    persons = [row[0] for row in await raw.fetch(_TIED, [*named.union(nominals)])]
    wanted.update([row[0] for row in await raw.fetch(_NAMING, persons, limit + 1)])
    wanted.update([row[0] for row in await raw.fetch(_RELATED, list(wanted))])
    if len(wanted) > limit:
        return None
    about = await raw.fetch(_RECORDS, list(wanted))
    refs = {row[0]: row[1] for row in await raw.fetch(_NOMINALS, persons)}
    of_records = await facts.facts_of_records(connection, wanted)
    of_persons = await facts.facts_of_persons(connection, persons)
    return World(
        {row["record_uid"]: of_records[row["record_key"]] for row in about},
        {refs[key]: its for key, its in of_persons.items()},
        {row["record_uid"]: Done(row["executed_at"], row["executed_on"]) for row in about if row["executed_at"]},
        {row["record_uid"]: row["record_key"] for row in about},
        frozenset(row["record_uid"] for row in about if row["record_key"] in family),
    )


async def find_record(connection: Connection, record_id: UUID) -> tuple[int, int] | None:
    """Find a record's key, and the version that its schedule has now."""
    row = await (await driver(connection)).fetchrow(_KEY, record_id)
    return (row[0], row[1]) if row else None


async def find_nominal(connection: Connection, nominal_ref: UUID) -> tuple[int, int] | None:
    """Find a nominal's key, and the version that their schedule has now."""
    row = await (await driver(connection)).fetchrow(_PERSON, nominal_ref)
    return (row[0], row[1]) if row else None


async def records_page(connection: Connection, nominal_key: int, after: int, limit: int) -> list[int]:
    """List the records that name a nominal in any role; one more than asked for."""
    return [row[0] for row in await (await driver(connection)).fetch(_PAGE, nominal_key, after, limit + 1)]


async def packs(connection: Connection) -> list[Issued]:
    """List the packs that are stored here."""
    raw = await driver(connection)
    return [Issued(*row) for row in await raw.fetch("SELECT pack_hash, effective_on, stored_at FROM policy")]


async def holds(connection: Connection) -> list[Held]:
    """Load every hold ever placed."""
    return [_held(row) for row in await (await driver(connection)).fetch(_HOLDS)]


def _held(row: Any) -> Held:
    hold_id, scope, placed_at, placed_on, released_at, offset = row
    released = Instant(released_at, offset or 0) if released_at else None
    return Held(hold_id, msgspec.json.decode(scope, type=Scope), Done(placed_at, placed_on), released)
