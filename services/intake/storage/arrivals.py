"""Arrivals with their receipts, records with their states, quarantine, accounts."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from operator import attrgetter
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from asyncpg import Record, UniqueViolationError

from services.intake.domain.checking import History, Sound
from services.intake.domain.deciding import Captured, Subject
from shared.db import Connection, columns, driver
from shared.errors import Raced


class ArrivalRow(NamedTuple):
    """One row of `arrival`."""

    receipt_id: UUID
    event_uid: UUID
    first: bool
    source_key: int
    channel: int
    place: str
    event_id: str | None
    type: str | None
    subject: UUID | None
    outcome: str
    reasons: str | None
    body_mac: bytes
    record_key: int | None
    counted_at: datetime


_pack = msgspec.msgpack.Encoder(order="sorted").encode
_unpack = msgspec.msgpack.Decoder(dict[str, bytes]).decode
_number = attrgetter("int")  # The database sorts ids as their numbers; ids compare slowly.
_ARRIVAL = ["arrival_key", *ArrivalRow._fields, "received_at", "received_on"]
_SUBJECTS = """
SELECT record_uid, kind, record_key, source_key, sequence, version, state_mac, executed_by, settled,
    coalesce(shown_sequence, sequence) AS shown, things FROM record
WHERE record_uid = ANY($1::uuid[]) ORDER BY record_uid, source_key FOR NO KEY UPDATE"""
_NEW_KEYS = "SELECT array(SELECT nextval('record_record_key_seq') FROM generate_series(1, $1::int))"
_RECORD = ["record_key", "record_uid", "kind", "source_key", "sequence", "version", "state_mac"]
_RECORD += ["settled", "shown_sequence", "things", "metadata", "accepted_on"]
_DRAW = "SELECT array(SELECT nextval('arrival_key') FROM generate_series(1, $1::int))"
_CAPTURED = """
SELECT r.record_uid, s.source, r.executed_by IS NOT NULL FROM record r JOIN source s USING (source_key)
WHERE r.record_uid = ANY($1::uuid[]) AND r.kind = 'record'"""
_STATES = """
SELECT s.record_key, s.sequence, s.state_mac FROM unnest($1::bigint[], $2::bigint[]) u(k, n)
JOIN record_state s ON s.record_key = u.k AND s.sequence = u.n"""
_MOVE = """
UPDATE record r SET sequence = u.sequence, version = u.version, state_mac = u.mac,
    settled = u.settled, shown_sequence = u.shown, things = u.things, metadata = coalesce(u.metadata, r.metadata),
    accepted_on = coalesce(r.accepted_on, $9)
FROM unnest($1::bigint[], $2::bigint[], $3::integer[], $4::bytea[], $5::bytea[], $6::bigint[], $7::boolean[],
    $8::bytea[]) u(key, sequence, version, mac, settled, shown, things, metadata)
