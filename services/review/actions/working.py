"""The work on a task: claim, assign, assess, decide, approve or return. Each locks its task first."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple
from uuid import UUID

import msgspec

from services.review import domain
from services.review.actions.taking import announce
from services.review.domain import Actor, Assessed, Decision, NotYou, Task
from services.review.storage import cards, tasks, work
from services.review.storage.work import When
from shared.bodies import Plain
from shared.bodies import store as seal
from shared.db import Connection
from shared.errors import Conflict, NotFound, PreconditionFailed
from shared.events import DECISIONS, ReviewDecided, encode
from shared.in_force import pack_of
from shared.keys import Keys
from shared.log import Entry, put
from shared.policy import Answer, Pack, Step
from shared.trails import traced


@dataclass(frozen=True, slots=True)
class Desk:
    """What every act goes by: the pack, the keys, the instant and the policy day, and who acts."""

    pack: Pack
    keys: Keys
    when: When
    actor: Actor


class Ref(NamedTuple):
    """A task, in the version that the one who acts has seen."""

    task_id: UUID
    version: int


class Answers(msgspec.Struct, frozen=True):
    """A reviewer's answers, as they are sealed."""

    answers: dict[str, Answer]
    evidence: dict[str, str]
    necessity: Answer | None = None
    proportionality: Answer | None = None


class Rationale(msgspec.Struct, frozen=True):
    """Why it was decided so, as it is sealed."""

    purpose: str | None
    evidence: str
    proportionality: str


async def claim(connection: Connection, desk: Desk, ref: Ref) -> Task:
    """Take an open task."""
    task = await _locked(connection, desk, ref)
    return await _keep(connection, desk, domain.claimed(task, desk.actor, await cards.linked_staff(connection, task)))


async def assign(connection: Connection, desk: Desk, ref: Ref, assignee: str) -> Task:
    """Give a task to a reviewing officer."""
    task = await _locked(connection, desk, ref)
    roles = await work.roles_of(connection, assignee)
    linked = await cards.linked_staff(connection, task)
    return await _keep(connection, desk, domain.assigned(task, assignee, roles, linked))


async def assess(connection: Connection, desk: Desk, ref: Ref, given: Answers) -> tuple[Task, str]:
    """Seal a reviewer's answers and say what they propose."""
    task = await _in_hand(connection, desk, ref)
    domain.check_answers(given.answers, given.evidence, desk.pack)
    found = domain.proposed(task.request, given.answers, desk.pack, desk.when.today)
    author = desk.actor.staff_id
    assessed = Assessed(0, author, task.request.basis, found, given.necessity, given.proportionality)
    body = await _seal(connection, desk, given)
    await work.keep_assessment(connection, task, assessed, body, desk.when)
    return await _keep(connection, desk, task.moved(task.state, task.assignee)), found


async def decide(connection: Connection, desk: Desk, ref: Ref, decision: Decision, why: Rationale) -> Task:
    """Decide a task; without a chain of approval the decision stands at once and is announced."""
    task = await _in_hand(connection, desk, ref)
    latest = await work.latest_assessment(connection, task.task_id)
    assessed = None if latest is None else latest.assessed
    if latest is not None and (await pack_of(connection, latest.pack, desk.pack)).questions != desk.pack.questions:
        raise Conflict("The questions changed after the assessment. Assess it anew.", "questions_changed")
    domain.check_decision(task, decision, assessed, desk.pack, desk.when.today)
    assert assessed is not None, "a decision without an assessment was refused"
    body = await _seal(connection, desk, why)
    await work.keep_decision(connection, task, decision, assessed.number, body, desk.when)
    return await _conclude(connection, desk, domain.decided(task, decision, desk.pack), ())


async def approve(
    connection: Connection, desk: Desk, ref: Ref, answer: Literal["approve", "return"], reason: str | None
) -> Task:
    """Give the next link of the chain, or return the task to its reviewer; the last link announces the decision."""
    task = await _locked(connection, desk, ref)
    given = await _given(connection, task)
    step = await _step(connection, desk, task, given)
    body = None if reason is None else await _seal(connection, desk, reason)
    by = desk.actor.staff_id
    await work.keep_approval(connection, task, (answer, step, body), by, desk.when)
    if answer == "return":
        return await _keep(connection, desk, domain.returned(task))
    approvers = (*given, by)
    left = len(await chain_of(connection, task, desk.pack)) - len(approvers)
    return await _conclude(connection, desk, domain.approved(task, left), approvers)


