"""What people ask of the tables: one record, one person, lists by page."""

from collections.abc import Mapping
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

from services.retention.storage.holds import COVERED
from shared.db import Connection, driver

_SHOWN = """s.record_key, r.record_uid, s.state, s.class_id, s.row_id, s.grp, s.clock_on, s.floor_until, s.keep_until,
s.actionable_from, s.open_on, s.review_on, s.review_kind, s.by_age, s.ends, s.problem, s.owner, s.cause,
s.problem_since, s.pack, s.lifecycle, s.held, s.restricted, s.reason, s.version"""
# What is put into these statements is written in this file; values are parameters.
_RECORD = f"""
SELECT {_SHOWN}, EXISTS (SELECT FROM dirty d WHERE d.record_key = s.record_key)
    OR EXISTS (SELECT FROM link l JOIN dirty d USING (nominal_key) WHERE l.record_key = s.record_key) AS unsettled
FROM record r JOIN schedule s USING (record_key) WHERE r.record_uid = $1"""
_LIST = f"SELECT {_SHOWN} FROM schedule s JOIN record r USING (record_key)"
_NOMINAL = """
SELECT n.nominal_key, coalesce(r.nominal_ref, n.nominal_ref) AS root, p.grp, p.clock_on, p.keep_until,
    p.review_on, p.by_age,
    p.birth_on IS NOT NULL AS birth_known, p.reviewed_on, p.problem, coalesce(p.version, 0) AS version,
    ARRAY(SELECT m.nominal_ref FROM person_schedule b JOIN nominal m USING (nominal_key) WHERE b.root = p.root
        ORDER BY m.nominal_ref) AS members
FROM nominal n LEFT JOIN person_schedule p USING (nominal_key) LEFT JOIN nominal r ON r.nominal_key = p.root
WHERE n.nominal_ref = $1"""
_OF_NOMINAL = f"""
SELECT {_SHOWN}, l.offending, l.grp AS gives_group, l.notice_on FROM link l JOIN schedule s USING (record_key)
JOIN record r USING (record_key) WHERE l.nominal_key = $1 AND NOT l.unlinked AND l.record_key > $2
ORDER BY l.record_key LIMIT $3"""
_DUE = """
SELECT s.class_id, r.units[1] AS unit, date_trunc('week', s.actionable_from)::date AS week, s.ends, count(*) AS records
FROM schedule s JOIN record r USING (record_key)
WHERE s.state = 'current' AND s.actionable_from < $1 AND s.lifecycle NOT IN ('executed', 'shredded', 'disposed')
    AND ($2::date IS NULL OR s.actionable_from >= $2) AND ($3::text IS NULL OR s.ends = $3)
    AND ($4::text IS NULL OR s.class_id = $4 OR starts_with(s.class_id, $4 || '.'))
GROUP BY 1, 2, 3, 4 ORDER BY 3, 1, 2, 4 LIMIT $5"""
_GONE = "s.lifecycle IN ('executed', 'shredded', 'disposed')"
# The state that is shown, as `actions.announce.shown_state` gives it, in the table's words.
_STATES = {
    "exception": f"s.state = 'exception' AND NOT {_GONE}",
    "permanent": "s.state = 'permanent' AND s.lifecycle = 'current'",
    "current": "s.state = 'current' AND s.lifecycle = 'current'",
}
# Each filter as it stands in the statement; {n} is the number of its parameter.
_FILTERS = {
    "class": "(s.class_id = ${n} OR starts_with(s.class_id, ${n} || '.'))",
    "group": "s.grp = ${n}",
    "rule": "s.row_id = ${n}",
    "owner": "s.owner = ${n}",
    "due_before": "s.actionable_from < ${n}",
    "unit": "${n} = ANY(r.units)",
    "nominal": """EXISTS (SELECT FROM link l JOIN nominal n USING (nominal_key)
        WHERE l.record_key = s.record_key AND n.nominal_ref = ${n} AND NOT l.unlinked)""",
    "part_of": """EXISTS (SELECT FROM part p JOIN record f ON f.record_key = p.file_key
        WHERE p.part_key = s.record_key AND p.now AND f.record_uid = ${n})""",
    # By the scope of a hold in force, not by what the sweep has shown of it so far.
    "hold": f"""s.record_key IN (WITH RECURSIVE candidate AS NOT MATERIALIZED (SELECT record_key FROM record), {COVERED}
        SELECT record_key FROM covered WHERE hold_id = ${{n}})""",
}
_ORDERS = {
    "record": ("s.record_key", "s.record_key > ${n}"),
    "review_on": ("s.review_on, s.record_key", "(s.review_on, s.record_key) > (${n}, ${m})"),
}

Row = Mapping[str, Any]


class Wanted(NamedTuple):
    """Which schedules a list asks for, in which order, after which of them."""

    filters: dict[str, str | date | UUID]
    state: str | None = None
    sort: str = "record"
    after: tuple[date | int, ...] | None = None
    limit: int = 50


class Due(NamedTuple):
    """What falls due, where and when."""

    before: date
    after: date | None = None
    ends: str | None = None
    class_id: str | None = None


async def find_record(connection: Connection, record_id: UUID) -> Row | None:
    """Find a record's schedule, and whether facts about it are not settled yet."""
    row = await (await driver(connection)).fetchrow(_RECORD, record_id)
    return None if row is None else dict(row)


async def list_records(connection: Connection, wanted: Wanted) -> list[Row]:
    """List schedules by the tables; one more than asked for tells that there is another page."""
    parameters: list[Any] = []
    where = []
    for name, value in wanted.filters.items():
        parameters.append(value)
        where.append(_FILTERS[name].format(n=len(parameters)))
    if wanted.state in _STATES:
        where.append(_STATES[wanted.state])
    elif wanted.state is not None:
        parameters.append(wanted.state)
        where.append(f"s.lifecycle = ${len(parameters)} AND (s.state <> 'exception' OR {_GONE})")
    order, later = _ORDERS[wanted.sort]
    if wanted.after is not None:
        where.append(later.format(n=len(parameters) + 1, m=len(parameters) + 2))
        parameters.extend(wanted.after)
    parameters.append(wanted.limit + 1)
    text = " AND ".join(where) or "true"
    statement = f"{_LIST} WHERE {text} ORDER BY {order} LIMIT ${len(parameters)}"
    return [dict(row) for row in await (await driver(connection)).fetch(statement, *parameters)]


async def find_nominal(connection: Connection, nominal_ref: UUID) -> Row | None:
    """Find a person's schedule; of one whom nothing has dated yet all is empty."""
    row = await (await driver(connection)).fetchrow(_NOMINAL, nominal_ref)
    return None if row is None else dict(row)


async def records_of(connection: Connection, nominal_key: int, after: int, limit: int) -> list[Row]:
    """List the dated records that name a nominal in any role; one more than asked for."""
    raw = await driver(connection)
    return [dict(row) for row in await raw.fetch(_OF_NOMINAL, nominal_key, after, limit + 1)]


async def falls_due(connection: Connection, due: Due, limit: int) -> list[Row]:
    """Count what falls due by class, unit, week and end."""
    raw = await driver(connection)
    return [dict(row) for row in await raw.fetch(_DUE, *due, limit)]
