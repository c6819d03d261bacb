"""What the index says of who is one person: which merges stand, and why the others do not.

Nothing here asks in which order it was said. Of a circle, and of all ways between two who were told apart, no merge
stands: one of them is wrong, and nobody can tell which. A merge by which somebody would be suspect and victim of one
record waits until a steward answers. Links are never touched, so that an undoing restores what was before.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from typing import Literal, NamedTuple
from uuid import UUID

import msgspec

from services.retention.domain.facts import Fact
from shared.ids import nominal_ref

Why = Literal["undone", "refused", "merge_in_circle", "told_apart", "merge_waits"]
PROBLEMS: tuple[Why, ...] = ("merge_in_circle", "told_apart", "merge_waits")
Pair = frozenset[UUID]


class Merge(NamedTuple):
    """A statement that one nominal is another; `why` says why it does not stand, None that it does."""

    event_uid: UUID
    gone: UUID
    into: UUID
    told_on: date
    undone_on: date | None = None
    undone_by: UUID | None = None
    why: Why | None = None


class Answer(NamedTuple):
    """What a steward said: to whom a fact belongs, or whether a merge is to stand."""

    event_uid: UUID
    to: UUID | None = None
    answer: str | None = None


class Said(NamedTuple):
    """All that was said of some nominals: merges with their undoings, pairs told apart, and stewards' answers."""

    merges: list[Merge]
    apart: dict[Pair, UUID]
    answers: dict[UUID, Answer]


class _Party(msgspec.Struct, frozen=True):
    nominal_source: str
    nominal_id: str


class _Pairs(msgspec.Struct, frozen=True, rename={"from_": "from"}):
    from_: _Party | None = None
    into: _Party | None = None
    a: _Party | None = None
    b: _Party | None = None
    of: UUID | None = None
    to: UUID | None = None
    answer: str | None = None


class _Data(msgspec.Struct, frozen=True):
    data: _Pairs = _Pairs()


class _Told(msgspec.Struct, frozen=True):
    subject: UUID | None = None
    data: _Data = _Data()


_read = msgspec.json.Decoder(_Told).decode
_KINDS = frozenset({"merged", "unmerged", "distinguished", "withdrawal", "assigned"})


def read_said(facts: Iterable[Fact]) -> Said:
    """Read what facts say of who is one person; both nominals of a merge may bring the same fact."""
    told = {fact.event_uid: (fact, _read(fact.canonical)) for fact in facts if fact.kind in _KINDS}
    ordered = [told[uid] for uid in sorted(told)]
    undone: dict[tuple[UUID | None, UUID | None], Fact] = {}
    for fact, what in ordered:
        if fact.kind in ("unmerged", "withdrawal"):
            key = fact.withdraws, what.subject
            undone[key] = min(undone.get(key, fact), fact, key=lambda each: (_day(each), each.event_uid))
    merges = [_merge(*each, undone) for each in ordered if each[0].kind == "merged"]
    apart = {
        pair: fact.event_uid
        for fact, what in ordered
        if fact.kind == "distinguished" and (fact.event_uid, what.subject) not in undone
        for pair in [frozenset({_ref(what.data.data.a), _ref(what.data.data.b)})]
    }
    answers: dict[UUID, Answer] = {}
    for fact, what in sorted(ordered, key=lambda each: (each[0].sequence, each[0].event_uid)):
        said = what.data.data
        if fact.kind == "assigned" and said.of:
            answers[said.of] = Answer(fact.event_uid, said.to, said.answer)
    return Said(merges, apart, answers)


def _merge(fact: Fact, what: _Told, undone: Mapping[tuple[UUID | None, UUID | None], Fact]) -> Merge:
    said, end = what.data.data, undone.get((fact.event_uid, what.subject))
    found = Merge(fact.event_uid, _ref(said.from_), _ref(said.into), _day(fact))
    return found._replace(undone_on=_day(end), undone_by=end.event_uid, why="undone") if end else found


def _ref(party: _Party | None) -> UUID:
    if party is None:
        raise ValueError("A merge and a distinction name two nominals.")
    return nominal_ref(party.nominal_source, party.nominal_id)


