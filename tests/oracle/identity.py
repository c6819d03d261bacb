"""Who is one person: the index says so of two names, until it takes that back or says otherwise."""

from tests.oracle.lives import Event, Life
from tests.oracle.told import Told


def one_person(life: Life, told: list[Told]) -> tuple[dict[str, tuple[str, ...]], dict[str, str]]:
    """Give for each name all names of the person, and why nobody can say who that is, where that is so."""
    names = {name: (name,) for name in life.persons}
    doubts: dict[str, str] = {}
    for pair in {frozenset((each.person, each.other)) for each in standing_merges(life)}:
        one, other = sorted(pair)
        if doubt := _doubt(life, told, one, other):
            doubts |= {one: doubt, other: doubt}
        else:
            names |= {one: (one, other), other: (one, other)}
    return names, doubts


def standing_merges(life: Life) -> list[Event]:
    """Leave out the merges that were undone."""
    undone = {each.of for each in life.standing() if each.kind == "unmerged"}
    return [each for each in life.standing() if each.kind == "merged" and each.id not in undone]


def _doubt(life: Life, told: list[Told], one: str, other: str) -> str | None:
    if any(each.kind == "distinguished" and {each.person, each.other} == {one, other} for each in life.standing()):
        return "told apart"
    if len({each.person for each in standing_merges(life) if {each.person, each.other} == {one, other}}) > 1:
        return "merged in a circle"
    for each in told:
        known = None if each.withdrawn else each.shown.type
        offenders = each.shown.in_roles(known.offending_roles) if known else []
        victims = each.shown.in_roles(frozenset({"victim"}))
        if (one in offenders and other in victims) or (other in offenders and one in victims):
            return "suspect and victim of one record"
    return None
