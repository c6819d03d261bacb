"""Facts: insert-only, by event id, each sealed into the log with its own salt."""

from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime
from hashlib import sha256
from typing import Any, NamedTuple
from uuid import UUID

from services.retention.domain import Fact
from services.retention.storage.sealing import DRAWN, sealing, values_of
from shared.db import Connection, columns, driver
from shared.ids import named, salts
from shared.log import Entry, put

# Facts made here: never part of a basis.
DECISIONS = "('decision', 'regrouped', 'override', 'moved', 'marked', 'unlinked')"
FACTS_KEPT = "tenure.facts.kept.v1"

# `ON CONFLICT DO NOTHING` waits for whoever inserts the same: records, nominals, facts, links, always in this order and
# each sorted by its unique key, or two batches deadlock.
_RECORDS = "SELECT record_uid, record_key FROM record WHERE record_uid = ANY($1::uuid[])"
_NOMINALS = "SELECT nominal_ref, nominal_key FROM nominal WHERE nominal_ref = ANY($1::uuid[])"
# What is new of the second is made once all of the first is: that one is counted before.
_KEYS = """
WITH records AS MATERIALIZED (SELECT v, n, record_key AS k FROM unnest($1::uuid[]) WITH ORDINALITY u(v, n)
    LEFT JOIN record ON record_uid = v),
nominals AS MATERIALIZED (SELECT v, n, nominal_key AS k FROM unnest($2::uuid[]) WITH ORDINALITY u(v, n)
    LEFT JOIN nominal ON nominal_ref = v),
new_records AS (INSERT INTO record (record_uid) SELECT v FROM records WHERE k IS NULL ORDER BY n
    ON CONFLICT DO NOTHING RETURNING record_uid, record_key),
new_nominals AS (INSERT INTO nominal (nominal_ref) SELECT v FROM nominals
    WHERE k IS NULL AND (SELECT count(*) FROM new_records) IS NOT NULL ORDER BY n
    ON CONFLICT DO NOTHING RETURNING nominal_ref, nominal_key)
SELECT false, true, record_uid, record_key FROM new_records
UNION ALL SELECT true, true, nominal_ref, nominal_key FROM new_nominals
UNION ALL SELECT false, false, v, k FROM records WHERE k IS NOT NULL
UNION ALL SELECT true, false, v, k FROM nominals WHERE k IS NOT NULL"""
_FACTS = f"""
WITH {DRAWN},
kept AS (INSERT INTO fact (event_uid, kind, record_key, nominal_key, sequence, on_date, withdraws, known_at,
        received_on, canonical, other_key, salt, log_id)
    SELECT *, (SELECT log_id FROM drawn) FROM unnest($1::uuid[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[],
        $6::date[], $7::uuid[], $8::timestamptz[], $9::date[], $10::bytea[], $11::bigint[], $12::bytea[])
    ON CONFLICT DO NOTHING RETURNING event_uid, sha256(salt || canonical) AS digest),
{sealing("SELECT string_agg(digest, '' ORDER BY event_uid), count(*) FROM kept", 13)}{{also}}
SELECT event_uid FROM kept"""
# Not in every such statement: the API keeps facts and may link nobody.
_LINKS = """,
linked AS (INSERT INTO link (record_key, nominal_key) SELECT * FROM unnest($18::bigint[], $19::bigint[])
    WHERE (SELECT count(*) FROM kept) IS NOT NULL ON CONFLICT DO NOTHING)"""
_FACTS_ALONE, _FACTS_AND_LINKS = _FACTS.format(also=""), _FACTS.format(also=_LINKS)
_OF_RECORDS = """
SELECT record_key, event_uid, kind, canonical, sequence, on_date, withdraws, received_on, known_at FROM fact
WHERE record_key = ANY($1::bigint[])"""
# Of a merge both nominals have the facts: the merge itself, and its undoing, which is about the one merged into.
OF_OTHERS = """FROM fact m JOIN fact f ON f.event_uid = m.event_uid
    OR (f.nominal_key = m.nominal_key AND f.withdraws = m.event_uid) WHERE m.other_key = ANY($1::bigint[])"""
_OF_PERSONS = f"""{_OF_RECORDS.replace("record_key", "nominal_key")}
UNION ALL SELECT m.other_key, f.event_uid, f.kind, f.canonical, f.sequence, f.on_date, f.withdraws, f.received_on,
    f.known_at {OF_OTHERS}"""
# Records' first: the keys of both count from 1.
_OF_BOTH = f"""
SELECT false, f.* FROM ({_OF_RECORDS}) f UNION ALL SELECT true, f.* FROM ({_OF_PERSONS.replace("$1", "$2")}) f"""
_OTHERS = "SELECT other_key FROM fact WHERE event_uid = ANY($1::uuid[]) AND other_key IS NOT NULL"
_EARLY = """
INSERT INTO named_early (record_key, nominal_key, since)
SELECT k, NULL::bigint, $3::timestamptz FROM unnest($1::bigint[]) k
UNION ALL SELECT NULL::bigint, k, $3 FROM unnest($2::bigint[]) k
ON CONFLICT DO NOTHING"""


class NewFact(NamedTuple):
    """A fact to be kept, about one record or one person."""

    event_uid: UUID
    kind: str
    record_key: int | None
    nominal_key: int | None
    sequence: int
    on_date: date | None
    withdraws: UUID | None
    known_at: datetime
    received_on: date
    canonical: bytes
    other_key: int | None = None


