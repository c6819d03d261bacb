"""Publish what has fallen due and waits: how much, and since when, told when it changes."""

from datetime import UTC, date, datetime, time
from typing import Any

import msgspec

from services.retention.storage import backlog
from shared.db import Connection
from shared.events import MEASURES, MeasureTaken, encode
from shared.ids import named
from shared.log import Entry, put

SERVICE, RECORDS, REVIEWS = "retention", "due.backlog", "reviews.asked_for"
_said = msgspec.json.Decoder(MeasureTaken).decode


async def tell(connection: Connection, today: date, now: datetime) -> int:
    """Publish the measures of the backlog that are not as they were last told; gives how many."""
    last, found = await backlog.last(connection), await backlog.read(connection, today)
    rows: list[tuple[Any, ...]] = []
    entries = []
    for told in (
        MeasureTaken(RECORDS, SERVICE, None, found.records, "records", _midnight(found.oldest_on), now, 1),
        MeasureTaken(REVIEWS, SERVICE, None, found.wanted, "rows", found.wanted_since, now, 1),
    ):
        before = last.get(told.measure)
        if before and _same(_said(before["payload"]), told):
            continue
        said = msgspec.structs.replace(told, version=before["version"] + 1 if before else 1)
        subject, payload = named(f"measure\n{SERVICE}\n{said.measure}"), encode(said)
        entries.append(Entry(MEASURES, said.measure, said.type, subject, said.version, payload))
        rows.append((said.measure, said.version, payload))
    if rows:
        await backlog.store(connection, rows)
        await put(connection, entries, now)
    return len(rows)


def _same(said: MeasureTaken, told: MeasureTaken) -> bool:
    return (said.value, said.since) == (told.value, told.since)


def _midnight(day: date | None) -> datetime | None:
    return datetime.combine(day, time(), UTC) if day else None
