"""What each record gives the persons on it, and what a hold can match on it; written under the record's lock."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from services.retention.domain import Given, Traits
from shared.db import Connection, columns, driver

LINKS = """
SELECT record_key, nominal_key, nominal_ref, grp, notice_on, grouped_on, offending, since_on, conduct_on, admitted,
    aged, grades, unlinked, accused_on
FROM link JOIN nominal USING (nominal_key) WHERE record_key = ANY($1::bigint[])"""
# Records first: they are counted before the first link is written.
_UPDATE = """
WITH traits AS (
    UPDATE record r SET record_types = u.record_types, source_systems = u.source_systems, units = u.units,
        offences = u.offences, spans = u.spans
    FROM jsonb_to_recordset($14::jsonb) u(record_key bigint, record_types text[], source_systems text[], units text[],
        offences text[], spans datemultirange)
    WHERE r.record_key = u.record_key RETURNING r.record_key)
UPDATE link l SET grp = u.grp, notice_on = u.notice_on, grouped_on = u.grouped_on, offending = u.offending,
    since_on = u.since_on, conduct_on = u.conduct_on, admitted = u.admitted, aged = u.aged,
    grades = u.grades, unlinked = u.unlinked, accused_on = u.accused_on
FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::date[], $5::date[], $6::boolean[], $7::date[], $8::date[],
    $9::boolean[], $10::text[], $11::text[], $12::boolean[], $13::date[]) u(record_key, nominal_key, grp, notice_on,
        grouped_on, offending, since_on, conduct_on, admitted, aged, grades, unlinked, accused_on)
WHERE l.record_key = u.record_key AND l.nominal_key = u.nominal_key
    AND (SELECT count(*) FROM traits) IS NOT NULL"""
_GIVEN = """
SELECT nominal_key, g.grp, max(g.notice_on), min(g.grouped_on), min(g.conduct_on),
    min(coalesce(g.since_on, '0001-01-01')) FILTER (WHERE g.offending), max(g.since_on) FILTER (WHERE g.offending)
FROM unnest($1::bigint[], $2::date[]) u(nominal_key, from_on) JOIN link l USING (nominal_key) CROSS JOIN LATERAL (
    SELECT CASE l.grades WHEN '' THEN l.grp END AS grp, l.notice_on,
        CASE l.grades WHEN '' THEN l.grouped_on END AS grouped_on, l.conduct_on, l.since_on, l.offending
    WHERE l.admitted OR l.conduct_on IS NULL OR u.from_on IS NULL OR l.conduct_on >= u.from_on
    UNION ALL
    SELECT part[1], NULL, nullif(part[3], '-')::date, NULL, NULL, false
    FROM string_to_table(nullif(l.grades, ''), ';') written, string_to_array(written, ' ') part
    WHERE l.admitted OR part[2] = '-' OR u.from_on IS NULL OR part[2]::date >= u.from_on
) g GROUP BY nominal_key, g.grp"""
_ACCUSED = """
SELECT nominal_key, array_agg(DISTINCT accused_on) FROM link
WHERE nominal_key = ANY($1::bigint[]) AND accused_on IS NOT NULL GROUP BY nominal_key"""
CARRIED = "SELECT DISTINCT record_key FROM link WHERE nominal_key = ANY($1::bigint[]) AND (offending OR aged <> '')"
_EXECUTED = "SELECT record_key FROM record WHERE record_key = ANY($1::bigint[]) AND executed_by IS NOT NULL"
TRAITS = """
SELECT record_key, executed_by, record_types, source_systems, units, offences, spans::text FROM record
WHERE record_key = ANY($1::bigint[])"""


class Link(NamedTuple):
    """A nominal on a record, and what the record gives them."""

    record_key: int
    nominal_key: int
    nominal_ref: UUID
    given: Given


class ToPerson(NamedTuple):
    """What all records of one group give a nominal."""

    group: str | None
    notice_on: date | None
    grouped_on: date | None
    conduct_on: date | None = None
    first_on: date | None = None
    """When the first and the last link came by which the nominal offends now; None: by none."""
    last_on: date | None = None


class Stored(NamedTuple):
    """A record's traits as they are stored, and whether it went."""

    executed: bool
    traits: list[list[str] | str]


