"""Decisions about the rule of one record: an override of its date, a move to another class. Each is kept as a fact."""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple
from uuid import UUID

import msgspec

from services.retention.domain.facts import Fact, of_kind
from shared.calendar_rules import Period, add
from shared.policy import Pack, Row

OVERRIDE, MOVED = "override", "moved"


class Override(msgspec.Struct, frozen=True, omit_defaults=True):
    """A rule of one record's own: a row, a period from a day, or a last day; with none of them, none any more."""

    on: date
    authority: str
    row: str | None = None
    period: str | None = None
    from_on: date | None = None
    until: date | None = None
    legal_authority: str | None = None
    """By which a locked row may be shortened."""

    @property
    def last_day_named(self) -> bool:
        """Whether it names a last day, or a period that gives one."""
        return self.until is not None or (self.period is not None and self.from_on is not None)

    def last_day(self, pack: Pack) -> date | None:
        """Give the last day that it names, or that its period gives."""
        if self.period and self.from_on:
            return add(self.from_on, Period.parse(self.period), pack.leap)
        return self.until


class Move(msgspec.Struct, frozen=True):
    """A record put into another class by a person, from the one that the pack gave it."""

    on: date
    authority: str
    to: str
    was: str | None = None


class _Override(msgspec.Struct, frozen=True):
    data: Override


class _Move(msgspec.Struct, frozen=True):
    data: Move


class Placing(NamedTuple):
    """An override with the event that it is."""

    event_uid: UUID
    override: Override


_read_override = msgspec.json.Decoder(_Override).decode
_read_move = msgspec.json.Decoder(_Move).decode


def override_of(live: Sequence[Fact]) -> Placing | None:
    """Find the override in force: the last decided; one that names nothing ends those before it."""
    last = max(of_kind(live, OVERRIDE), key=_order, default=None)
    if last is None:
        return None
    made = _read_override(last.canonical).data
    return Placing(last.event_uid, made) if made.row or made.last_day_named else None


def overriding_row(live: Sequence[Fact], pack: Pack) -> Row | None:
    """Find the row that the override in force names."""
    made = override_of(live)
    return pack.rows.get(made.override.row or "") if made else None


def moves_of(live: Sequence[Fact], was: str | None, pack: Pack) -> list[Move]:
    """List, in their order, the moves that stand: facts that have since changed the record's class undo them."""
    made = [_read_move(fact.canonical).data for fact in sorted(of_kind(live, MOVED), key=_order)]
    return [move for move in made if move.was == was and move.to in pack.classes]


def _order(fact: Fact) -> tuple[int, UUID]:
    """Order decisions about one record: they are numbered as they are made."""
    return fact.sequence, fact.event_uid


def read(kind: str, told: bytes) -> Override | Move:
    """Read such a decision as it is kept."""
    return _read_override(told).data if kind == OVERRIDE else _read_move(told).data


def canonical(decided: Override | Move) -> bytes:
    """Give the bytes that such a decision is kept as."""
    return msgspec.json.encode({"data": decided}, order="deterministic")