def made_here(fact: Fact, now: datetime, *, record_key: int | None = None, nominal_key: int | None = None) -> NewFact:
    """Make what is to be kept of a fact that arose in retention itself: known now, and received on its own day."""
    assert fact.on_date is not None, "what arises here has its day"
    of = (record_key, nominal_key)
    return NewFact(fact.event_uid, fact.kind, *of, fact.sequence, fact.on_date, None, now, fact.on_date, fact.canonical)


class Keys(NamedTuple):
    """The keys of records or nominals by their ids, and those that were made just now."""

    of: dict[UUID, int]
    made: frozenset[UUID] = frozenset()


async def keys(connection: Connection, uids: Iterable[UUID], refs: Iterable[UUID]) -> tuple[Keys, Keys]:
    """Find the keys of records and of nominals, making those that are new."""
    wanted = sorted(set(uids)), sorted(set(refs))
    if not any(wanted):
        return Keys({}), Keys({})
    raw = await driver(connection)
    found: tuple[dict[UUID, int], dict[UUID, int]] = {}, {}
    here: tuple[set[UUID], set[UUID]] = set(), set()
    for kind, made, uid, key in await raw.fetch(_KEYS, *wanted):
        found[kind][uid] = key
        if not made:
            here[kind].add(uid)
    for kind, find in enumerate((_RECORDS, _NOMINALS)):  # What another made meanwhile is there after the wait for it.
        if missing := [uid for uid in wanted[kind] if uid not in found[kind]]:
            found[kind].update({row[0]: row[1] for row in await raw.fetch(find, missing)})
    of_records, of_nominals = (Keys(found[kind], frozenset(wanted[kind]) - here[kind]) for kind in (0, 1))
    return of_records, of_nominals


async def record_keys(connection: Connection, uids: Iterable[UUID]) -> Keys:
    """Find the keys of records, making those that are new."""
    return (await keys(connection, uids, ()))[0]


async def nominal_keys(connection: Connection, refs: Iterable[UUID]) -> Keys:
    """Find the keys of nominals, making those that are new."""
    return (await keys(connection, (), refs))[1]


async def note_early(connection: Connection, records: Iterable[int], nominals: Iterable[int], now: datetime) -> None:
    """Note records and nominals that facts named before they came."""
    await (await driver(connection)).execute(_EARLY, sorted(records), sorted(nominals), now)


async def others_of(connection: Connection, merges: Sequence[UUID]) -> set[int]:
    """Find the second nominals of merges."""
    return {row[0] for row in await (await driver(connection)).fetch(_OTHERS, merges)}


async def insert_facts(
    connection: Connection, facts: Sequence[NewFact], now: datetime, pairs: Iterable[tuple[int, int]] = ()
) -> set[UUID]:
    """Keep facts and seal those that are new in one log row; gives the new ones' ids.

    `pairs` are the records and nominals that they link; what a link gives is settled later.
    """
    if not facts:
        return set()
    ordered = sorted({fact.event_uid: fact for fact in facts}.values(), key=lambda fact: fact.event_uid)
    rows = [(*fact, salt) for fact, salt in zip(ordered, salts(len(ordered)), strict=True)]
    values = (*columns(rows, 12), *values_of(FACTS_KEPT, now))
    raw, links = await driver(connection), sorted(set(pairs))
    if not links:
        return {row[0] for row in await raw.fetch(_FACTS_ALONE, *values)}
    return {row[0] for row in await raw.fetch(_FACTS_AND_LINKS, *values, *columns(links, 2))}


async def put_sealed(
    connection: Connection, kind: str, rows: Sequence[tuple[bytes, bytes]], log_id: int, now: datetime
) -> None:
    """Write the one log row whose payload is the salted digests of the rows that name it."""
    if rows:
        payload = b"".join(sha256(salt + content).digest() for salt, content in rows)
        entry = Entry(None, kind, kind, named(f"retention\n{kind}"), len(rows), payload)
        await put(connection, [entry], now, [log_id])


async def facts_of_records(connection: Connection, keys: Iterable[int]) -> dict[int, list[Fact]]:
    """Load all facts of records; each record has a list, if only an empty one."""
    return await _facts(connection, _OF_RECORDS, keys)


async def facts_of_persons(connection: Connection, keys: Iterable[int]) -> dict[int, list[Fact]]:
    """Load all facts of nominals themselves, never those of their records."""
    return await _facts(connection, _OF_PERSONS, keys)


async def facts_of(
    connection: Connection, records: Collection[int], nominals: Collection[int]
) -> tuple[dict[int, list[Fact]], dict[int, list[Fact]]]:
    """Load all facts of records, and those of nominals themselves."""
    of_records: dict[int, list[Fact]] = {key: [] for key in records}
    of_nominals: dict[int, list[Fact]] = {key: [] for key in nominals}
    for row in await (await driver(connection)).fetch(_OF_BOTH, list(of_records), list(of_nominals)):
        (of_nominals if row[0] else of_records)[row[1]].append(fact_of(row[1:]))
    return of_records, of_nominals


async def _facts(connection: Connection, statement: str, keys: Iterable[int]) -> dict[int, list[Fact]]:
    found: dict[int, list[Fact]] = {key: [] for key in keys}
    if found:
        raw = await driver(connection)
        for row in await raw.fetch(statement, list(found)):
            found[row[0]].append(fact_of(row))
    return found


def fact_of(row: Any) -> Fact:
    """Read a fact: whose it is, and then its columns."""
    subject, event_uid, kind, canonical, sequence, on_date, withdraws, received_on, known_at = row
    return Fact(event_uid, kind, subject, canonical, sequence, on_date, withdraws, received_on, known_at)
