"""Triggered reviews that are asked for and not yet opened: the tick opens them at the pack's pace, the oldest first."""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from services.retention.storage.reviews import Subject
from shared.db import Connection, driver

_TAKE = """
WITH taken AS (DELETE FROM review_wanted w USING (SELECT wanted_id FROM review_wanted ORDER BY wanted_id LIMIT $1
        FOR UPDATE SKIP LOCKED) t WHERE w.wanted_id = t.wanted_id RETURNING w.*)
SELECT t.wanted_id, t.record_key, coalesce(p.root, t.nominal_key), t.cause, t.at
FROM taken t LEFT JOIN person_schedule p USING (nominal_key) ORDER BY t.wanted_id"""
_WANT = """
INSERT INTO review_wanted (record_key, nominal_key, cause, at)
SELECT k, NULL::bigint, $3::text, $4::timestamptz FROM unnest($1::bigint[]) k
UNION ALL SELECT NULL::bigint, k, $3, $4 FROM unnest($2::bigint[]) k"""
_OF_PERSONS = """
SELECT w.wanted_id, k, w.cause FROM unnest($1::bigint[]) k JOIN person_schedule p ON p.root = k
JOIN review_wanted w ON w.nominal_key = p.nominal_key ORDER BY w.wanted_id"""


class Wanted(NamedTuple):
    """A triggered review that is asked for."""

    subject: Subject
    cause: str


class Pending(NamedTuple):
    """What is asked for about one person and not taken in hand yet, the oldest first."""

    ids: tuple[int, ...]
    cause: str


async def want(connection: Connection, record_keys: Iterable[int], cause: str, now: datetime) -> None:
    """Ask for a triggered review about each of these records."""
    await (await driver(connection)).execute(_WANT, sorted(record_keys), [], cause, now)


async def want_no_more(connection: Connection, record_keys: Iterable[int], cause: str) -> None:
    """Take back what was asked for about these records and not taken in hand yet."""
    statement = "DELETE FROM review_wanted WHERE record_key = ANY($1::bigint[]) AND cause = $2"
    await (await driver(connection)).execute(statement, sorted(record_keys), cause)


async def want_persons(connection: Connection, nominal_keys: Iterable[int], cause: str, now: datetime) -> None:
    """Ask for a triggered review of each of these persons, over all that they carry."""
    await (await driver(connection)).execute(_WANT, [], sorted(nominal_keys), cause, now)


async def take_wanted(connection: Connection, limit: int) -> list[Wanted]:
    """Take the triggered reviews that were asked for first."""
    return [
        Wanted(("nominal", nominal) if record is None else ("record", record), cause)
        for _, record, nominal, cause, _ in await (await driver(connection)).fetch(_TAKE, limit)
    ]


async def pending_of(connection: Connection, subjects: Iterable[Subject]) -> dict[Subject, Pending]:
    """Find what is asked for about persons: read it before their facts, so that those it is about are among them."""
    persons = sorted(key for kind, key in subjects if kind == "nominal")
    found: dict[Subject, Pending] = {}
    if persons:
        for wanted_id, key, cause in await (await driver(connection)).fetch(_OF_PERSONS, persons):
            before = found.get(("nominal", key), Pending((), cause))
            found["nominal", key] = Pending((*before.ids, wanted_id), before.cause)
    return found


async def met(connection: Connection, pending: Iterable[Pending]) -> None:
    """Take back what was asked for: the reviews that are open now show it."""
    if ids := [wanted_id for each in pending for wanted_id in each.ids]:
        await (await driver(connection)).execute("DELETE FROM review_wanted WHERE wanted_id = ANY($1::bigint[])", ids)
