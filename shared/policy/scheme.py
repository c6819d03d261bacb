"""The tree of classes: what a class takes from its ancestors."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from shared.calendar_rules import Period
from shared.policy.values import Class


def lineage(classes: Mapping[str, Class], id_: str) -> Iterator[Class]:
    """Walk from a class to its root; a circle ends the walk where it closes."""
    seen: set[str] = set()
    at: str | None = id_
    while at is not None and at in classes and at not in seen:
        seen.add(at)
        yield classes[at]
        at = classes[at].parent


def in_circle(classes: Mapping[str, Class], id_: str) -> bool:
    """Say whether a class is its own ancestor."""
    return any(each.parent == id_ for each in lineage(classes, id_))


def inherit(classes: Mapping[str, Class], backstop: Period, owner: str) -> dict[str, Class]:
    """Fill in what each class takes from its nearest ancestor that has it, in the end from the pack."""
    return {id_: _filled(list(lineage(classes, id_)), backstop, owner) for id_ in classes}


def _filled(line: list[Class], backstop: Period, owner: str) -> Class:
    supplier = next((each for each in line if each.row), None)
    return replace(
        line[0],
        row=supplier.row if supplier else None,
        row_from=supplier.id if supplier else None,
        backstop=next((each.backstop for each in line if each.backstop), backstop),
        exception_owner=next((each.exception_owner for each in line if each.exception_owner), owner),
    )