async def links_of(connection: Connection, records: Iterable[int]) -> dict[int, list[Link]]:
    """Load the links of records, each record's in one order whoever came first."""
    wanted = list(records)
    return links_from(await (await driver(connection)).fetch(LINKS, wanted), wanted) if wanted else {}


def links_from(rows: Iterable[Any], records: Iterable[int]) -> dict[int, list[Link]]:
    """Read what `LINKS` gives of records."""
    found: dict[int, list[Link]] = {key: [] for key in records}
    for row in rows:
        found[row[0]].append(Link(row[0], row[1], row[2], Given(*row[3:])))
    for links in found.values():
        links.sort(key=lambda link: link.nominal_ref)
    return found


async def update(connection: Connection, traits: dict[int, Traits], links: Sequence[Link]) -> None:
    """Store what holds can match on records, and what records give."""
    if traits or links:
        names = ("record_types", "source_systems", "units", "offences", "spans")
        listing = [{"record_key": key, **dict(zip(names, listed(each), strict=True))} for key, each in traits.items()]
        rows = [(each.record_key, each.nominal_key, *msgspec.structs.astuple(each.given)) for each in links]
        raw = await driver(connection)
        await raw.execute(_UPDATE, *columns(rows, 13), msgspec.json.encode(listing).decode())


async def given_to(connection: Connection, nominals: Mapping[int, date | None]) -> dict[int, list[ToPerson]]:
    """Gather, group by group, what nominals are given by all their records that count.

    Beside each is the birthday before which conduct counts only where a review of the record has said why.
    """
    found: dict[int, list[ToPerson]] = {key: [] for key in nominals}
    if found:
        raw = await driver(connection)
        for row in await raw.fetch(_GIVEN, list(nominals), list(nominals.values())):
            found[row[0]].append(ToPerson(*row[1:]))
    return found


async def accused_on(connection: Connection, nominals: Sequence[int]) -> dict[int, list[date]]:
    """Find the days on which records that accuse nominals now first did; those whom none accuses are left out."""
    raw = await driver(connection)
    return {row[0]: list(row[1]) for row in await raw.fetch(_ACCUSED, nominals)} if nominals else {}


async def carried_by(connection: Connection, nominals: Sequence[int]) -> set[int]:
    """Find the records that nominals date, by offending or by their age."""
    raw = await driver(connection)
    return {row[0] for row in await raw.fetch(CARRIED, nominals)}


async def executed_among(connection: Connection, records: Iterable[int]) -> set[int]:
    """Find the records that went."""
    if not (wanted := list(records)):
        return set()
    return {row[0] for row in await (await driver(connection)).fetch(_EXECUTED, wanted)}


async def traits_stored(connection: Connection, records: Iterable[int]) -> dict[int, Stored]:
    """Load records' traits, in the form that `listed` gives."""
    return traits_from(await (await driver(connection)).fetch(TRAITS, list(records)))


def traits_from(rows: Iterable[Any]) -> dict[int, Stored]:
    """Read what `TRAITS` gives of records."""
    return {row[0]: Stored(row[1] is not None, [*row[2:6], row[6]]) for row in rows}


def listed(traits: Traits) -> list[list[str] | str]:
    """Give traits as their columns hold them, in one order."""
    sets = (traits.record_types, traits.source_systems, traits.units, traits.offences)
    return [*(sorted(each) for each in sets), _spans(traits)]


def _spans(traits: Traits) -> str:
    """Write days as PostgreSQL writes them: joined where they touch, the end left out."""
    joined: list[tuple[int, int]] = []
    for first, last in sorted((first.toordinal(), last.toordinal() + 1) for first, last in traits.spans):
        if joined and first <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(last, joined[-1][1])
        else:
            joined.append((first, last))
    days = date.fromordinal
    return "{" + ",".join(f"[{days(first)},{days(end)})" for first, end in joined) + "}"
