"""Who may look, what their answers propose, and when a decision stands: pure rules."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Literal
from uuid import UUID

from shared.calendar_rules import add
from shared.errors import Conflict, Forbidden, Invalid
from shared.events import ReviewRequested
from shared.policy import Answer, Pack, Step, proposal

State = Literal["open", "claimed", "awaiting_approval", "returned", "completed", "withdrawn"]
Proposed = Literal["dispose", "retain", "enquire", "incomplete"]
NOT_YET = frozenset({"restrict", "transfer", "refer"})
_LIVE = frozenset({"open", "claimed", "awaiting_approval", "returned"})
_IN_HAND = frozenset({"claimed", "returned"})
_NOT_IN_HAND = {
    "open": "The task is open. Claim it first.",
    "awaiting_approval": "The task is decided and waits for approval. It can be worked on again if it is returned.",
    "completed": "The task is decided, and the decision stands. Only new facts or a new date open its review again.",
    "withdrawn": "The task is withdrawn: nothing asks for this review any more.",
}


class NotYou(Forbidden):
    """Separation of duties: somebody else must do it; the answer names who is still missing."""

    def __init__(self, message: str, reason: str, missing: Sequence[Step] = ()) -> None:
        super().__init__(message, reason)
        self.more = {"missing": [{"role": step.role, "competence": step.competence} for step in missing]}


@dataclass(frozen=True, slots=True)
class Task:
    """One review to be done: what retention asked for, and where the work stands."""

    request: ReviewRequested
    state: State = "open"
    assignee: str | None = None
    cause: str = ""
    round: int = 1
    version: int = 1

    @property
    def task_id(self) -> UUID:
        """Give the task's id, which is its review's."""
        return self.request.review_id

    def moved(self, state: State, assignee: str | None) -> "Task":
        """Give the task as it stands after a change."""
        return replace(self, state=state, assignee=assignee, version=self.version + 1)

    def again(self, state: State, assignee: str | None, cause: str) -> "Task":
        """Give the task in a new round; the earlier ones stay readable."""
        return replace(self.moved(state, assignee), round=self.round + 1, cause=cause)


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: their roles by the token, their competences by the register of people."""

    staff_id: str
    roles: Collection[str]
    competences: Collection[str] = ()

    def fits(self, step: Step) -> bool:
        """Say whether this person may be this link of the chain."""
        return step.role in self.roles and (step.competence is None or step.competence in self.competences)


@dataclass(frozen=True, slots=True)
class Assessed:
    """What a decision needs to know of the assessment before it; the answers themselves are sealed."""

    number: int
    by: str
    basis: str
    proposal: Proposed
    necessity: Answer | None
    proportionality: Answer | None


@dataclass(frozen=True, slots=True)
class Decision:
    """What a reviewer decides, before anybody approves it."""

    outcome: str
    purpose: str | None = None
    next_on: date | None = None
    group: str | None = None
    """Of an amendment: the group that it puts the person in."""


def requested(held: Task | None, asked: ReviewRequested) -> Task | None:
    """Fold a request into the task it replaces; None when it changes nothing.

    Facts that changed after a decision void it: the task is open again, with the cause `basis_changed`.
    """
    if held is None:
        return Task(asked, cause=asked.cause)
    if asked.version <= held.request.version:
        return None
    fresh = replace(held, request=asked)
    if held.state == "withdrawn":
        return fresh.again("open", None, asked.cause)
    if held.state in ("awaiting_approval", "completed") and asked.basis != held.request.basis:
        return fresh.again("open", None, "basis_changed")
    return fresh.moved(held.state, held.assignee)


def withdrawn(held: Task, version: int) -> Task | None:
    """Withdraw a task that nobody needs any more; a decision that stands is left standing."""
    if version <= held.request.version:
        return None
    if held.state not in _LIVE:
        return None
    return held.moved("withdrawn", None)


def claimed(task: Task, actor: Actor, linked: Collection[str]) -> Task:
    """Give an open task to who asks for it, unless they are linked to what it is about."""
    _refuse_linked(actor.staff_id, linked)
    if task.state != "open":
        raise Conflict(f"The task is {task.state}. Only an open task can be claimed.", "not_open")
    return task.moved("claimed", actor.staff_id)


