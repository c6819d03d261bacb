"""The dates that records had before: superseded, never erased."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from services.retention.domain.changes import Before
from shared.db import Connection, columns, driver

_KEEP = """
INSERT INTO superseded (record_key, state, class_id, row_id, grp, clock_on, keep_until, review_on, by_age, problem,
    pack, moved_by)
SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::date[], $7::date[], $8::date[],
    $9::boolean[], $10::text[], $11::text[], $12::text[])"""
_OF_RECORD = """
SELECT s.superseded_id, s.state, s.class_id AS class, s.row_id AS row, s.grp AS "group", s.clock_on, s.keep_until,
    s.review_on, s.by_age,
    s.problem, s.pack, s.moved_by, s.superseded_at
FROM superseded s JOIN record r USING (record_key)
WHERE r.record_uid = $1 AND superseded_id < $2
ORDER BY superseded_id DESC LIMIT $3"""


async def keep(
    connection: Connection, before: Mapping[int, Before], now: Mapping[int, Before], moved_by: Mapping[int, str]
) -> None:
    """Keep the dates of records that are about to change."""
    rows: list[tuple[Any, ...]] = []
    for key, after in sorted(now.items()):
        if (was := before.get(key)) and was.schedule != after.schedule:
            old = was.schedule
            dates = (old.clock_on, old.keep_until, old.review_on, old.by_age)
            rows.append(
                (key, old.state, old.class_id, old.row, old.group, *dates, old.problem, was.pack, moved_by[key])
            )
    if rows:
        await (await driver(connection)).execute(_KEEP, *columns(rows, 12))


async def of_record(connection: Connection, record_id: UUID, before: int, limit: int) -> list[dict[str, Any]]:
    """Read a page of the dates that a record had, the newest first, by the names that they are told by."""
    return [dict(row) for row in await (await driver(connection)).fetch(_OF_RECORD, record_id, before, limit)]
