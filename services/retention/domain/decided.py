"""What reviews decided about a subject, read from the facts that decisions are."""

from collections.abc import Collection, Iterable, Sequence
from datetime import date
from itertools import pairwise
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from services.retention.domain.facts import Fact, Happening, happened_on, happening, of_kind, source_of
from shared.policy import Pack


class Decided(NamedTuple):
    """What a subject's decisions say together: the last review of any outcome, and the last to retain."""

    reviewed_on: date | None = None
    retained_on: date | None = None
    next_on: date | None = None
    outcome: str | None = None

    @property
    def ahead_on(self) -> date | None:
        """The day a decision named, unless a review has since taken place."""
        if self.next_on and self.reviewed_on and self.reviewed_on >= self.next_on:
            return None
        return self.next_on


def _made(live: Sequence[Fact], pack: Pack) -> list[tuple[date, Happening]]:
    return [(on, happening(fact)) for fact in of_kind(live, "decision") if (on := happened_on(fact, pack))]


def decisions_of(live: Sequence[Fact], pack: Pack) -> Decided:
    """Gather a subject's decisions; of two retains on one day the earlier day named counts."""
    made = _made(live, pack)
    if not made:
        return Decided()
    last = max((on for on, what in made if what.outcome == "retain"), default=None)
    named = (what.next_on for on, what in made if on == last and what.outcome == "retain" and what.next_on)
    reviewed = max(on for on, _ in made)
    # Of several on one day any that restricts does: lifting it is worth a day of its own.
    outcomes = sorted(what.outcome or "" for on, what in made if on == reviewed)
    outcome = "restrict" if "restrict" in outcomes else outcomes[-1]
    return Decided(reviewed, last, min(named, default=None), outcome)


class Regrouped(NamedTuple):
    """The group that the last review gave a person, and the states which raise them no more."""

    group: str | None = None
    on: date | None = None
    basis: frozenset[UUID] = frozenset()


def regrouped_of(live: Sequence[Fact], pack: Pack) -> Regrouped:
    """Find the group that a person was last put in by a review; of two on one day the higher."""
    made = [(on, what) for on, what in _made(live, pack) if what.group in pack.ranks]
    if not made:
        return Regrouped()
    last = max(on for on, _ in made)
    group = pack.highest(what.group for on, what in made if on == last)
    return Regrouped(group, last, frozenset(uid for _, what in made for uid in what.basis))


def lowered(live: Sequence[Fact]) -> dict[UUID, frozenset[UUID]]:
    """Give, for each person on a record whom a review regrouped, the states of it that raise them no more."""
    found: dict[UUID, frozenset[UUID]] = {}
    for fact in of_kind(live, "regrouped"):
        what = happening(fact)
        found |= {ref: found.get(ref, frozenset()).union(what.basis) for ref in what.nominals}
    return found


def said_again(states: Iterable[tuple[Fact, msgspec.Struct]], basis: Collection[UUID]) -> frozenset[UUID]:
    """Add to what a review had before it the states that only say the same again, one after the other.

    A state sent again unchanged moves no date (contract): who sends everything each night undoes no review.
    """
    known = set(basis)
    told: dict[tuple[str, str], list[tuple[Fact, msgspec.Struct]]] = {}
    for fact, body in states if basis else ():
        told.setdefault((source_of(fact), str(fact.subject)), []).append((fact, body))
    for its in told.values():
        for (before, was), (fact, body) in pairwise(sorted(its, key=lambda each: each[0].sequence)):
            if before.event_uid in known and body == was:
                known.add(fact.event_uid)
    return frozenset(known)


def regrouped_fact(
    event_uid: UUID, subject: int | str, on: date, nominals: Sequence[UUID], basis: Sequence[UUID]
) -> Fact:
    """Make the fact by which a review of persons is known to a record: what it had shown them of it."""
    data = {"on": on, "nominals": sorted(nominals), "basis": sorted(basis)}
    return Fact(event_uid, "regrouped", subject, msgspec.json.encode({"data": data}), on_date=on)


def decision_fact(
    event_uid: UUID,
    subject: int | str,
    on: date,
    outcome: str,
    next_on: date | None = None,
    regrouped: "tuple[str, Sequence[UUID]] | None" = None,
) -> Fact:
    """Make the fact that a review's decision is; one that puts a person in a group names the states before it."""
    data: dict[str, Any] = {"outcome": outcome, "on": on, "next_on": next_on}
    if regrouped:
        data |= {"group": regrouped[0], "basis": sorted(regrouped[1])}
    return Fact(event_uid, "decision", subject, msgspec.json.encode({"data": data}), on_date=on)
