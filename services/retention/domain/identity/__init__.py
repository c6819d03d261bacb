"""Who is one person: what the index says of nominals, laid over links that nothing touches.

All nominals ever tied by a merge, undone or not, are worked out together: an undoing gives each person what is theirs,
and what came meanwhile and cannot be told apart waits for a steward.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

from services.retention.domain.facts import Fact
from services.retention.domain.history import read_history
from services.retention.domain.identity.homes import Gifts, Sorting, Waiting
from services.retention.domain.identity.merges import PROBLEMS, Merge, Pair, group_of, judge, read_said, tied
from services.retention.domain.records import Given
from shared.ids import nominal_ref
from shared.policy import Pack

__all__ = ["Gifts", "Identity", "Merge", "One", "Waiting", "identify", "read_said", "tied"]

VICTIM = "victim"
UNSURE = "identity_waits"


class One(NamedTuple):
    """One person: all whom they are, their facts, what their records give them, and what is wrong about it."""

    root: UUID
    members: tuple[UUID, ...]
    facts: tuple[Fact, ...]
    given: tuple[Given, ...]
    problem: str | None
    merges: tuple[Merge, ...]
    """Every merge ever told of one of them, whether or not it stands."""
    waiting: tuple[Waiting, ...]


class Identity(NamedTuple):
    """Tied nominals as persons, each nominal's; and all that waits for a steward."""

    persons: dict[UUID, One]
    waiting: list[Waiting]


def identify(facts: Mapping[UUID, Sequence[Fact]], gifts: Gifts, pack: Pack) -> Identity:
    """Work out who is one person with whom, and what each has, of all nominals that merges ever tied.

    `facts` has each of them, `gifts` the facts of every record that names two of them, or that has triggers.
    """
    said = read_said(fact for own in facts.values() for fact in own)
    merges = judge(said, clashes(gifts.facts, facts.keys(), pack))
    standing = [each for each in merges if each.why is None]
    members = {ref: group_of(standing, ref) & facts.keys() for ref in facts}
    root_of = {ref: min(group) for ref, group in members.items()}
    found = Sorting(merges, root_of, said.answers, pack).sort(facts, gifts)
    asked = [
        Waiting(each.event_uid, "merged", each.into, (each.gone, each.into), each.told_on)
        for each in merges
        if each.why == "merge_waits"
    ]
    waiting = sorted([*found.waiting, *asked], key=lambda each: each.event_uid)
    persons = {
        root: One(
            root,
            tuple(sorted(members[root])),
            tuple(found.facts.get(root, ())),
            tuple(found.given.get(root, ())),
            _problem(merges, members[root]) or (UNSURE if root in found.unsure else None),
            tuple(each for each in merges if not members[root].isdisjoint((each.gone, each.into))),
            tuple(each for each in waiting if not members[root].isdisjoint(each.between)),
        )
        for root in set(root_of.values())
    }
    return Identity({ref: persons[root] for ref, root in root_of.items()}, waiting)


def _problem(merges: Sequence[Merge], members: frozenset[UUID]) -> str | None:
    found = {each.why for each in merges if not members.isdisjoint((each.gone, each.into))}
    return next((why for why in PROBLEMS if why in found), None)


def clashes(records: Mapping[UUID, Sequence[Fact]], members: Collection[UUID], pack: Pack) -> set[Pair]:
    """Find pairs of whom one would be suspect and the other victim of the same record."""
    found: set[Pair] = set()
    for facts in records.values():
        history = read_history(facts, pack)
        if history is None or history.withdrawn:
            continue
        body = history.shown.body
        known = pack.record_types.get(body.record_type or "")
        offending = known.offending_roles if known else frozenset()
        refs = [(nominal_ref(each.nominal_source, each.nominal_id), each.role) for each in body.links or ()]
        named = [(ref, role) for ref, role in refs if ref in members]
        found |= {
            frozenset((one, other))
            for one, role in named
            if role in offending
            for other, as_what in named
            if as_what == VICTIM and other != one
        }
    return found
