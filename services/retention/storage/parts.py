"""Who is part of which case file, and what each part asks of it; written under the part's lock."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

from services.retention.domain.casefiles import Share
from shared.db import Connection, columns, driver

_SHARE = "until, by_age, permanent, waits, undated"
OF = f"""
SELECT part_key, file_key, record_uid, now, on_date, gone, withdrawn, binds, {_SHARE} FROM part
JOIN record ON record_key = file_key WHERE part_key = ANY($1::bigint[])"""
_STORE = f"""
INSERT INTO part (part_key, file_key, now, on_date, gone, withdrawn, binds, {_SHARE})
SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::boolean[], $4::date[], $5::boolean[], $6::boolean[], $7::boolean[],
    $8::date[], $9::boolean[], $10::boolean[], $11::boolean[], $12::boolean[])
ON CONFLICT (part_key, file_key) DO UPDATE SET now = excluded.now, on_date = excluded.on_date, gone = excluded.gone,
    withdrawn = excluded.withdrawn, binds = excluded.binds, until = excluded.until, by_age = excluded.by_age,
    permanent = excluded.permanent, waits = excluded.waits, undated = excluded.undated"""
# A part dated after its file was closed is none of it, and asks nothing.
_ASKED = """
SELECT p.file_key, max(p.until), bool_or(p.permanent), bool_or(p.waits), bool_or(p.undated),
    coalesce(bool_or(p.by_age) FILTER (WHERE p.until = m.until), false)
FROM unnest($1::bigint[], $2::date[]) f(file_key, bars_after) JOIN part p USING (file_key),
LATERAL (SELECT max(q.until) AS until FROM part q WHERE q.file_key = f.file_key AND q.now AND NOT q.gone
    AND (f.bars_after IS NULL OR q.on_date <= f.bars_after)) m
WHERE p.now AND NOT p.gone AND (f.bars_after IS NULL OR p.on_date <= f.bars_after) GROUP BY p.file_key"""
_LAST = """
SELECT file_key, max(on_date) FROM part WHERE file_key = ANY($1::bigint[]) AND now AND NOT gone AND NOT withdrawn
GROUP BY file_key"""
FILES = "SELECT DISTINCT file_key FROM part WHERE file_key = ANY($1::bigint[]) AND now AND NOT gone"
_PARTS = "SELECT part_key, file_key FROM part WHERE file_key = ANY($1::bigint[]) AND now AND NOT gone"
# Each step is distinct, so a circle ends the walk.
_ABOVE = """
WITH RECURSIVE walk AS (
    SELECT part_key, file_key FROM part WHERE part_key = ANY($1::bigint[]) AND now
    UNION SELECT p.part_key, p.file_key FROM walk w JOIN part p ON p.part_key = w.file_key WHERE p.now)
SELECT part_key, file_key FROM walk"""


# Files and the parts that wait for them, up and down: what must go together.
_BOUND = """
WITH RECURSIVE walk AS (
    SELECT k AS member FROM unnest($1::bigint[]) k
    UNION SELECT x.member FROM walk w JOIN LATERAL (
        SELECT p.file_key AS member FROM part p WHERE p.part_key = w.member AND p.binds AND p.now AND NOT p.gone
        UNION ALL
        SELECT p.part_key FROM part p WHERE p.file_key = w.member AND p.binds AND p.now AND NOT p.gone) x ON true)
SELECT p.part_key, p.file_key FROM walk w JOIN part p ON p.part_key = w.member
WHERE p.binds AND p.now AND NOT p.gone"""


# What each part asks of its file, those first that ask for longest; one dated after the file was closed asks nothing.
_LONGEST = f"""
SELECT file_key, n, record_uid, {_SHARE} FROM (
    SELECT p.*, count(*) OVER file AS n, row_number() OVER (PARTITION BY p.file_key
        ORDER BY p.undated DESC, p.permanent DESC, p.waits DESC, p.until DESC NULLS LAST, p.part_key) AS place
    FROM unnest($1::bigint[], $2::date[]) f(file_key, bars_after) JOIN part p USING (file_key)
    WHERE p.now AND NOT p.gone AND (f.bars_after IS NULL OR p.on_date <= f.bars_after)
    WINDOW file AS (PARTITION BY p.file_key)) p JOIN record ON record_key = part_key