def _day(fact: Fact) -> date:
    return fact.received_on or date.min


def judge(said: Said, clashes: Collection[Pair]) -> list[Merge]:
    """Say of each merge whether it stands; `clashes` are pairs of whom one is suspect, one victim of a record."""
    answers = {uid: each.answer for uid, each in said.answers.items()}
    merges = [
        each._replace(why="refused") if each.why is None and answers.get(each.event_uid) == "refuse" else each
        for each in said.merges
    ]
    standing = [each for each in merges if each.why is None]
    merges = _void(merges, {each.event_uid for each in standing if _leads(standing, each)}, "merge_in_circle")
    standing = [each for each in merges if each.why is None]
    merges = _void(merges, {uid for pair in said.apart for uid in ways(standing, pair)}, "told_apart")
    standing = [each for each in merges if each.why is None]
    accepted = [each for each in standing if answers.get(each.event_uid) == "accept"]
    taken = {each.event_uid for each in accepted}
    open_pairs = [pair for pair in clashes if not ways(accepted, pair)]
    return _void(merges, {uid for pair in open_pairs for uid in ways(standing, pair)} - taken, "merge_waits")


def _void(merges: Sequence[Merge], which: Collection[UUID], why: Why) -> list[Merge]:
    return [each._replace(why=why) if each.event_uid in which else each for each in merges]


def _leads(merges: Sequence[Merge], merge: Merge) -> bool:
    """Say whether whom a merge goes into was merged, by whatever way, into the one it takes away."""
    seen, ahead = {merge.into}, [merge.into]
    while ahead:
        at = ahead.pop()
        reached = {each.into for each in merges if each.gone == at} - seen
        seen |= reached
        ahead.extend(reached)
    return merge.gone in seen


def ways(merges: Sequence[Merge], pair: Pair) -> set[UUID]:
    """Find the merges that tie two nominals: all that is left when what leads to neither is cut off."""
    tied = group_of(merges, min(pair))
    left = [each for each in merges if each.gone in tied] if len(pair) > 1 and pair <= tied else []
    while True:
        beside: dict[UUID, set[UUID]] = {}
        for each in left:
            beside.setdefault(each.gone, set()).add(each.into)
            beside.setdefault(each.into, set()).add(each.gone)
        ends = {ref for ref, its in beside.items() if len(its) == 1 and ref not in pair}
        if not ends:
            return {each.event_uid for each in left}
        left = [each for each in left if each.gone not in ends and each.into not in ends]


def tied(facts: Mapping[UUID, Sequence[Fact]]) -> list[frozenset[UUID]]:
    """Find the nominals that merges ever tied, undone or not: they are worked out together."""
    merges = read_said(fact for own in facts.values() for fact in own if fact.kind == "merged").merges
    return sorted({group_of(merges, each.into) for each in merges}, key=min)


def group_of(merges: Sequence[Merge], ref: UUID) -> frozenset[UUID]:
    """Find all whom these merges make one person with a nominal, themselves included."""
    beside: dict[UUID, set[UUID]] = {}
    for each in merges:
        beside.setdefault(each.gone, set()).add(each.into)
        beside.setdefault(each.into, set()).add(each.gone)
    seen, ahead = {ref}, [ref]
    while ahead:
        reached = beside.get(ahead.pop(), set()) - seen
        seen |= reached
        ahead.extend(reached)
    return frozenset(seen)


def stood_for(merges: Sequence[Merge], ref: UUID, on: date | None) -> frozenset[UUID]:
    """Find whom a nominal may have meant on a day: those whom the index had merged into them, right or wrong."""
    if on is None:
        return frozenset({ref})
    then = [each for each in merges if each.told_on <= on and (each.undone_on is None or on <= each.undone_on)]
    seen, ahead = {ref}, [ref]
    while ahead:
        at = ahead.pop()
        reached = {each.gone for each in then if each.into == at} - seen
        seen |= reached
        ahead.extend(reached)
    return frozenset(seen)
