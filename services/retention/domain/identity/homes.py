"""To whom each fact of tied nominals belongs; what cannot be told waits for a steward, and lengthens all concerned."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any, Literal, NamedTuple
from uuid import UUID

import msgspec

from services.retention.domain.facts import Fact, alive, happening, nominal_state
from services.retention.domain.history import read_history
from services.retention.domain.identity.merges import Answer, Merge, stood_for
from services.retention.domain.notices import qualifying
from services.retention.domain.records import Given, as_for, of_record
from shared.ids import nominal_ref
from shared.policy import Pack

What = Literal["contact", "trigger", "nominal_state", "merged"]


class Waiting(NamedTuple):
    """What a steward is to say: to whom of `between` a fact belongs, or whether a merge is to stand."""

    event_uid: UUID
    what: What
    about: UUID
    between: tuple[UUID, ...]
    since: date


class Gifts(NamedTuple):
    """What the records that name each nominal give them, and the facts of those records that bear on identity."""

    given: Mapping[UUID, Mapping[UUID, Given]]
    """By nominal, then record."""
    facts: Mapping[UUID, Sequence[Fact]] = {}


class Sorted(NamedTuple):
    """Facts and gifts by the person they count for, who has to wait, and for what."""

    facts: dict[UUID, list[Fact]]
    given: dict[UUID, list[Given]]
    waiting: list[Waiting]
    unsure: set[UUID]


class Sorting:
    """One sorting of the facts of tied nominals; `root_of` says who is which person now."""

    def __init__(
        self, merges: Sequence[Merge], root_of: Mapping[UUID, UUID], answers: Mapping[UUID, Answer], pack: Pack
    ) -> None:
        self.merges, self.root_of, self.answers, self.pack = merges, root_of, answers, pack
        self.facts: dict[UUID, list[Fact]] = defaultdict(list)
        self.given: dict[UUID, list[Given]] = defaultdict(list)
        self.waiting: list[Waiting] = []
        self.unsure: set[UUID] = set()

    def sort(self, facts: Mapping[UUID, Sequence[Fact]], gifts: Gifts) -> Sorted:
        """Give each person their facts and gifts."""
        for ref, own in sorted(facts.items()):
            self._own(ref, alive(own))
        self._gifts(gifts)
        found = sorted(self.waiting, key=lambda each: each.event_uid)
        return Sorted(self.facts, self.given, found, self.unsure)

    def _homes(self, ref: UUID, on: date | None) -> list[UUID]:
        """List whom a nominal may have meant on a day, by the persons they are now; one person: no question."""
        meant = stood_for(self.merges, ref, on) & self.root_of.keys()
        return sorted(meant) if len({self.root_of[each] for each in meant}) > 1 else [ref]

    def _own(self, ref: UUID, live: Sequence[Fact]) -> None:
        known = self._flags(fact for fact in live if len(self._homes(ref, fact.received_on)) == 1)
        for fact in live:
            between = self._homes(ref, fact.received_on)
            if fact.kind == "contact" and len(between) > 1 and self._resets(fact):
                for root in self._to(fact, "contact", ref, between):
                    self.facts[root].append(fact)
            elif fact.kind == "nominal_state" and len(between) > 1 and (new := self._flags([fact]) - known):
                self._flagged(fact, ref, between, new)
            else:
                self.facts[self.root_of[ref]].append(fact)

    def _to(self, fact: Fact, what: What, ref: UUID, between: Sequence[UUID]) -> list[UUID]:
        """Give the persons whom a fact counts for: the one a steward named, else everyone it may be about."""
        answer = self.answers.get(fact.event_uid)
        if answer and answer.to and answer.to in between:
            return [self.root_of[answer.to]]
        since = fact.received_on or date.min
        self.waiting.append(Waiting(fact.event_uid, what, ref, tuple(between), since))
        return sorted({self.root_of[each] for each in between})

    def _resets(self, fact: Fact) -> bool:
        kind = self.pack.contacts.get(happening(fact).kind or "")
        return bool(kind and kind.resets)

    def _flags(self, states: Iterable[Fact]) -> set[str]:
        flags = (flag for fact in states if fact.kind == "nominal_state" for flag in nominal_state(fact).flags or ())
        return {flag for flag in flags if self.pack.flag_group(flag)}

    def _flagged(self, fact: Fact, ref: UUID, between: Sequence[UUID], new: set[str]) -> None:
        """Count a flag for whom a steward named; for nobody until then, and nobody in question may go."""
        roots, own = self._to(fact, "nominal_state", ref, between), self.root_of[ref]
        kept = set(nominal_state(fact).flags or ()) - new
        if len(roots) > 1:
            self.unsure |= set(roots)
        if roots == [own]:
            self.facts[own].append(fact)
            return
        self.facts[own].append(msgspec.structs.replace(fact, canonical=_with_flags(fact.canonical, kept)))
        if len(roots) == 1:
            alone = msgspec.json.encode({"data": {"flags": sorted(new)}})
            self.facts[roots[0]].append(msgspec.structs.replace(fact, subject=f"to {roots[0]}", canonical=alone))

    def _gifts(self, gifts: Gifts) -> None:
        away: dict[UUID, set[UUID]] = defaultdict(set)
        for record, facts in sorted(gifts.facts.items()):
            offending = self._offending(record, gifts)
            for fact, ref, on in _named(facts, self.pack):
                given = gifts.given.get(ref, {}).get(record)
                if not (given and given.offending):
                    self._by_another_name(fact, ref, on, offending)
                elif self._noticed(fact, ref, on):
                    away[record].add(fact.event_uid)
        without = {record: self._without(gifts.facts[record], uids) for record, uids in away.items()}
        for ref, by_record in sorted(gifts.given.items()):
            for record, given in sorted(by_record.items()):
                self.given[self.root_of[ref]].append(without.get(record, {}).get(ref, given))

    def _offending(self, record: UUID, gifts: Gifts) -> dict[UUID, Given]:
        """Give the persons that a record offends under by any of their nominals, with what it gives them."""
        found = ((ref, by_record.get(record)) for ref, by_record in sorted(gifts.given.items()))
        return {self.root_of[ref]: given for ref, given in found if given and given.offending}

    def _by_another_name(self, fact: Fact, ref: UUID, on: date, offending: Mapping[UUID, Given]) -> None:
        """Count a trigger for those on its record whom it names by another nominal of theirs."""
        between = self._homes(ref, fact.received_on) if ref in self.root_of else []
        roots = {self.root_of[each] for each in between}
        if len(roots) > 1 and not roots.isdisjoint(offending):
            roots = set(self._to(fact, "trigger", ref, between))
        for root in sorted(roots & offending.keys()):
            its = offending[root]
            self.given[root].append(Given(notice_on=on, conduct_on=its.conduct_on, admitted=its.admitted))

    def _noticed(self, fact: Fact, ref: UUID, on: date) -> bool:
        """Count a trigger for everyone it may be about; says whether it is not about whom it names."""
        between = self._homes(ref, fact.received_on)
        if len(between) < 2:
            return False
        roots, own = self._to(fact, "trigger", ref, between), self.root_of[ref]
        for root in roots:
            if root != own:
                self.given[root].append(Given(notice_on=on))
        return own not in roots

    def _without(self, facts: Sequence[Fact], uids: set[UUID]) -> dict[UUID, Given]:
        """Give what a record gives once triggers that are somebody else's are left out."""
        found = of_record([fact for fact in facts if fact.event_uid not in uids], self.pack)
        return {nominal_ref(*nominal): given for nominal, given in found.gives.items()} if found else {}


def _named(facts: Sequence[Fact], pack: Pack) -> Iterator[tuple[Fact, UUID, date]]:
    """List the triggers by which somebody came to notice; a record that only an override dates by them has none."""
    history = read_history(facts, as_for(facts, pack))
    if history is None or not history.shown.placed.counts:
        return
    by_uid = {fact.event_uid: fact for fact in facts}
    for uid, nominal, on in qualifying(history.live, pack):
        if nominal is not None:
            yield by_uid[uid], nominal_ref(*nominal), on


def _with_flags(canonical: bytes, flags: set[str]) -> bytes:
    """Write a person's state with these flags alone."""
    told: dict[str, Any] = msgspec.json.decode(canonical)
    inner = told["data"].get("state") or told["data"]
    inner["flags"] = sorted(flags)
    return msgspec.json.encode(told)
