"""What arrivals add to their sources' accounts, and what is made of it by the clock."""

from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime
from typing import NamedTuple

from asyncpg import Record

from services.intake.actions import manifests
from services.intake.actions.cases import Case, Desk
from services.intake.domain.accounts import Account, Sign, of_events, of_records, sign_of
from services.intake.domain.checking import Sound
from services.intake.domain.deciding import Verdict
from services.intake.domain.manifests import MANIFEST
from services.intake.domain.timeliness import lags
from services.intake.storage import accounts, timeliness
from services.intake.storage.accounts import Captured, Tally
from services.intake.storage.arrivals import ArrivalRow
from shared.db import Connection
from shared.events import BACKLOAD
from shared.policy import Pack

Judged = tuple[Case, Verdict, ArrivalRow]


async def add(connection: Connection, desk: Desk, judged: Sequence[Judged], now: datetime, today: date) -> None:
    """Add a batch to the accounts of its sources, queue what it adds to periods and lags, keep its manifests."""
    await manifests.keep(connection, desk, ((case, verdict, row.source_key) for case, verdict, row in judged), now)
    counted = Counter((row.source_key, row.outcome) for _, _, row in judged)
    await accounts.count(connection, counted, (today, desk.slot), _tally_of(judged, now), now)


async def add_replayed(
    connection: Connection, desk: Desk, judged: tuple[Case, Verdict, int | None], row: Record, today: date
) -> None:
    """Add what a replay took of a quarantined arrival: the lags of its record, which came when the arrival did."""
    case, verdict, record_key = judged
    await manifests.keep(connection, desk, [(case, verdict, row["source_key"])], row["first_seen"])
    if verdict.version == 1 and isinstance(case.found, Sound) and case.found.kind == "record":
        captured = _captured(case, record_key, row["source_key"], row["first_seen"])
        await accounts.queue(connection, Tally(captured=[captured]), row["first_seen"], today)


def _tally_of(judged: Sequence[Judged], now: datetime) -> Tally:
    days = Counter(
        [
            (row.source_key, row.counted_at.toordinal())
            for _, _, row in judged
            if row.first and row.event_id is not None and row.type != MANIFEST
        ]
    )
    captured = [
        _captured(case, row.record_key, row.source_key, None if case.arrival.place.topic == BACKLOAD else now)
        for case, verdict, row in judged
        if verdict.version == 1 and isinstance(case.found, Sound) and case.found.kind == "record"
    ]
    return Tally([(*key, n) for key, n in days.items()], captured)


def _captured(case: Case, record_key: int | None, source_key: int, at: datetime | None) -> Captured:
    """Give what is kept of a record's first state; of one that only withdraws nothing is told."""
    state, found = case.state, case.found
    assert record_key is not None, "a record that was captured has its key"
    assert state is not None, "it was captured by a state"
    assert isinstance(found, Sound), "of a sound event alone there is a state"
    told = lags(state.reported_at, state.recorded_at, at)
    return (record_key, source_key, found.record_type or "", state.unit, *told)


async def roll_up(connection: Connection, desk: Desk) -> int:
    """Empty the queue of tallies, as far as one turn goes, into lags, sources and stale manifests; gives how many."""
    tallies = await accounts.take_tallies(connection)
    if not tallies:
        return 0
    seen = [
        (source, n, tally["received_at"])
        for tally in tallies
        for source, n in zip(tally["day_sources"], tally["day_events"], strict=True)
    ]
    days = {pair for tally in tallies for pair in zip(tally["day_sources"], tally["days"], strict=True)}
    await accounts.see_sources(connection, seen)
    await timeliness.store(connection, [tally for tally in tallies if tally["record_keys"]], desk.pack)
    await manifests.make_stale(connection, sorted(days))
    return len(tallies)


class Asked(NamedTuple):
    """Which accounts are asked for; None: whatever there is."""

    since: date | None = None
    until: date | None = None
    source: str | None = None


class Line(NamedTuple):
    """Both accounts of one source and day; None: nothing of the kind came that day."""

    source: str
    day: date
    events: Account | None
    records: Account | None


async def lines(connection: Connection, asked: Asked, after: tuple[date, str], limit: int) -> list[Line]:
    """Give both accounts by day and source, counted from the rows and held against the counters."""
    keys = await accounts.keys(connection, *asked, *after, limit)
    sources, days = [row["source_key"] for row in keys], [row["day"] for row in keys]
    outcomes: dict[tuple[int, date], list[tuple[str, int, int]]] = {}
    for row in await accounts.events(connection, sources, days):
        found = outcomes.setdefault((row["source_key"], row["day"]), [])
        found.append((row["outcome"], row["counted"], row["came"]))
    standing = {
        (row["source_key"], row["day"]): of_records(row["captured"], dict(row))
        for row in await accounts.records(connection, sources, days)
    }
    return [
        Line(row["source"], row["day"], of_events(outcomes[key]) if key in outcomes else None, standing.get(key))
        for row in keys
        for key in [(row["source_key"], row["day"])]
    ]


async def signs(connection: Connection, pack: Pack, now: datetime) -> list[Sign]:
    """Give when each source of the pack was last heard, and whether it is overdue."""
    since = await accounts.waits_since(connection) or now
    heard = await accounts.last_signs(connection, list(pack.sources))
    return [sign_of(source, heard.get(name, (None, None)), since, now) for name, source in pack.sources.items()]
