"""What cannot be said of triggers and of what passes them on."""

from collections.abc import Iterator

from shared.policy.checks.words import Finding, unknown
from shared.policy.pack import Pack
from shared.policy.rules import Relation
from shared.policy.values import Trigger


def trigger(pack: Pack, value: Trigger) -> Iterator[Finding]:
    """Tell what is wrong with a trigger."""
    for name in sorted(value.undone_by):
        yield from unknown("`undone_by`", name, pack.triggers, "trigger")
        if name == value.name:
            yield "undoes itself", "name another in `undone_by`"
        elif name in pack.triggers and value.name in pack.triggers[name].undone_by:
            yield f"and {name!r} undo each other", "let one of the two stand"


def relation(pack: Pack, value: Relation) -> Iterator[Finding]:
    """Tell what is wrong with a kind of cross-reference."""
    for name in sorted(value.passes):
        yield from unknown("trigger", name, pack.triggers, "trigger")
