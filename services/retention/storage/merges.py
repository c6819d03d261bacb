"""Nominals that merges ever tied, and what of their records bears on who is one person with whom."""

from collections.abc import Collection, Iterable
from uuid import UUID

from services.retention.domain import Fact, Given
from services.retention.storage.facts import facts_of_records
from shared.db import Connection, driver

TIES = """
SELECT nominal_key, other_key FROM fact WHERE kind = 'merged' AND nominal_key = ANY($1::bigint[])
UNION SELECT nominal_key, other_key FROM fact WHERE kind = 'merged' AND other_key = ANY($1::bigint[])"""
_REFS = "SELECT nominal_key, nominal_ref FROM nominal WHERE nominal_key = ANY($1::bigint[])"
_GIVEN = """
SELECT nominal_key, record_uid, grp, notice_on, grouped_on, offending, since_on, conduct_on, admitted,
    aged, grades
FROM link JOIN record USING (record_key)
WHERE nominal_key = ANY($1::bigint[]) AND executed_by IS NULL"""
_SHARED = """
SELECT record_uid, record_key FROM link JOIN record USING (record_key)
WHERE nominal_key = ANY($1::bigint[]) AND executed_by IS NULL GROUP BY 1, 2 HAVING count(*) > 1"""
_NAMED = """
SELECT DISTINCT record_uid, record_key FROM link JOIN record USING (record_key) JOIN fact f USING (record_key)
WHERE link.nominal_key = ANY($1::bigint[]) AND executed_by IS NULL AND link.offending AND f.kind = 'trigger'"""


async def ties(connection: Connection, nominals: Collection[int]) -> dict[int, frozenset[int]]:
    """Give, of those of these nominals whom a merge ever tied, undone or not, everyone they are tied to."""
    raw, edges, ahead = await driver(connection), set[tuple[int, int]](), set(nominals)
    seen: set[int] = set()
    while ahead:
        seen |= ahead
        edges |= {(row[0], row[1]) for row in await raw.fetch(TIES, sorted(ahead))}
        ahead = {key for edge in edges for key in edge} - seen
    return _groups(edges, nominals)


def _groups(edges: Iterable[tuple[int, int]], nominals: Collection[int]) -> dict[int, frozenset[int]]:
    group: dict[int, frozenset[int]] = {}
    for one, other in edges:
        joined = group.get(one, frozenset({one})) | group.get(other, frozenset({other}))
        group.update(dict.fromkeys(joined, joined))
    return {key: group[key] for key in nominals if key in group}


async def refs_of(connection: Connection, nominals: Collection[int]) -> dict[int, UUID]:
    """Give the refs of nominals."""
    raw = await driver(connection)
    return {row[0]: row[1] for row in await raw.fetch(_REFS, sorted(nominals))}


async def given_by_record(connection: Connection, nominals: Collection[int]) -> dict[int, dict[UUID, Given]]:
    """Give what each record gives each of these nominals; what went gives nothing."""
    raw, found = await driver(connection), {key: dict[UUID, Given]() for key in nominals}
    for key, record, *given in await raw.fetch(_GIVEN, sorted(nominals)):
        found[key][record] = Given(*given)
    return found


async def shared_records(connection: Connection, nominals: Collection[int]) -> dict[UUID, list[Fact]]:
    """Load the facts of records that name several of these nominals."""
    return await _facts(connection, _SHARED, nominals)


async def triggered_records(connection: Connection, nominals: Collection[int]) -> dict[UUID, list[Fact]]:
    """Load the facts of records that these nominals offend on and that have triggers, naming perhaps another."""
    return await _facts(connection, _NAMED, nominals)


async def _facts(connection: Connection, statement: str, nominals: Collection[int]) -> dict[UUID, list[Fact]]:
    raw = await driver(connection)
    keys = {row[0]: row[1] for row in await raw.fetch(statement, sorted(nominals))}
    facts = await facts_of_records(connection, keys.values())
    return {uid: facts[key] for uid, key in keys.items()}