WHERE place <= $3"""


_ASKING = f"""
SELECT p.part_key, r.record_uid, {_SHARE} FROM record f JOIN part p ON p.file_key = f.record_key
JOIN record r ON r.record_key = p.part_key
WHERE f.record_uid = $1 AND p.part_key > $2 AND p.now AND NOT p.gone ORDER BY p.part_key LIMIT $3"""


class Part(NamedTuple):
    """A record in a case file, and what it asks of it."""

    part_key: int
    file_key: int
    file_uid: UUID
    now: bool
    on: date | None
    gone: bool = False
    withdrawn: bool = False
    """Entered in error: it opens no file again."""
    binds: bool = False
    share: Share = Share()

    @property
    def counts(self) -> bool:
        """Whether it is part of the file today."""
        return self.now and not self.gone


async def parts_of(connection: Connection, records: Iterable[int]) -> dict[int, dict[int, Part]]:
    """Load what files records are or were part of: by record, then by file."""
    wanted = list(records)
    return parts_from(await (await driver(connection)).fetch(OF, wanted), wanted) if wanted else {}


def parts_from(rows: Iterable[Any], records: Iterable[int]) -> dict[int, dict[int, Part]]:
    """Read what `OF` gives of records."""
    found: dict[int, dict[int, Part]] = {key: {} for key in records}
    for row in rows:
        found[row[0]][row[1]] = _part(row)
    return found


def _part(row: Any) -> Part:
    part_key, file_key, file_uid, now, on, gone, withdrawn, binds, *share = row
    return Part(part_key, file_key, file_uid, now, on, gone, withdrawn, binds, Share(*share))


async def store_parts(connection: Connection, parts: Iterable[Part]) -> None:
    """Store what parts are to their files."""
    rows = [
        (p.part_key, p.file_key, p.now, p.on, p.gone, p.withdrawn, p.binds, *_asked(p.share))
        for p in sorted(parts, key=lambda each: each[:2])
    ]
    if rows:
        await (await driver(connection)).execute(_STORE, *columns(rows, 12))


def _asked(share: Share) -> list[Any]:
    return [getattr(share, name) for name in _SHARE.split(", ")]


async def asked_of(connection: Connection, files: Mapping[int, date | None]) -> dict[int, Share]:
    """Gather what all parts together ask of files, each with the day that bars later parts; none where it has none."""
    if not files:
        return {}
    raw, rows = await driver(connection), sorted(files.items())
    found = await raw.fetch(_ASKED, *columns(rows, 2))
    return {row[0]: Share(row[1], row[5], row[2], row[3], row[4]) for row in found}


async def longest(
    connection: Connection, files: Mapping[int, date | None], most: int
) -> dict[int, tuple[int, dict[UUID, Share]]]:
    """Count the parts of files, each with the day that bars later parts, and load what those ask that ask for most."""
    found: dict[int, tuple[int, dict[UUID, Share]]] = {}
    if rows := sorted(files.items()):
        for file, count, part, *share in await (await driver(connection)).fetch(_LONGEST, *columns(rows, 2), most):
            found.setdefault(file, (count, {}))[1][part] = Share(*share)
    return found


async def asking_page(connection: Connection, file_id: UUID, after: int, limit: int) -> list[tuple[int, UUID, Share]]:
    """List what each part asks of a case file, in the order of their keys."""
    rows = await (await driver(connection)).fetch(_ASKING, file_id, after, limit)
    return [(key, part, Share(*share)) for key, part, *share in rows]


async def last_dated(connection: Connection, files: Iterable[int]) -> dict[int, date]:
    """Find the latest date of all parts of files that were not entered in error."""
    if not (wanted := list(files)):
        return {}
    return {row[0]: row[1] for row in await (await driver(connection)).fetch(_LAST, wanted) if row[1]}


async def parts_under(connection: Connection, files: Collection[int]) -> set[int]:
    """List the parts of files today."""
    if not files:
        return set()
    return {row[0] for row in await (await driver(connection)).fetch(_PARTS, list(files))}


async def files_above(connection: Connection, records: Iterable[int]) -> dict[int, set[int]]:
    """Walk up from records: every record met with the files that it is part of."""
    found: dict[int, set[int]] = {}
    if wanted := list(records):
        for part, file in await (await driver(connection)).fetch(_ABOVE, wanted):
            found.setdefault(part, set()).add(file)
    return found


async def bound_with(connection: Connection, records: Sequence[int]) -> list[tuple[int, int]]:
    """Find all that must go with records, as pairs of a part and its file."""
    return [(row[0], row[1]) for row in await (await driver(connection)).fetch(_BOUND, records)]


async def uids(connection: Connection, keys: Sequence[int]) -> dict[int, UUID]:
    """Find the ids of records by their keys."""
    raw = await driver(connection)
    rows = await raw.fetch("SELECT record_key, record_uid FROM record WHERE record_key = ANY($1::bigint[])", keys)
    return {row[0]: row[1] for row in rows}
