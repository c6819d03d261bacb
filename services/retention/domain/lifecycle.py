"""What may happen to a record, in which order, and what must be true before it goes. Pure: no clock, no database."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal, NamedTuple
from uuid import UUID

from shared.policy import Pack

State = Literal["current", "due", "in_review", "ordered", "executed", "shredded", "disposed"]
IN_HAND: tuple[State, ...] = ("due", "in_review", "ordered")
GONE = frozenset({"executed", "shredded", "disposed"})
SLEPT_MAX = timedelta(hours=36)

_STEPS: Mapping[State, tuple[State, ...]] = {
    "current": ("due", "in_review"),
    "due": ("current", "in_review", "ordered"),
    "in_review": ("current", "due", "ordered"),
    "ordered": ("current", "due", "in_review", "executed"),
    "executed": ("shredded",),
    "shredded": ("disposed",),
    "disposed": (),
}


def from_which(to: State) -> tuple[State, ...]:
    """List the states that a record may come to `to` from."""
    return tuple(state for state, steps in _STEPS.items() if to in steps)


class Offender(NamedTuple):
    """An offending person of a record, and their group."""

    nominal_key: int
    group: str | None


@dataclass(frozen=True, slots=True)
class Decision:
    """A dispose decision that nothing has lapsed yet."""

    review_id: str
    basis: str
    decided_by: str
    approved_by: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Case:
    """One ordered record, as the execution transaction finds it behind the gate."""

    record_key: int
    review_id: str | None
    row_ordered: str
    lifecycle: str
    state: str
    row: str | None
    ends: str | None
    actionable_from: date | None
    held: bool
    dirty: bool
    parked: bool
    called_for: bool = False
    """A review is open, or asked for, that has another cause than its date."""
    by_person: bool = False
    """Physical: its end is somebody's work."""
    offenders: tuple[Offender, ...] = ()


class Refusal(NamedTuple):
    """Why a record may not go: `again` leaves its order cooling, else the order is dropped."""

    why: str
    again: bool = False
    member: UUID | None = None
    """The other member of its case file that it waits for."""


Decisions = Mapping[tuple[str, int], Decision]
"""Standing dispose decisions by subject: ("nominal" | "record", its key)."""
Bases = Mapping[tuple[str, int], str]
"""Today's basis of each of those subjects."""


def who_decides(pack: Pack, row: str, record_key: int, offenders: Sequence[Offender]) -> tuple[tuple[str, int], ...]:
    """List the subjects whose review a record waits for: each offender whose group asks for one, else the record."""
    rule = pack.rows.get(row)
    asking = {
        ("nominal", each.nominal_key)
        for each in offenders
        if rule and rule.is_mopi and each.group and pack.ends(row, (each.group,)) == "review"
    }
    return tuple(sorted(asking)) or (("record", record_key),)


def chain_complete(pack: Pack, group: str | None, decision: Decision) -> bool:
    """Say whether enough people besides the decider approved, as the group's chain asks."""
    others = set(decision.approved_by) - {decision.decided_by}
    return len(others) >= len(pack.chain(group))


def lapse(pack: Pack, group: str | None, decision: Decision, basis_today: str) -> str | None:
    """Say why a dispose decision does not stand today; None: it stands."""
    if decision.basis != basis_today:
        return "basis_changed"
    return None if chain_complete(pack, group, decision) else "second_person_missing"


def undecided(pack: Pack, case: Case, decisions: Decisions, bases: Bases) -> str | None:
    """Say which ground for going is missing: a rule that ends in disposal, or a standing decision of each subject."""
    if case.review_id is None:
        return None if case.ends == "dispose" else "rule"
    groups = {("nominal", each.nominal_key): each.group for each in case.offenders}
    for subject in who_decides(pack, case.row_ordered, case.record_key, case.offenders):
        decision = decisions.get(subject)
        if decision is None:
            return "decision_missing"
        why = lapse(pack, groups.get(subject), decision, bases.get(subject, ""))
        if why:
            return why
    return None


def verdict(pack: Pack, case: Case, decisions: Decisions, bases: Bases, *, today: date) -> Refusal | None:
    """Judge one order behind the gate; None lets it go. What may settle by itself is tried again, the rest dropped."""
    if case.held:
        return Refusal("held")
    if case.lifecycle != "ordered":
        return Refusal("not_ordered")
    if case.called_for:
        return Refusal("under_review")
    if case.dirty:
        return Refusal("dirty", again=True)
    if case.parked:
        return Refusal("parked", again=True)
    if case.state != "current" or case.row != case.row_ordered:
        return Refusal("rule")
    if stays(case, today):
        return Refusal("not_due")
    why = undecided(pack, case, decisions, bases)
    return Refusal(why) if why else _by_hand(case)


def stays(case: Case, today: date) -> bool:
    """Say whether a record may not go today by its dates: they are uncertain, or have moved on."""
    return case.state != "current" or case.actionable_from is None or today < case.actionable_from


def _by_hand(case: Case) -> Refusal | None:
    """What is physical waits for whoever carries out its end."""
    return Refusal("physical_task", again=True) if case.by_person else None


def execute_from(actionable_from: date, complete_on: date, cooling_off_days: int) -> date:
    """Find the first day on which an order may be carried out: never early, never without its cooling-off."""
    return max(actionable_from, complete_on + timedelta(days=cooling_off_days))


def overslept(ran_at: datetime | None, now: datetime) -> bool:
    """Say whether the schedule was off so long, in real time, that disposals wait for two people."""
    return ran_at is not None and now - ran_at > SLEPT_MAX


def runs_away(due: int, forecast: int, *, count: int | None, ratio: float | None) -> bool:
    """Say whether a run would dispose far more than forecast, by the pack's numbers; without them it never does."""
    return count is not None and due > count and due > forecast * (ratio or 0)
