"""What raw facts tell of one record or one nominal: its states, and what befell it."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

Body = Mapping[str, Any]
OWN = {"record_state", "trigger", "withdrawal", "activity"}


class NotJudged(Exception):
    """What these plain rules do not date; the message says what it is about the record."""


class Raw(NamedTuple):
    """One row of the table of facts, its bytes decoded."""

    uid: UUID
    kind: str
    subject: int
    other: int | None
    sequence: int
    withdraws: UUID | None
    received_on: date
    told: Body


class State(NamedTuple):
    """One state of a record."""

    body: Body
    revised: bool
    time: str | None
    received_on: date


class Told(NamedTuple):
    """A record: the states that count, the one that shows, whether it is withdrawn, and what befell it."""

    states: list[State]
    shown: State
    withdrawn: bool
    received_on: date
    events: list[Body]


def standing(facts: Iterable[Raw]) -> list[Raw]:
    """Leave out what was withdrawn, and the withdrawals."""
    rows = list(facts)
    gone = {(each.withdraws, each.subject) for each in rows if each.kind == "withdrawal"}
    return [each for each in rows if each.kind != "withdrawal" and (each.uid, each.subject) not in gone]


def newest(facts: Iterable[Raw]) -> Raw | None:
    """Find the state with the highest sequence."""
    return max(facts, key=lambda each: (each.sequence, each.uid), default=None)


def data_of(fact: Raw, inner: str) -> Body:
    """Give what a fact says, whole or inside an envelope's `inner`."""
    data = fact.told.get("data") or {}
    found: Body = data.get(inner) or data
    return found


def record_of(facts: Sequence[Raw]) -> Told | None:
    """Read a record; None where no state of it ever came."""
    if any(each.kind not in OWN for each in facts):
        raise NotJudged("decided, moved or marked by a person")
    live = standing(facts)
    registered = [each for each in facts if each.kind == "record_state"]
    counting = [each for each in live if each.kind == "record_state"]
    top = newest(counting)
    withdrawn = top is None or _takes_back(top)
    ever = [each for each in registered if not _takes_back(each)]
    shown = newest(ever) if withdrawn else top
    if shown is None:
        return None
    states = ever if withdrawn else [each for each in counting if not _takes_back(each)]
    events = [data_of(each, "data") for each in live if each.kind == "trigger"]
    received = min(each.received_on for each in registered)
    return Told([_state(each) for each in states], _state(shown), withdrawn, received, events)


def _takes_back(fact: Raw) -> bool:
    data = fact.told.get("data") or {}
    return data.get("change") == "withdrawn" or str(fact.told.get("type")).startswith("tenure.record.withdrawn")


def _state(fact: Raw) -> State:
    change, type_ = (fact.told.get("data") or {}).get("change"), str(fact.told.get("type"))
    revised = change == "revised" or type_.startswith("tenure.record.revised")
    return State(data_of(fact, "state"), revised, fact.told.get("time"), fact.received_on)
