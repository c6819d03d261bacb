"""The national retention assessment criteria: what a review's answers propose."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from shared.policy.pack import Pack

Answer = Literal["yes", "no", "unknown"]
Outcome = Literal["dispose", "retain", "enquire", "incomplete"]


@dataclass(frozen=True, slots=True)
class Proposal:
    """What the answers propose, which questions led there, and which are still open."""

    outcome: Outcome
    causes: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


def proposal(answers: Mapping[str, Answer], pack: Pack) -> Proposal:
    """Say what a review's answers propose; unknown is not no.

    A gate that fails proposes disposal whatever the criteria say. `enquire` retains and raises an
    enquiry. A retain stands only with necessity and proportionality answered, which review asks.
    """
    gate = [question.id for question in pack.questions if question.part == "gate"]
    criteria = [question.id for question in pack.questions if question.part == "criteria"]
    missing = tuple(id_ for id_ in (*gate, *criteria) if id_ not in answers)
    failed = tuple(id_ for id_ in gate if answers.get(id_) == "no")
    if failed:
        return Proposal("dispose", failed)
    if missing:
        return Proposal("incomplete", missing=missing)
    present = tuple(id_ for id_ in criteria if answers[id_] == "yes")
    if present:
        return Proposal("retain", present)
    unknown = tuple(id_ for id_ in (*gate, *criteria) if answers[id_] == "unknown")
    return Proposal("enquire", unknown) if unknown else Proposal("dispose")
