"""Keep what sources say they sent, hold it against what came, and tell them: again whenever that changes."""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import asyncpg
import msgspec

from services.intake.actions.cases import Arrival, Case, Desk
from services.intake.domain import deciding
from services.intake.domain.checking import Sound
from services.intake.domain.deciding import Verdict
from services.intake.domain.manifests import (
    DIFFERS,
    MANIFEST,
    OPEN,
    TOLD_IDS_MAX,
    Came,
    Comparison,
    Period,
    compare,
    counted_at,
    is_early,
    manifest_id,
    missing_of,
    period_of,
)
from services.intake.domain.reading import Sent, Unsound
from services.intake.domain.shapes import Manifest
from services.intake.storage import manifests as storage
from shared.db import Connection
from shared.events import RECEIPTS, ManifestReconciled, Reason, encode
from shared.ids import event_uid
from shared.log import Entry, put

COMPARED_MAX = 20
COMPARED_EVERY = timedelta(seconds=5)  # One whose period still fills is not compared at each turn.
_ELSEWHERE = Reason("not_a_manifest", "/type", "This topic is for manifests; send the event to records.events.v1.")


def only_manifests(arrival: Arrival) -> Arrival:
    """Refuse what is no manifest: how far events have come is asked of their own topics."""
    read = arrival.read
    if not isinstance(read, Sent) or read.type == MANIFEST:
        return arrival
    who = (read.id, read.source, read.type, read.subject, read.sequence)
    unsound = Unsound(*who, _ELSEWHERE, read.uid, read.data)
    return msgspec.structs.replace(arrival, read=unsound)


async def keep(connection: Connection, desk: Desk, judged: Iterable[tuple[Case, Verdict, int]], now: datetime) -> None:
    """Keep the manifests among (case, verdict, source key) that were accepted."""
    kept = [
        _kept(desk, case.found, source_key, now)
        for case, verdict, source_key in judged
        if isinstance(case.found, Sound) and case.found.kind == "manifest" and verdict.outcome == deciding.ACCEPTED
    ]
    if kept:
        await storage.keep(connection, kept)


def _kept(desk: Desk, sound: Sound, source_key: int, now: datetime) -> storage.Kept:
    said = msgspec.convert(sound.sent.data, Manifest)
    period = period_of(said, desk.pack.zone)
    sent_at = counted_at(sound.sent.time, now)
    return storage.Kept(
        *(source_key, period.begins, period.ends, said.from_, said.to, sound.event_uid, sent_at, now),
        *(said.count, said.digest, said.ids),
    )


async def make_stale(connection: Connection, days: Sequence[tuple[int, int]]) -> None:
    """Have those manifests compared again that events of (source, ordinal of their day) may touch."""
    begun = [(source, datetime.combine(date.fromordinal(day), time(), UTC)) for source, day in days]
    await storage.make_stale(connection, begun)


async def reconcile(connection: Connection, desk: Desk, now: datetime) -> int:
    """Compare manifests that wait for it, and tell what changed; gives how many were compared."""
    await storage.read_sets(connection)
    rows = await storage.waiting(connection, now, now - COMPARED_EVERY, COMPARED_MAX)
    entries = []
    for row in rows:
        found = await _compared(connection, row)
        period = Period(row["begins"], row["ends"])
        if is_early(found.state, period, row["received_at"], now) and row["state"] == OPEN:
            await storage.compared(connection, row["manifest_key"], found._replace(state=OPEN), now, False)
            continue
        announced = _differs(row, found)
        await storage.compared(connection, row["manifest_key"], found, now, announced)
        if announced:
            entries.append(_told(desk, row, found, now))
    await put(connection, entries, now)
    return len(rows)


async def _compared(connection: Connection, row: asyncpg.Record) -> Comparison:
    period, ids = Period(row["begins"], row["ends"]), row["ids"]
    if ids is None:
        came = await _unnamed(connection, row, period)
    else:
        came = await _named(connection, row, period)
    return compare(row["expected"], row["digest"], ids is not None, came)


async def _unnamed(connection: Connection, row: asyncpg.Record, period: Period) -> Came:
    arrived = await storage.count(connection, row["source_key"], period)
    if arrived != row["expected"]:
        return Came(arrived, "")  # Whatever their digest.
    return Came(arrived, await storage.digest(connection, row["source_key"], period))


async def _named(connection: Connection, row: asyncpg.Record, period: Period) -> Came:
    ids = {event_uid(row["source"], each): each for each in row["ids"]}
    there = await storage.there(connection, list(ids))
    missing = missing_of(row["ids"], [ids[uid] for uid in there])
    extra_count, extra = await storage.beyond(connection, row["source_key"], period, list(ids))
    arrived = len(there) + extra_count
    return Came(arrived, row["digest"], tuple(missing[:TOLD_IDS_MAX]), len(missing), extra, extra_count)


def _differs(row: asyncpg.Record, found: Comparison) -> bool:
    """Say whether anything is to be told that was not told before."""
    before: tuple[Any, ...] = tuple(row[name] for name in Comparison._fields)
    return row["state"] == OPEN or before != (*found[:4], list(found.missing), list(found.extra))


def _told(desk: Desk, row: asyncpg.Record, found: Comparison, now: datetime) -> Entry:
    subject = manifest_id(row["source"], Period(row["begins"], row["ends"]))
    source = desk.pack.sources.get(row["source"])
    told = ManifestReconciled(
        manifest=row["event_uid"],
        source=row["source"],
        source_system=source.source_system if source else None,
        from_=row["said_from"],
        to=row["said_to"],
        state="differs" if found.state == DIFFERS else "matched",
        named=row["ids"] is not None,
        expected=row["expected"],
        arrived=found.arrived,
        missing_count=found.missing_count,
        missing=found.missing,
        extra_count=found.extra_count,
        extra=found.extra,
        at=now,
        version=row["version"] + 1,
    )
    return Entry(RECEIPTS, row["source"], told.type, subject, told.version, encode(told))
