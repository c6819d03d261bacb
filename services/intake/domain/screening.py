"""What makes a record sensitive, and whom it is about; who is shown it is in `shared.policy.looking`."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any
from uuid import UUID

from shared.ids import nominal_ref
from shared.policy.access import Sensitive
from shared.policy.looking import Looker, Seen, Stand, matches_word, stand

__all__ = ["MARKED", "Looker", "Seen", "Stand", "parties", "sensitive_by", "stand", "without"]

MARKED = "marked"
"""Stands for a rule's id where a named role has called the record sensitive."""


def sensitive_by(seen: Seen, rules: Iterable[Sensitive]) -> tuple[str, ...]:
    """List the rules by which a record is sensitive; none: it is not."""
    return tuple([rule.id for rule in rules if _is(rule, seen)] + [MARKED] * seen.marked)


def _is(rule: Sensitive, seen: Seen) -> bool:
    return (
        rule.staff in (None, bool(seen.staff))
        and (not rule.offences or bool(rule.offences & seen.offences))
        and matches_word(rule.markings, seen.marking)
        and matches_word(rule.record_types, seen.record_type)
        and (not rule.flags or bool(rule.flags & seen.flags))
    )


def without(metadata: Mapping[str, Any], gone: Collection[UUID]) -> dict[str, Any]:
    """Give what is shown of a record without the links of persons who went from it."""
    links = metadata.get("links") or ()
    kept = [each for each in links if nominal_ref(each["nominal_source"], each["nominal_id"]) not in gone]
    return {**metadata, "links": kept} if links else dict(metadata)


def parties(metadata: Mapping[str, Any]) -> frozenset[UUID]:
    """Give the persons that a record's state links; officers are no parties."""
    links = metadata.get("links") or ()
    return frozenset(nominal_ref(each["nominal_source"], each["nominal_id"]) for each in links)
