"""A derivation for one person's eyes: of all others it says no more than that there is another."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from services.retention.domain.derivation.inputs import Step


def without_third_persons(derivation: Mapping[str, Any], keep: Iterable[str] = ()) -> dict[str, Any]:
    """Name nobody but those to keep, neither by reference nor by group, nor any fact that is theirs.

    What another's age dates is told by the year alone: a hundredth birthday is a birth date.
    """
    steps: list[Step] = list(derivation["steps"])
    kept = _whole(frozenset(keep), steps)
    by_age = {step["nominal"] for step in steps if step["code"] == "age"} - kept
    return {**derivation, "steps": list(_steps(steps, kept, by_age))}


def _whole(kept: frozenset[str], steps: Iterable[Step]) -> frozenset[str]:
    """Add all whom those are: merges that stand make one person of several nominals."""
    pairs = [{step["nominal"], step["into"]} for step in steps if step["code"] == "merged" and "why" not in step]
    while more := {ref for pair in pairs if not kept.isdisjoint(pair) for ref in pair} - kept:
        kept |= more
    return kept


def _steps(steps: list[Step], kept: frozenset[str], by_age: set[str]) -> Iterator[Step]:
    birthdays = {step["on"] for step in steps if step["code"] == "person_until" and step["nominal"] in by_age}
    # What other records of a case file ask for may be a birthday of somebody on them.
    birthdays |= {step["until"] for step in steps if step.get("by_age")}
    birthdays |= {step["until"] for step in steps if step["code"] == "birthday" and step["nominal"] not in kept}
    at_birthday = any(step["code"] == "keep_until" and step["on"] in birthdays for step in steps)
    for step in steps:
        named = {step[name] for name in ("nominal", "into") if step.get(name)}
        if step["code"] == "keep_until" and step["on"] in birthdays:
            yield {"code": "keep_year", "year": step["on"][:4], "row": step["row"]}
        elif step["code"] == "next_review":
            yield _review(step, kept, by_age, at_birthday)
        elif step.get("by_age"):
            yield {"code": step["code"], "record": step["record"], "year": step["until"][:4]}
        elif named <= kept:
            yield step
        elif step["code"] == "person_until" and step["nominal"] in by_age:
            yield {"code": "another_person_year", "year": step["on"][:4]}
        elif step["code"] == "person_until":
            yield {"code": "another_person", "on": step["on"]}


def _review(step: Step, kept: frozenset[str], by_age: set[str], at_birthday: bool) -> Step:
    why, whose = step.get("why"), step.get("nominal")
    another = whose is not None and whose not in kept
    own_day = another and (why == "birthday" or (why == "own_end" and whose in by_age))
    if own_day or (why == "scheduled" and at_birthday):
        return {"code": "next_review_year", "year": step["on"][:4]}
    return {"code": "next_review", "on": step["on"], "why": "another"} if another else step


def reviewed_on_another_s_day(derivation: Mapping[str, Any]) -> bool:
    """Say whether what was left out is whose own day the next review falls on."""
    return any(step["code"] == "next_review_year" for step in derivation["steps"])


def by_another_s_age(derivation: Mapping[str, Any]) -> bool:
    """Say whether what was left out is whose birthday ends it."""
    return any(step["code"] == "keep_year" for step in derivation["steps"])


def others_group(derivation: Mapping[str, Any], group: str | None, keep: Iterable[str] = ()) -> bool:
    """Say whether a record's group is only another person's."""
    kept = _whole(frozenset(keep), derivation["steps"])
    own = {step["group"] for step in derivation["steps"] if step["code"] == "person" and step["nominal"] in kept}
    return group is not None and group not in own
