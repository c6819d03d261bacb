"""Of one person everyone whom they are: a person's subject is their root, the nominal that stands for all of them."""

from collections.abc import Iterable

from shared.db import Connection, driver

# Put after the keys `k` of subjects: `m` has each of the person's nominals, the subject itself among them.
MEMBERS = """CROSS JOIN LATERAL (
    SELECT k AS nominal_key UNION SELECT b.nominal_key FROM person_schedule b WHERE b.root = k) m"""
# From a record's links `l` to `b`, all the nominals of the persons on it.
PERSONS = "link l JOIN person_schedule a USING (nominal_key) JOIN person_schedule b ON b.root = a.root"

# Of a link `l`: the record is before whoever reviews the person, for they carry it or it accuses them. What only
# accuses is dated by its own row: a decision about the person leaves it as it is.
REVIEWED_BY = "(l.offending OR l.accused_on IS NOT NULL)"


async def roots_of(connection: Connection, nominals: Iterable[int]) -> dict[int, int]:
    """Find who stands for each of these nominals; one never settled stands for themselves."""
    raw, wanted = await driver(connection), set(nominals)
    statement = "SELECT nominal_key, root FROM person_schedule WHERE nominal_key = ANY($1::bigint[])"
    rows = await raw.fetch(statement, sorted(wanted)) if wanted else []
    return {key: key for key in wanted} | {row[0]: row[1] for row in rows}


async def members_of(connection: Connection, root: int) -> list[int]:
    """List all nominals of a person, the root first."""
    raw = await driver(connection)
    rows = await raw.fetch("SELECT nominal_key FROM person_schedule WHERE root = $1 AND nominal_key <> $1", root)
    return [root, *sorted(row[0] for row in rows)]
