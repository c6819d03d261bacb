"""The states of a person and of the records they carry, as a review that regroups them had them before it."""

from collections.abc import Sequence
from uuid import UUID

from shared.db import Connection, driver

_STATES = """
SELECT record_key, event_uid FROM fact WHERE record_key = ANY($2::bigint[]) AND kind = 'record_state'
UNION ALL
SELECT NULL, event_uid FROM fact WHERE nominal_key = ANY($1::bigint[]) AND kind = 'nominal_state'"""
_REFS = "SELECT nominal_ref FROM nominal WHERE nominal_key = ANY($1::bigint[])"


async def states(
    connection: Connection, nominals: Sequence[int], records: Sequence[int]
) -> tuple[list[UUID], dict[int, list[UUID]]]:
    """Read the ids of the states of nominals, and of each record."""
    own: list[UUID] = []
    found: dict[int, list[UUID]] = {key: [] for key in records}
    for key, uid in await (await driver(connection)).fetch(_STATES, nominals, records):
        (own if key is None else found[key]).append(uid)
    return own, found


async def refs(connection: Connection, nominals: Sequence[int]) -> list[UUID]:
    """Find the public ids of nominals."""
    return [row[0] for row in await (await driver(connection)).fetch(_REFS, nominals)]