def assigned(task: Task, assignee: str, known_roles: Collection[str], linked: Collection[str]) -> Task:
    """Give a task to a reviewing officer, unless they are linked to what it is about."""
    if "reviewing_officer" not in known_roles:
        message = "No reviewing officer is known by that staff id. Assign the task to one who is."
        raise Invalid(message, "not_a_reviewing_officer")
    if assignee in linked:
        message = "Whom you name is linked to a record or person of this review. Name somebody with no link to it."
        raise NotYou(message, "linked_to_subject")
    if task.state not in ("open", *_IN_HAND):
        raise Conflict(f"The task is {task.state}. It can be assigned while open, claimed or returned.", "not_open")
    state: State = "returned" if task.state == "returned" else "claimed"
    return task.moved(state, assignee)


def in_hand(task: Task, actor: Actor, linked: Collection[str]) -> None:
    """Refuse anybody but the task's reviewer, and them too when they turn out to be linked."""
    _refuse_linked(actor.staff_id, linked)
    if task.state not in _IN_HAND:
        raise Conflict(_NOT_IN_HAND[task.state], "not_in_hand")
    if task.assignee != actor.staff_id:
        raise NotYou("Another reviewing officer has this task. Ask a records manager to assign it to you.", "not_yours")


def _refuse_linked(staff_id: str, linked: Collection[str]) -> None:
    if staff_id in linked:
        message = "You are named by a record or person of this review. Somebody with no link to it must do it."
        raise NotYou(message, "linked_to_subject")


def period_run(request: ReviewRequested, today: date, lead_days: int) -> bool:
    """Say whether the period has run, or ends within the lead time: a person's own, else every record's.

    What a person shares is kept by others for longer: they go from it. What is undated has never run.
    """
    if request.kind == "scheduled":
        return True
    soon = today + timedelta(days=lead_days)
    if request.period_ends_on is not None:
        return request.period_ends_on <= soon
    return all(member.keep_until is not None and member.keep_until <= soon for member in request.records)


def proposed(request: ReviewRequested, answers: Mapping[str, Answer], pack: Pack, today: date) -> Proposed:
    """Say what the answers propose; all no proposes disposal only once the period has run."""
    found = proposal(answers, pack)
    if found.missing and found.outcome == "incomplete":
        raise Invalid(f"Answer every question; still open: {', '.join(found.missing)}.", "answers_missing")
    criteria_speak = found.outcome == "dispose" and not found.causes
    if criteria_speak and not period_run(request, today, pack.limits.lead_days):
        return "retain"
    return found.outcome


def check_answers(answers: Mapping[str, Answer], evidence: Mapping[str, str], pack: Pack) -> None:
    """Refuse answers to questions the pack does not ask, and a yes to a criterion without its evidence."""
    known = {question.id: question.part for question in pack.questions}
    if answers.keys() - known.keys() or evidence.keys() - known.keys():
        raise Invalid(f"The pack asks only: {', '.join(known)}. Remove the others.", "unknown_question")
    telling = {"criteria": "yes", "gate": "no"}
    bare = [
        id_ for id_, answer in answers.items() if answer == telling[known[id_]] and not evidence.get(id_, "").strip()
    ]
    if bare:
        raise Invalid(f"Write the evidence for: {', '.join(bare)}.", "evidence_missing")


def check_decision(task: Task, decision: Decision, assessed: Assessed | None, pack: Pack, today: date) -> None:
    """Refuse a decision that its assessment, the pack or the facts do not carry."""
    if decision.outcome in NOT_YET:
        message = f"The outcome {decision.outcome} is not yet supported here. Decide retain, amend or dispose."
        raise Conflict(message, "not_yet")
    if assessed is None:
        raise Conflict("The task has no assessment. Answer the questions first.", "no_assessment")
    if assessed.basis != task.request.basis:
        raise Conflict("The facts changed after the assessment. Assess it anew.", "basis_changed")
    if decision.purpose is not None and decision.purpose not in pack.policing_purposes:
        raise Invalid(f"Name a purpose of the pack: {', '.join(pack.policing_purposes)}.", "unknown_purpose")
    if decision.group is not None and decision.outcome != "amend":
        raise Invalid("Only an amendment puts a person in another group. Remove group.", "group_without_amend")
    if decision.outcome == "dispose":
        _check_dispose(decision, assessed)
    elif decision.outcome == "amend":
        _check_amend(task, decision, assessed, pack, today)
    else:
        _check_retain(task, decision, assessed, pack, today)


