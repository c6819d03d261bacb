"""Which causes of a review were put to people already, so that none is put twice."""

from collections.abc import Iterable
from typing import NamedTuple

from shared.db import Connection, columns, driver

# What is new is asked for in the same statement, unless the pack observes only: then it is where asking begins.
_NOTE = """
WITH given AS (SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::bigint[])
        g (record_key, nominal_key, cause, token, whom)),
new AS (INSERT INTO cause_noted (record_key, nominal_key, cause, token)
    SELECT record_key, nominal_key, cause, token FROM given ORDER BY 1, 2, 3, 4
    ON CONFLICT DO NOTHING RETURNING record_key, nominal_key, cause, token)
INSERT INTO review_wanted (record_key, nominal_key, cause)
SELECT DISTINCT CASE WHEN g.whom IS NULL AND g.record_key <> 0 THEN g.record_key END,
    CASE WHEN g.whom IS NOT NULL THEN g.whom WHEN g.record_key = 0 THEN g.nominal_key END, g.cause
FROM new JOIN given g USING (record_key, nominal_key, cause, token) WHERE $6 ORDER BY 1, 2, 3"""
NOBODY = 0  # In the place of the key that a cause does not have, so that one key serves both.


class Noted(NamedTuple):
    """A cause about a record or a person (the other key is `NOBODY`), and of a record's whom alone it is about."""

    record_key: int
    nominal_key: int
    cause: str
    token: str
    whom: int | None = None


async def note(connection: Connection, causes: Iterable[Noted], *, ask: bool) -> None:
    """Note causes, and ask for a review of those that were not put before."""
    if rows := sorted(set(causes), key=lambda each: each[:4]):
        await (await driver(connection)).execute(_NOTE, *columns([tuple(each) for each in rows], 5), ask)