async def _step(connection: Connection, desk: Desk, task: Task, given: tuple[str, ...]) -> Step:
    chain = await chain_of(connection, task, desk.pack)
    authors = await work.authors(connection, task.task_id)
    step = domain.next_step(task, desk.actor, authors, chain, given)
    if desk.actor.staff_id in await cards.linked_staff(connection, task):
        message = "You are named by a record or person of this review. Somebody with no link to it must approve."
        raise NotYou(message, "linked_to_subject", chain[len(given) :])
    return step


async def chain_of(connection: Connection, task: Task, pack: Pack) -> tuple[Step, ...]:
    """Give the chain of approval of a task's group; one that is under way stays that of the pack it was decided by."""
    if task.state == "awaiting_approval":
        decision = (await work.decisions(connection, task.task_id))[-1]
        pack = await pack_of(connection, decision.pack, pack)
    return pack.chain(task.request.group)


async def missing(connection: Connection, task: Task, pack: Pack) -> tuple[Step, ...]:
    """List the links of the chain that a waiting decision still needs."""
    if task.state != "awaiting_approval":
        return ()
    return (await chain_of(connection, task, pack))[len(await _given(connection, task)) :]


async def _given(connection: Connection, task: Task) -> tuple[str, ...]:
    said = await work.approvals(connection, task.task_id)
    return tuple(each.by_staff for each in said if each.round == task.round and each.answer == "approve")


async def _in_hand(connection: Connection, desk: Desk, ref: Ref) -> Task:
    task = await _locked(connection, desk, ref)
    domain.in_hand(task, desk.actor, await cards.linked_staff(connection, task))
    return task


async def _locked(connection: Connection, desk: Desk, ref: Ref) -> Task:
    task = (await tasks.lock(connection, [ref.task_id])).get(ref.task_id)
    # A review about oneself does not exist, whatever one does to it.
    if task is None or await tasks.find(connection, ref.task_id, desk.actor.staff_id) is None:
        raise NotFound("No task with this id is held here.")
    if task.version != ref.version:
        raise PreconditionFailed("The task has changed since you read it. Read it again and decide anew.")
    return task


async def _seal(connection: Connection, desk: Desk, text: Answers | Rationale | str) -> int:
    return (await seal(connection, desk.keys, [Plain(None, msgspec.json.encode(text))]))[0]


async def _keep(connection: Connection, desk: Desk, task: Task) -> Task:
    await tasks.move(connection, task, desk.when.now)
    await put(connection, await traced(connection, [announce(task)], [(task.request.subject,)]), desk.when.now)
    return task


async def _conclude(connection: Connection, desk: Desk, task: Task, approvers: tuple[str, ...]) -> Task:
    await _keep(connection, desk, task)
    if task.state == "completed":
        decided = await _decided(connection, desk, task, approvers)
        await put(connection, await traced(connection, [decided], [(task.request.subject,)]), desk.when.now)
    return task


async def _decided(connection: Connection, desk: Desk, task: Task, approvers: tuple[str, ...]) -> Entry:
    decision = (await work.decisions(connection, task.task_id))[-1]
    asked = task.request
    assert decision.outcome in _OUTCOMES, "every other outcome was refused"
    event = ReviewDecided(
        review_id=asked.review_id,
        subject=asked.subject,
        subject_kind=asked.subject_kind,
        outcome=_OUTCOMES[decision.outcome],
        basis=asked.basis,
        decided_by=decision.decided_by,
        approved_by=approvers,
        decided_on=desk.when.today,  # The day the chain was complete: cooling-off counts from it.
        next_on=decision.next_on,
        group=decision.group,
        version=task.version,
    )
    return Entry(DECISIONS, str(asked.subject), event.type, asked.review_id, task.version, encode(event))


_OUTCOMES: Mapping[str, Literal["retain", "dispose", "amend"]] = {
    "retain": "retain",
    "dispose": "dispose",
    "amend": "amend",
}
