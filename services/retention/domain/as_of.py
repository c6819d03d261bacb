"""What stood on a day, as known at an instant: which facts count then, and where a record stood in its life.

A correction is knowledge, not an event: what is withdrawn, unmerged or told apart was never so, once that is known, and
what a steward said to be somebody's always was. So is the withdrawal of a whole record: while it stands by what is
known the record counts on no day, and once a later state has overtaken it, on every day as if nobody had withdrawn it.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

import msgspec

from services.retention.domain.facts import Fact, alive, happened_on, newest, of_kind, record_state
from services.retention.domain.traits import Scope
from shared.calendar_rules import civil_day, day_of
from shared.policy import Pack

CORRECTIONS = frozenset({"withdrawal", "unmerged", "distinguished", "assigned"})
DATED = frozenset({"contact", "trigger", "decision", "activity", "moved", "override", "regrouped"})


class When(NamedTuple):
    """A day to look at, and an instant to know by; None: today, and all that is known."""

    on: date | None = None
    known_at: datetime | None = None

    def earlier(self, on: date, known_at: datetime) -> "When":
        """Look no later than a day and an instant."""
        return When(min(self.on or on, on), min(self.known_at or known_at, known_at))


class _Timed(msgspec.Struct, frozen=True):
    time: str | None = None


_read_time = msgspec.json.Decoder(_Timed).decode


def then_counting(facts: Sequence[Fact], when: When, pack: Pack) -> list[Fact]:
    """Leave out what was not known by the instant, and what had not happened by the day."""
    known = [fact for fact in facts if _known(fact, when)]
    if when.on is None:
        return known
    top = newest(of_kind(alive(known), "record_state"))
    overtaken = top is not None and _happened(top, when.on, pack)
    return [
        fact
        for fact in known
        if (fact is top and _whole_withdrawn(fact))
        or (_happened(fact, when.on, pack) and (overtaken or not _whole_withdrawn(fact)))
    ]


def _whole_withdrawn(fact: Fact) -> bool:
    return fact.kind == "record_state" and record_state(fact) is None


def _known(fact: Fact, when: When) -> bool:
    return when.known_at is None or (fact.known_at is not None and fact.known_at <= when.known_at)


def _happened(fact: Fact, on: date, pack: Pack) -> bool:
    own = None if fact.kind in CORRECTIONS else own_day(fact, pack)
    return own is None or own <= on


def own_day(fact: Fact, pack: Pack) -> date | None:
    """Find the day a fact belongs to: that on which it happened, else its event's, else that of its receipt."""
    if fact.kind in DATED and (on := happened_on(fact, pack)):
        return on
    time = _read_time(fact.canonical).time
    return day_of(time, pack.zone) if time else fact.received_on


class Instant(NamedTuple):
    """When something was done here: really, and how many days rehearsal was ahead."""

    at: datetime
    offset_days: int

    def day(self, pack: Pack) -> date:
        """Give the day it was, as policy saw it."""
        return civil_day(self.at, pack.zone) + timedelta(days=self.offset_days)

    def by(self, when: When, pack: Pack) -> bool:
        """Say whether it was done by that day, as far as was known by that instant."""
        return (when.known_at is None or self.at <= when.known_at) and (when.on is None or self.day(pack) <= when.on)


class Move(NamedTuple):
    """One move of a record in its life: where it came to stand, why, and when."""

    lifecycle: str
    reason: str | None
    done: Instant


def stood(moves: Sequence[Move], when: When, pack: Pack) -> tuple[str, str | None]:
    """Say where a record stood in its life, and why; it begins as current."""
    last = next((move for move in reversed(moves) if move.done.by(when, pack)), None)
    return (last.lifecycle, last.reason) if last else ("current", None)


class Done(NamedTuple):
    """When something was done here: the instant, and the day it was."""

    at: datetime
    on: date

    def by(self, when: When) -> bool:
        """Say whether it was done by that day, as far as was known by that instant."""
        return (when.known_at is None or self.at <= when.known_at) and (when.on is None or self.on <= when.on)


class Issued(NamedTuple):
    """A policy pack that is stored here: from which day it is in force, and since when it is here."""

    hash: str
    effective_on: date
    stored_at: datetime


def in_force(packs: Iterable[Issued], when: When, today: date) -> Issued | None:
    """Find the pack in force on the day, of those that were here by the instant; None: there was none."""
    on = when.on or today
    fits = [
        each for each in packs if each.effective_on <= on and (when.known_at is None or each.stored_at <= when.known_at)
    ]
    return max(fits, key=lambda each: (each.effective_on, each.stored_at), default=None)


def no_pack(packs: Sequence[Issued], when: When, today: date) -> str:
    """Say why no pack was in force then, and what to ask for: a later instant while none was here, else a later day."""
    here = [each.effective_on for each in packs if when.known_at is None or each.stored_at <= when.known_at]
    if here or not packs:
        first = min(here, default=today)
        return f"No policy pack was here and in force then; the first is in force from {first}. Ask for a later day."
    in_time = [each for each in packs if each.effective_on <= (when.on or today)] or packs
    since = min(each.stored_at for each in in_time).astimezone(UTC).isoformat().replace("+00:00", "Z")
    return (
        f"Nothing was known here at that instant; the first policy pack came at {since}. Ask for that or a later one."
    )


class Held(NamedTuple):
    """A hold as it is kept: what it covers, when it was placed, and when it was released."""

    hold_id: UUID
    scope: Scope
    placed: Done
    released: Instant | None

    def stands(self, when: When, pack: Pack) -> bool:
        """Say whether it was in force on the day, as far as was known by the instant."""
        return self.placed.by(when) and not (self.released and self.released.by(when, pack))
