"""What a record's date would be without one of the facts that bind it: worked out by the same functions."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from services.retention.actions.as_of import Then
from services.retention.domain import Fact, Folded, Schedule, fold
from services.retention.domain.as_of import own_day
from shared.errors import NotFound

COUNTERFACTUALS_MAX = 12
NO_SUCH_FACT = "No fact by this event id counts for this record. Take one from its derivation."
Step = dict[str, Any]


def binding(derivation: Mapping[str, Any]) -> list[UUID]:
    """List the facts that a derivation rests its dates on, in the order in which it names them."""
    named = (uid for step in derivation["steps"] for uid in step.get("facts", ()))
    return [UUID(uid) for uid in dict.fromkeys(named)][:COUNTERFACTUALS_MAX]


def named(derivation: Mapping[str, Any]) -> set[UUID]:
    """List all facts that a derivation names."""
    listed = {each["event"] for step in derivation["steps"] for each in step.get("inputs", ())}
    return {UUID(uid) for step in derivation["steps"] for uid in step.get("facts", ())} | {UUID(uid) for uid in listed}


def without(then: Then, record_id: UUID, uids: Iterable[UUID]) -> list[Step]:
    """Tell of each fact what the date would be if it had been withdrawn."""
    return [_step(then, record_id, uid) for uid in uids]


def _step(then: Then, record_id: UUID, uid: UUID) -> Step:
    fact = next((each for facts in _all(then) for each in facts if each.event_uid == uid), None)
    if fact is None:
        raise NotFound(NO_SUCH_FACT, "no_such_fact")
    before, after = then.folded.schedules[record_id], _refolded(then, uid).schedules.get(record_id)
    on = own_day(fact, then.look.pack)
    step = {"fact": str(uid), "kind": fact.kind, "on": on.isoformat() if on else None}
    if after is None:
        return {"code": "without_anything", **step}
    until = after.keep_until.isoformat() if after.keep_until else None
    return {"code": _code(before, after), **step, "until": until, "row": after.row, "state": after.state}


def _code(before: Schedule, after: Schedule) -> str:
    if before == after:
        return "without_same"
    return "without" if after.keep_until else "without_date"


def _all(then: Then) -> Iterable[Sequence[Fact]]:
    yield from then.records.values()
    yield from then.nominals.values()


def _refolded(then: Then, uid: UUID) -> Folded:
    """Fold again without one fact; what it is no part of is taken as it was worked out."""
    records, nominals = _without(then.records, uid), _without(then.nominals, uid)
    known = {key: found for key, found in then.folded.records.items() if records[key] is then.records[key]}
    return fold(records, nominals, then.look.pack, then.folded.schedules, then.gone, known)


def _without(facts: Mapping[UUID, list[Fact]], uid: UUID) -> dict[UUID, list[Fact]]:
    return {
        key: [each for each in its if each.event_uid != uid] if any(each.event_uid == uid for each in its) else its
        for key, its in facts.items()
    }