def _check_dispose(decision: Decision, assessed: Assessed) -> None:
    if decision.next_on is not None:
        raise Invalid("A disposal has no next review. Remove next_on.", "next_on_with_dispose")
    if assessed.proposal == "enquire":
        raise Conflict("An unknown answer is not a no. Retain, and enquire.", "unknown_is_not_no")
    stands = "no" in (assessed.necessity, assessed.proportionality)
    if assessed.proposal == "retain" and not stands:
        message = "The assessment proposes to retain. Dispose only if it calls keeping unnecessary or disproportionate."
        raise Conflict(message, "proposal_retains")


def _check_amend(task: Task, decision: Decision, assessed: Assessed, pack: Pack, today: date) -> None:
    """A group rises by fact, and falls by a review that shows why the person is kept and how sure that is."""
    if decision.next_on is not None:
        raise Invalid("The group that is given says when the next review is. Remove next_on.", "next_on_with_amend")
    if assessed.proposal == "enquire":
        raise Conflict("An unknown answer is not a no. Retain, and enquire.", "unknown_is_not_no")
    now = task.request.group
    if task.request.subject_kind != "nominal" or now not in pack.ranks:
        message = "An amendment lowers the group of a person, and this review is of nobody in one. Retain or dispose."
        raise Conflict(message, "nobody_in_a_group")
    lower = [id_ for id_, rank in pack.ranks.items() if rank > pack.ranks[now]]
    if decision.group not in lower:
        known = f"name one of {', '.join(lower)}" if lower else "there is none below it"
        message = f"A group rises by fact and falls by a review: the person is in {now}; {known}."
        raise Invalid(message, "group_not_lower" if decision.group in pack.ranks else "unknown_group")
    _check_retain(task, decision, assessed, pack, today)


def _check_retain(task: Task, decision: Decision, assessed: Assessed, pack: Pack, today: date) -> None:
    if decision.purpose is None:
        raise Invalid("Name the policing purpose that you rely on.", "purpose_missing")
    if assessed.proposal == "retain" and (assessed.necessity, assessed.proportionality) != ("yes", "yes"):
        message = "Retaining stands only if the assessment answers necessity and proportionality with yes."
        raise Conflict(message, "not_shown_necessary")
    if decision.next_on is not None:
        _check_next(task, decision.next_on, pack, today)


def _check_next(task: Task, next_on: date, pack: Pack, today: date) -> None:
    group = pack.groups.get(task.request.group or "")
    latest = add(today, (group and group.cadence) or pack.backstop, pack.leap)
    if not today < next_on <= latest:
        raise Invalid("next_on must be after today and may only be earlier than policy's own date.", "next_on_too_late")


def decided(task: Task, decision: Decision, pack: Pack) -> Task:
    """Move a decided task on: a disposal and a lower group wait for the group's chain, anything else is complete."""
    waits = decision.outcome in ("dispose", "amend") and pack.chain(task.request.group)
    return task.moved("awaiting_approval" if waits else "completed", task.assignee)


def next_step(task: Task, actor: Actor, authors: Collection[str], chain: Sequence[Step], given: Sequence[str]) -> Step:
    """Find the link of the chain that this person may be, or say why they may not and who is still missing.

    `authors` wrote the decision's assessment; `given` have approved already, in the chain's order.
    """
    if task.state != "awaiting_approval":
        raise Conflict(f"The task is {task.state}. Nothing waits for approval.", "not_awaiting_approval")
    missing = chain[len(given) :]
    if not missing:
        raise Conflict("The chain is complete already.", "not_awaiting_approval")
    if actor.staff_id == task.assignee or actor.staff_id in given:
        raise NotYou("You have acted on this decision already. Another person must approve it.", "same_person", missing)
    if actor.staff_id in authors:
        raise NotYou("You compiled what is to be approved. Another person must approve it.", "compiled_it", missing)
    if not actor.fits(missing[0]):
        needed = missing[0].role + (f" with competence {missing[0].competence}" if missing[0].competence else "")
        raise NotYou(f"The next approval needs a {needed}.", "wrong_role", missing)
    return missing[0]


def approved(task: Task, left: int) -> Task:
    """Move a task on after an approval; the last one completes it."""
    return task.moved("awaiting_approval" if left else "completed", task.assignee)


def returned(task: Task) -> Task:
    """Give a task back to its reviewer; the round that ends here stays readable."""
    return task.again("returned", task.assignee, task.cause)
