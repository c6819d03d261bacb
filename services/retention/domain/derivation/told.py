"""What it rests on: every fact about the record and its persons, by event, and whether it counts."""

from collections.abc import Iterator, Sequence

from services.retention.domain.derivation.inputs import Step, Work
from services.retention.domain.facts import Fact, alive, happened_on
from shared.policy import Pack

FACTS_MAX = 200


def told(work: Work) -> Iterator[Step]:
    """Tell the facts of the record, and of each person of theirs."""
    yield _facts(work.facts, work.pack)
    for linked, _ in work.persons:
        if linked.facts:
            yield _facts(linked.facts, work.pack) | {"nominal": str(linked.nominal_ref)}


def _facts(facts: Sequence[Fact], pack: Pack) -> Step:
    live = {fact.event_uid for fact in alive(facts)}
    known = {fact.event_uid: fact for fact in facts if fact.kind != "withdrawal"}
    listed = [
        {"event": str(uid), "kind": fact.kind, "counts": uid in live} | _on(fact, pack)
        for uid, fact in sorted(known.items(), key=lambda each: (each[1].sequence, each[0]))
    ]
    step = {"code": "inputs", "count": len(known), "withdrawn": len(known.keys() - live)}
    return step | {"inputs": listed[:FACTS_MAX]}


def _on(fact: Fact, pack: Pack) -> Step:
    on = happened_on(fact, pack) if fact.kind in ("contact", "trigger", "decision") else None
    return {"on": on.isoformat()} if on else {}
