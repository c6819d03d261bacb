"""Take intake's measures by the clock, and tell those that changed: codes, numbers and dates, nothing of any record."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any, Literal, NamedTuple

import msgspec

from services.intake.actions.accounts import Asked, lines, signs
from services.intake.actions.cases import Desk
from services.intake.domain.manifests import DIFFERS, OPEN
from services.intake.storage import manifests, taken, timeliness
from shared.db import Connection
from shared.events import MEASURES, MeasureTaken, encode
from shared.ids import named
from shared.log import Entry, put

LINES_MAX = 1_000
DAYS_LOOKED_AT = timedelta(days=1)  # Accounts of days before change no more, but for a replay.
LAG_DAYS = timedelta(days=7)
SERVICE = "intake"
_said = msgspec.json.Decoder(MeasureTaken).decode

ACCOUNTS, OVERDUE, QUARANTINE = "accounts.open", "sources.overdue", "quarantine.open"
MANIFESTS_DIFFER, MANIFESTS_OPEN = "manifests.differ", "manifests.open"
UNRECONCILED = (ACCOUNTS, OVERDUE, MANIFESTS_DIFFER, MANIFESTS_OPEN)


class Measure(NamedTuple):
    """One measure as it stands; `since` is how far back what it counts reaches."""

    name: str
    value: float | None
    unit: Literal["rows", "sources", "manifests", "records", "seconds"]
    source: str | None = None
    since: datetime | None = None

    @property
    def key(self) -> str:
        """Give what it is named by on its topic."""
        return self.name if self.source is None else f"{self.name}/{self.source}"


async def look(connection: Connection, desk: Desk, now: datetime, today: date) -> list[Measure]:
    """Take every measure."""
    await manifests.read_sets(connection)
    recent = await lines(connection, Asked(today - DAYS_LOOKED_AT), (date.min, ""), LINES_MAX)
    accounts = [account for line in recent for account in (line.events, line.records) if account]
    overdue = [sign for sign in await signs(connection, desk.pack, now) if sign.overdue]
    states = await manifests.states(connection)
    waiting, since = await taken.waiting(connection)
    return [
        Measure(ACCOUNTS, sum(not account.closes for account in accounts), "rows"),
        Measure(OVERDUE, len(overdue), "sources"),
        Measure(MANIFESTS_DIFFER, states.get(DIFFERS, 0), "manifests"),
        Measure(MANIFESTS_OPEN, states.get(OPEN, 0), "manifests"),
        Measure(QUARANTINE, waiting, "rows", since=since),
        *await _lags(connection, desk, today),
    ]


async def _lags(connection: Connection, desk: Desk, today: date) -> list[Measure]:
    asked, found = timeliness.Asked(today - LAG_DAYS), []
    for row in await timeliness.summary(connection, asked, 1, ("", "", "", ""), LINES_MAX):
        if row["source"] in desk.pack.sources:
            lengths = {"p50": row["p50"], "p95": row["p95"], "max": row["longest"]}
            name = f"lag.{row['lag']}"
            found += [Measure(f"{name}.{what}", n, "seconds", row["source"]) for what, n in lengths.items()]
            found.append(Measure(f"{name}.late", row["late"], "records", row["source"]))
    return found


async def tell(connection: Connection, found: Sequence[Measure], now: datetime) -> int:
    """Publish the measures that are not as they were last told; gives how many."""
    last = await taken.last(connection)
    rows: list[tuple[Any, ...]] = []
    entries = []
    for each in found:
        before = last.get(each.key)
        if before is not None and _same(_said(before["payload"]), each):
            continue
        version = before["version"] + 1 if before is not None else 1
        value = None if each.value is None else float(each.value)
        told = MeasureTaken(each.name, SERVICE, each.source, value, each.unit, each.since, now, version)
        payload, subject = encode(told), named(f"measure\n{SERVICE}\n{each.key}")
        entries.append(Entry(MEASURES, each.key, told.type, subject, version, payload))
        rows.append((each.key, version, payload))
    if entries:
        await taken.store(connection, rows)
        await put(connection, entries, now)
    return len(entries)


def _same(said: MeasureTaken, found: Measure) -> bool:
    return (said.value, said.since) == (found.value, found.since)
