"""How quarantine is worked: how soon an item is looked at again, and why and after how long one may be discarded."""

from dataclasses import dataclass

from shared.calendar_rules import Period
from shared.policy.keys import Key, Keys, cadence, ident, line, whole


@dataclass(frozen=True, slots=True)
class Quarantine:
    """The pace of the quarantine."""

    review: Period
    """From its arrival to the day by which somebody must have looked at an item."""
    cooling_off_days: int
    """From the second person's word for a discard to its execution: the undo window."""


@dataclass(frozen=True, slots=True)
class DiscardReason:
    """Why an event may be discarded."""

    id: str
    title: str


QUARANTINE: Keys = {"review": Key(cadence, needed=True), "cooling_off_days": Key(whole, needed=True)}
DISCARD_REASON: Keys = {"id": Key(ident, needed=True), "title": Key(line, needed=True)}