WHERE r.record_key = u.key"""
COUNT = """
INSERT INTO account (source_key, received_on, slot, outcome, n)
SELECT u.source_key, $3, $4, u.outcome, u.n
FROM unnest($1::integer[], $2::text[], $5::bigint[]) u(source_key, outcome, n)
ON CONFLICT (source_key, received_on, slot, outcome) DO UPDATE SET n = account.n + excluded.n"""


async def source_keys(connection: Connection, sources: Collection[str]) -> dict[str, int]:
    """Give the key of each source, made where new."""
    raw = await driver(connection)
    ask = "SELECT source, source_key FROM source WHERE source = ANY($1::text[])"
    known: dict[str, int] = {row[0]: row[1] for row in await raw.fetch(ask, list(sources))}
    if new := sorted(set(sources) - set(known)):
        await raw.execute("INSERT INTO source (source) SELECT unnest($1::text[]) ON CONFLICT DO NOTHING", new)
        known |= {row[0]: row[1] for row in await raw.fetch(ask, new)}
    return known


async def first_arrivals(connection: Connection, events: Sequence[UUID]) -> dict[UUID, tuple[bytes, str]]:
    """Give (body MAC, outcome) of the events that came before."""
    raw = await driver(connection)
    rows = await raw.fetch(
        "SELECT event_uid, body_mac, outcome FROM arrival WHERE event_uid = ANY($1::uuid[]) AND first", events
    )
    return {row["event_uid"]: (row["body_mac"], row["outcome"]) for row in rows}


class Wanted(msgspec.Struct, frozen=True):
    """Whose states are asked for."""

    uid: UUID
    kind: str
    source_key: int


async def lock_subjects(connection: Connection, wanted: Mapping[History, Wanted]) -> dict[History, Subject]:
    """Give each subject, locked in one order so that no two batches wait in a circle; a new one has a key alone."""
    raw, uids = await driver(connection), sorted({each.uid for each in wanted.values()}, key=_number)
    rows = {_history(row): row for row in await raw.fetch(_SUBJECTS, uids)}
    nominals = {each.uid for each in wanted.values() if each.kind == "nominal"}
    nominals.update(row["record_uid"] for row in rows.values() if row["kind"] == "nominal")
    found, new = {}, []
    for history, each in wanted.items():
        is_nominal = each.kind == "record" and each.uid in nominals
        if row := rows.get(_of(each.uid, each.kind, each.source_key)):
            found[history] = _subject(row, is_nominal)
        else:
            found[history] = Subject(0, each.source_key, 0, 0, None, False, {}, is_nominal=is_nominal, is_new=True)
            new.append(found[history])
    if new:
        for subject, key in zip(new, await raw.fetchval(_NEW_KEYS, len(new)), strict=True):
            subject.key = key
    return found


def _of(uid: UUID, kind: str, source_key: int) -> tuple[UUID, int]:
    """Give what no two histories share: a record's is its one source's, a nominal's each source's own."""
    return uid, source_key if kind == "nominal" else 0


def _history(row: Record) -> tuple[UUID, int]:
    return _of(row["record_uid"], row["kind"], row["source_key"])


def _subject(row: Record, is_nominal: bool) -> Subject:
    settled = _unpack(row["settled"]) if row["settled"] else None
    return Subject(
        *(row["record_key"], row["source_key"], row["sequence"], row["version"], row["state_mac"]),
        executed=row["executed_by"] is not None,
        states={},
        settled=settled,
        shown=row["shown"],
        things=row["things"],
        is_nominal=is_nominal,
    )


async def load_states(connection: Connection, asked: Sequence[tuple[Subject, int]]) -> None:
    """Fill in the stored states of the sequences asked for."""
    raw = await driver(connection)
    by_key = {subject.key: subject for subject, _ in asked}
    pairs = [(subject.key, sequence) for subject, sequence in asked]
    for row in await raw.fetch(_STATES, *columns(pairs, 2)):
        by_key[row["record_key"]].states[row["sequence"]] = row["state_mac"]


async def captured_of(connection: Connection, uids: Sequence[UUID]) -> dict[UUID, Captured]:
    """Give who captured those of the records that are known, and whether they are disposed of."""
    raw = await driver(connection)
    return {row[0]: Captured(row[1], row[2]) for row in await raw.fetch(_CAPTURED, uids)}


async def draw_arrival_keys(connection: Connection, count: int) -> list[int]:
    """Give new arrival keys."""
    raw = await driver(connection)
    keys: list[int] = await raw.fetchval(_DRAW, count)
    return keys


async def store_arrivals(
    connection: Connection, keys: Sequence[int], rows: Sequence[ArrivalRow], now: datetime, today: date
) -> None:
    """Store arrivals; raise `Raced` when an event came through another door meanwhile."""
    raw = await driver(connection)
    ordered = sorted(zip(keys, rows, strict=True), key=lambda pair: pair[1].event_uid.int)
    flat = [(key, *row, now, today) for key, row in ordered]
    try:
        await raw.copy_records_to_table("arrival", records=flat, columns=_ARRIVAL)
    except UniqueViolationError:
        raise Raced("An event of this batch came through another door in the same moment.") from None


async def store_states(connection: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
    """Store (record_key, sequence, version, state_mac, arrival_key, body_id) rows."""
    raw = await driver(connection)
    names = ["record_key", "sequence", "version", "state_mac", "arrival_key", "body_id"]
    await raw.copy_records_to_table("record_state", records=rows, columns=names)


async def store_subjects(
    connection: Connection, moved: Collection[tuple[Subject, Sound, bytes | None]], today: date
) -> None:
    """Store where subjects are now, and what others may see of them; `Raced` when a new one came by another door."""
    raw = await driver(connection)
    new = sorted((each for each in moved if each[0].is_new), key=lambda each: each[1].subject.int)
    rows = [(*(s.key, sound.subject, sound.kind), s.source_key, *_moved(s), shown, today) for s, sound, shown in new]
    try:
        if rows:
            await raw.copy_records_to_table("record", records=rows, columns=_RECORD)
    except UniqueViolationError:
        raise Raced("A record of this batch came through another door in the same moment.") from None
    known = [(s.key, *_moved(s), shown) for s, _, shown in moved if not s.is_new]
    if known:
        await raw.execute(_MOVE, *columns(known, 8), today)


def _moved(subject: Subject) -> tuple[int, int, bytes | None, bytes | None, int, bool]:
    settled = _pack(subject.settled) if subject.settled else None
    return subject.sequence, subject.version, subject.state_mac, settled, subject.shown, subject.things


async def count(connection: Connection, counted: Mapping[tuple[int, str], int], today: date, slot: int) -> None:
    """Add to the accounts of (source, outcome) on a day."""
    rows = [(source, outcome, n) for (source, outcome), n in sorted(counted.items()) if n]
    if rows:
        sources, outcomes, numbers = columns(list(rows), 3)
        raw = await driver(connection)
        await raw.execute(COUNT, sources, outcomes, today, slot, numbers)


async def settle_arrival(
    connection: Connection, arrival_key: int, event: UUID, outcome: str, record_key: int | None
) -> None:
    """Give an arrival its later outcome: one that waited, or one taken just before its record went."""
    raw = await driver(connection)
    await raw.execute(
        "UPDATE arrival SET outcome = $3, record_key = coalesce($4, record_key)"
        " WHERE event_uid = $2 AND arrival_key = $1",
        *(arrival_key, event, outcome, record_key),
    )


async def store_further(connection: Connection, *row: Any) -> None:
    """Store (receipt, names, event, outcome, reasons, at, what it was before)."""
    raw = await driver(connection)
    await raw.execute("INSERT INTO further_receipt VALUES ($1, $2, $3, $4, $5, $6, $7)", *row)
