"""Who could open a record: the pack's tables of views and of screens, as far as retention knows the record."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple
from uuid import UUID

from services.retention.domain.facts import Fact, RecordState, nominal_state, of_kind
from shared.policy import Pack
from shared.policy.looking import Looker, Seen, stand

_ANY_TASK = UUID(int=0)


class Opening(NamedTuple):
    """A role that could open a record: for which purposes, and whether only with a task on it."""

    role: str
    purposes: tuple[str, ...]
    only_with_task: bool


def flags_of(people: Iterable[Sequence[Fact]]) -> frozenset[str]:
    """Gather the flags on a record's persons, in any state that counts."""
    states = (nominal_state(fact) for facts in people for fact in of_kind(facts, "nominal_state"))
    return frozenset(flag for state in states for flag in state.flags or ())


def openings(state: RecordState, flags: frozenset[str], restricted: bool, pack: Pack) -> list[Opening]:
    """List the roles that could open a record in this state; a file about the one who asks is never opened to them."""
    seen = Seen(
        record_id=_ANY_TASK,
        record_type=state.record_type,
        unit=state.unit,
        marking=state.marking,
        offences=frozenset(state.offences or ()),
        flags=flags,
        restricted=restricted,
    )
    found = [_opening(role, seen, pack) for role in sorted({view.role for view in pack.views})]
    return [each for each in found if each]


def _opening(role: str, seen: Seen, pack: Pack) -> Opening | None:
    purposes = {view.purpose for view in pack.views if view.role == role}
    allowed = tuple(sorted(each for each in purposes if pack.may_view(each, role, seen.record_type)))
    who, tasked = Looker("", frozenset({role})), replace(seen, tasks=(_ANY_TASK,))
    if not allowed:
        return None
    if stand(who, seen, pack.access.screens) == "shown":
        return Opening(role, allowed, False)
    return Opening(role, allowed, True) if stand(who, tasked, pack.access.screens) == "shown" else None
