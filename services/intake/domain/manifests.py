"""Manifests: what a source says that it sent in a period, held against what came. Pure: no clock, no I/O."""

import re
from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from hashlib import sha256
from typing import NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from services.intake.domain.refused import Refused
from services.intake.domain.shapes import Manifest
from shared.calendar_rules import Unwritten, instant_of
from shared.events import Reason
from shared.ids import named

MANIFEST = "tenure.manifest.published.v1"
PERIOD_DAYS_MAX = 366
EVENTS_MAX = 5_000_000
TOLD_IDS_MAX = 1_000
GRACE = timedelta(seconds=10)  # What was sent just before its manifest may still be on its way in.

OPEN, MATCHED, DIFFERS = "open", "matched", "differs"
_LENGTH_OF_A_DAY = len("2026-03-01")
_BEGINS_WITH_A_DAY = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")


class Period(NamedTuple):
    """From an instant, up to another that no longer belongs to it."""

    begins: datetime
    ends: datetime


class Came(NamedTuple):
    """What came of a period: how many events, their digest; by id what is missing and too many, if ids were told."""

    arrived: int
    digest: str
    missing: tuple[str, ...] = ()
    missing_count: int = 0
    extra: tuple[str, ...] = ()
    extra_count: int = 0


class Comparison(NamedTuple):
    """How a manifest compares with what came; without ids the counts say at least how many."""

    state: str
    arrived: int
    missing_count: int
    extra_count: int
    missing: tuple[str, ...]
    extra: tuple[str, ...]


def counted_at(said: str | None, now: datetime) -> datetime:
    """Give the instant by which an event is counted in a period: its own, else when it came."""
    if said is None:
        return now
    try:
        found = instant_of(said)
    except (ValueError, OverflowError):
        return now
    # At either end of the calendar an offset leads out of it.
    return found if 1 < found.year < date.max.year else now


def manifest_id(source: str, period: Period) -> UUID:
    """Identify what a source's manifests of one period are about; a later one replaces an earlier."""
    begins, ends = (each.astimezone(UTC).isoformat() for each in period)
    return named(f"manifest\n{source}\n{begins}\n{ends}")


def digest_of(ids: Collection[str]) -> str:
    """Give SHA-256 over the sorted ids, joined by line feeds."""
    return sha256("\n".join(sorted(ids)).encode()).hexdigest()


def period_of(said: Manifest, zone: ZoneInfo) -> Period:
    """Read a period: civil days of the pack's zone, the last one included; or instants, the last one excluded."""
    if len(said.from_) == _LENGTH_OF_A_DAY and len(said.to) == _LENGTH_OF_A_DAY:
        found = _days(said.from_, said.to, zone)
    else:
        found = Period(_instant(said.from_, "/data/from"), _instant(said.to, "/data/to"))
    if found.ends <= found.begins:
        raise Refused("period_empty", "/data/to", "The period ends before it begins; exchange from and to.")
    if found.ends - found.begins > timedelta(days=PERIOD_DAYS_MAX):
        sentence = f"A period has at most {PERIOD_DAYS_MAX} days; send a manifest for each part of it."
        raise Refused("period_too_long", "/data/to", sentence)
    return found


def _days(first: str, last: str, zone: ZoneInfo) -> Period:
    midnight = time(tzinfo=zone)
    begins = datetime.combine(_day(first, "/data/from"), midnight)
    return Period(begins, datetime.combine(_day(last, "/data/to") + timedelta(days=1), midnight))


def _day(text: str, pointer: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise Refused("impossible_date", pointer, "There is no such day; correct it.") from None
    return _within(day, pointer)


def _instant(text: str, pointer: str) -> datetime:
    try:
        instant = instant_of(text)
    except Unwritten:
        if _BEGINS_WITH_A_DAY.match(text):
            sentence = "An instant of a period needs its time and offset; or send two days (YYYY-MM-DD)."
            raise Refused("partial_instant", pointer, sentence) from None
        sentence = "Send two days (YYYY-MM-DD), or two instants with their offsets."
        raise Refused("period_unreadable", pointer, sentence) from None
    except (ValueError, OverflowError):
        raise Refused("impossible_instant", pointer, "There is no such instant; correct it.") from None
    _within(instant.date(), pointer)
    return instant


def _within(day: date, pointer: str) -> date:
    if not date.min.year < day.year < date.max.year:
        raise Refused("impossible_date", pointer, "The day lies at the end of the calendar; correct it.")
    return day


def manifest_reasons(sent_time: str | None, said: Manifest) -> Iterator[Reason]:
    """Tell what is wrong with a manifest of a sound shape: it must agree with itself, and say when it was made."""
    if sent_time is None:
        sentence = "A manifest needs a time: of two for one period the later counts."
        yield Reason("no_time", "/time", sentence)
    if said.count > EVENTS_MAX:
        sentence = f"A manifest speaks of at most {EVENTS_MAX:,} events; send one for each part of the period."
        yield Reason("too_many_events", "/data/count", sentence)
    if said.ids is None:
        return
    if len(set(said.ids)) != len(said.ids):
        yield Reason("ids_repeated", "/data/ids", "An id stands there twice; an event has one id.")
    elif len(said.ids) != said.count:
        yield Reason("count_mismatch", "/data/count", "The count is not the number of ids; correct either.")
    elif digest_of(said.ids) != said.digest:
        sentence = "The digest is not SHA-256 over the sorted ids, joined by line feeds; compute it anew."
        yield Reason("digest_mismatch", "/data/digest", sentence)


def compare(expected: int, digest: str, named: bool, came: Came) -> Comparison:
    """Hold a manifest against what came."""
    if named:
        matched = not came.missing_count and not came.extra_count
        missing, extra = came.missing_count, came.extra_count
    else:
        matched = came.arrived == expected and came.digest == digest
        missing, extra = max(expected - came.arrived, 0), max(came.arrived - expected, 0)
    state = MATCHED if matched else DIFFERS
    return Comparison(state, came.arrived, missing, extra, came.missing[:TOLD_IDS_MAX], came.extra[:TOLD_IDS_MAX])


def is_early(state: str, period: Period, received_at: datetime, now: datetime) -> bool:
    """Say whether a difference may still go away by itself: the period goes on, or its events are on their way."""
    return state == DIFFERS and (now < period.ends or now < received_at + GRACE)


def missing_of(ids: Sequence[str], there: Collection[str]) -> list[str]:
    """Give those ids that are not there, in order."""
    return sorted(set(ids) - set(there))
