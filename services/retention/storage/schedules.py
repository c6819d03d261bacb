"""Persons' and records' schedules: the derived columns, which settling alone writes."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from hashlib import sha256
from typing import Any, NamedTuple

import msgspec

from services.retention.domain import Person, Schedule, side_bytes, side_from
from services.retention.domain.changes import Before
from services.retention.storage.links import CARRIED
from services.retention.storage.sealing import DRAWN, sealing, values_of
from shared.db import Connection, columns, driver
from shared.ids import salts

SCHEDULES_SETTLED = "tenure.schedules.settled.v1"

_PERSON = "grp, clock_on, keep_until, review_on, by_age, birth_on, died_on, reviewed_on, problem"
PERSONS = f"SELECT nominal_key, root, {_PERSON} FROM person_schedule WHERE nominal_key = ANY($1::bigint[])"
# What was given is stored before: the records that they date are those of this moment.
_STORE_PEOPLE = f"""
WITH stored AS (INSERT INTO person_schedule (nominal_key, root, {_PERSON})
SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::date[], $5::date[], $6::date[], $7::boolean[],
    $8::date[], $9::date[], $10::date[], $11::text[])
ON CONFLICT (nominal_key) DO UPDATE SET root = excluded.root, grp = excluded.grp, clock_on = excluded.clock_on,
    keep_until = excluded.keep_until, review_on = excluded.review_on, by_age = excluded.by_age,
    birth_on = excluded.birth_on, died_on = excluded.died_on, reviewed_on = excluded.reviewed_on,
    problem = excluded.problem, version = person_schedule.version + 1)
{CARRIED.replace("$1", "$12")}"""

# The column of each field of `Schedule`, in its order, then what it was made of.
COLUMNS = {
    "state": "text", "class_id": "text", "row_id": "text", "grp": "text", "clock_on": "date", "floor_until": "date",
    "keep_until": "date", "actionable_from": "date", "open_on": "date", "review_on": "date", "review_kind": "text",
    "by_age": "boolean", "ends": "text", "problem": "text", "owner": "text", "cause": "text",
    "by_person": "boolean", "side": "bytea", "pack": "text",
}  # fmt: skip
_NAMES = ", ".join(COLUMNS)
# Through unnest: `= ANY` on a hash-partitioned table probes every key in all partitions.
SCHEDULES = f"SELECT record_key, {_NAMES} FROM unnest($1::bigint[]) k JOIN schedule ON record_key = k"
_ARRAYS = ", ".join(f"${n}::{kind}[]" for n, kind in enumerate(["bigint", *COLUMNS.values(), "bytea"], 1))
_STORE = f"""
WITH {DRAWN}, {sealing(f"SELECT ${len(COLUMNS) + 5}::bytea, cardinality($1::bigint[])", len(COLUMNS) + 6)}
INSERT INTO schedule (record_key, {_NAMES}, salt, moved_by, restricted_by_facts, log_id, problem_since)
SELECT u.*, (SELECT log_id FROM drawn), CASE WHEN u.problem IS NOT NULL THEN ${len(COLUMNS) + 6}::timestamptz END
FROM unnest({_ARRAYS}, ${len(COLUMNS) + 3}::text[], ${len(COLUMNS) + 4}::boolean[])
    u(record_key, {_NAMES}, salt, moved_by, restricted_by_facts)
ON CONFLICT (record_key) DO UPDATE SET {", ".join(f"{name} = excluded.{name}" for name in COLUMNS)},
    restricted_by_facts = excluded.restricted_by_facts,
    kept_by_hold = schedule.kept_by_hold AND excluded.actionable_from IS NOT DISTINCT FROM schedule.actionable_from,
    salt = excluded.salt, log_id = excluded.log_id, moved_by = excluded.moved_by,
    problem_since = CASE WHEN schedule.problem = excluded.problem THEN schedule.problem_since
        ELSE excluded.problem_since END,
    version = schedule.version + 1"""

_seal = msgspec.json.Encoder(order="deterministic").encode


class Rooted(NamedTuple):
    """A person's schedule, and the key of the nominal that stands for all whom they are."""

    person: Person
    root: int


Dated = Before
"""A record's schedule with what it was derived from, apart from its persons."""


async def persons_stored(connection: Connection, nominals: Iterable[int]) -> dict[int, Person]:
    """Load persons' schedules."""
    return {key: each.person for key, each in (await rooted_stored(connection, nominals)).items()}


async def rooted_stored(connection: Connection, nominals: Iterable[int]) -> dict[int, Rooted]:
    """Load persons' schedules, and who stands for each."""
    if not (wanted := list(nominals)):
        return {}
    return rooted_from(await (await driver(connection)).fetch(PERSONS, wanted))


def rooted_from(rows: Iterable[Any]) -> dict[int, Rooted]:
    """Read what `PERSONS` gives of nominals."""
    return {row[0]: Rooted(Person(*row[2:]), row[1]) for row in rows}


async def store_persons(connection: Connection, persons: dict[int, Rooted], moved: Iterable[int] = ()) -> set[int]:
    """Store persons' schedules that changed, or for whom another nominal stands now.

    Gives the records that those who `moved` date, by offending or by their age.
    """
    rows = [(key, each.root, *msgspec.structs.astuple(each.person)) for key, each in sorted(persons.items())]
    raw = await driver(connection)
    return {row[0] for row in await raw.fetch(_STORE_PEOPLE, *columns(rows, 11), sorted(moved))}


async def schedules_stored(connection: Connection, records: Iterable[int]) -> dict[int, Dated]:
    """Load what records' schedules were derived as."""
    if not (wanted := list(records)):
        return {}
    return schedules_from(await (await driver(connection)).fetch(SCHEDULES, wanted))


def schedules_from(rows: Iterable[Any]) -> dict[int, Dated]:
    """Read what `SCHEDULES` gives of records."""
    return {row[0]: _dated(row[1:]) for row in rows}


def _dated(values: Sequence[Any]) -> Dated:
    return Dated(Schedule(*values[:-2]), side_from(values[-2]), values[-1])


async def store_schedules(
    connection: Connection, schedules: dict[int, Dated], moved_by: Mapping[int, str], now: datetime
) -> None:
    """Store schedules that changed, and what moved them; seal them in one log row. The table announces them."""
    if not schedules:
        return
    rows = [
        (key, *msgspec.structs.astuple(each.schedule), side_bytes(each.side), each.pack, salt)
        for (key, each), salt in zip(sorted(schedules.items()), salts(len(schedules)), strict=True)
    ]
    sealed = b"".join(sha256(row[-1] + sealed_content(row[:-1])).digest() for row in rows)
    whys = [moved_by[row[0]] for row in rows]
    restricted = [schedules[row[0]].side.restricted for row in rows]
    values = (*columns(rows, len(COLUMNS) + 2), whys, restricted, sealed, *values_of(SCHEDULES_SETTLED, now))
    await (await driver(connection)).execute(_STORE, *values)


def sealed_content(row: Sequence[Any]) -> bytes:
    """Give the bytes of a schedule that its digest is over: a JSON array of record_key and `COLUMNS` in their order."""
    key, *values, side, pack = row
    return _seal([key, *(str(value) if isinstance(value, date) else value for value in values), side.decode(), pack])
