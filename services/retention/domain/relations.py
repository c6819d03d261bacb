"""Cross-references: which triggers of one record count on another as if they had been recorded there."""

from collections.abc import Collection, Iterable, Sequence
from typing import Generic, NamedTuple
from uuid import UUID

from services.retention.domain.facts import Fact, alive, happening, of_kind
from services.retention.domain.walks import Key
from shared.policy import Pack


class Reference(NamedTuple, Generic[Key]):
    """A record that names another, and as what."""

    namer: Key
    named: Key
    kind: str


def passing(
    record: Key, facts: Sequence[Fact], references: Iterable[Reference[Key]], pack: Pack
) -> set[tuple[Key, UUID]]:
    """Find what a record passes on: (the other record, the trigger's fact).

    `facts` are the record's own: what was passed to it goes no further.
    """
    told = [(fact.event_uid, happening(fact).trigger or "") for fact in of_kind(alive(facts), "trigger")]
    return {
        (other, uid)
        for reference in references
        for other, names in _from(record, reference, pack)
        for uid, name in told
        if name in names
    }


def _from(record: Key, reference: Reference[Key], pack: Pack) -> Iterable[tuple[Key, Collection[str]]]:
    """Give the record that a reference lets a record pass to, and which triggers."""
    relation = pack.relations.get(reference.kind)
    if relation is None or reference.namer == reference.named:
        return
    if reference.namer == record and relation.direction in ("to_named", "both"):
        yield reference.named, relation.passes
    if reference.named == record and relation.direction in ("from_named", "both"):
        yield reference.namer, relation.passes
