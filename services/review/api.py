"""HTTP in: parse, call one action, answer."""

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, FastAPI, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from sqlalchemy.ext.asyncio import AsyncEngine

from services.review import answers as told
from services.review.actions import showing, working
from services.review.actions.working import Answers, Desk, Rationale, Ref
from services.review.domain import Actor, Decision, State, Task
from services.review.storage.tasks import Wanted
from services.review.storage.unlinkings import unanswered
from services.review.storage.work import When, competences
from shared.errors import Invalid
from shared.events import ReviewKind
from shared.http import (
    ID_PATTERN,
    Asker,
    Edge,
    IfMatch,
    Now,
    Page,
    Paged,
    Today,
    Transaction,
    among_words,
    answers,
    etag,
    http_app,
    next_link,
)
from shared.keys import Keys
from shared.policy import Answer, Pack

TEXT_CHARACTERS_MAX = 10_000
ANSWERS_MAX = 50

TITLE = "Tenure: review"
REVIEWERS = frozenset({"reviewing_officer"})
APPROVERS = frozenset({"head_of_information_management"})
READERS = REVIEWERS | APPROVERS | {"records_manager", "auditor", "data_protection_officer"}
ROLES: Mapping[str, frozenset[str]] = {
    "GET /v1/tasks": READERS,
    "GET /v1/tasks/{task_id}": READERS,
    "POST /v1/tasks/{task_id}/claim": REVIEWERS,
    "POST /v1/tasks/{task_id}/assign": frozenset({"records_manager"}),
    "POST /v1/tasks/{task_id}/assessment": REVIEWERS,
    "POST /v1/tasks/{task_id}/decision": REVIEWERS,
    "POST /v1/tasks/{task_id}/approval": APPROVERS,
    "GET /v1/corrections": READERS,
}

router = APIRouter(prefix="/v1/tasks", tags=["tasks"])
corrections = APIRouter(prefix="/v1/corrections", tags=["corrections"])

Code = Annotated[str, StringConstraints(pattern=ID_PATTERN)]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=TEXT_CHARACTERS_MAX)]


class Body(BaseModel):
    """A request's body: what the contract does not name is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Assignment(Body):
    """To whom a task is given."""

    assignee: Code


class NewAssessment(Body):
    """Answers to the pack's questions; evidence for each criterion answered yes and each gate answered no."""

    answers: dict[Code, Answer] = Field(max_length=ANSWERS_MAX)
    evidence: dict[Code, Text] = Field(default_factory=dict, max_length=ANSWERS_MAX)
    necessity: Answer | None = None
    proportionality: Answer | None = None


class Why(Body):
    """The rationale: the policing purpose relied on, the evidence, and proportionality."""

    purpose: Code | None = None
    evidence: Text
    proportionality: Text


class NewDecision(Body):
    """What is decided, and why; `next_on` may only be earlier than policy's own date, `group` only lower."""

    outcome: Literal["retain", "dispose", "amend", "restrict", "transfer", "refer"]
    rationale: Why
    next_on: date | None = None
    group: Code | None = Field(default=None, description="of an amendment: the lower group that the person is put in")


class NewApproval(Body):
    """Approve the decision, or return it to its reviewer with a reason."""

    answer: Literal["approve", "return"]
    reason: Text | None = None


async def _desk(request: Request, connection: Transaction, asker: Asker, now: Now, today: Today) -> Desk:
    staff_id = asker.decides_as()
    actor = Actor(staff_id, asker.roles, await competences(connection, staff_id, asker.roles))
    pack: Pack = request.app.state.edge.pack
    return Desk(pack, request.app.state.keys, When(now, today, pack.hash), actor)


AtDesk = Annotated[Desk, Depends(_desk)]


def _ref(task_id: UUID, version: IfMatch) -> Ref:
    return Ref(task_id, version)


Named = Annotated[Ref, Depends(_ref)]


def _wanted(
    page: Paged,
    state: Annotated[State, among_words(State)] | None = None,
    assignee: Annotated[Code | None, Query()] = None,
    kind: Annotated[ReviewKind, among_words(ReviewKind)] | None = None,
    due_before: date | None = None,
    sort: Literal["due_on", "-due_on"] = "due_on",
) -> tuple[Wanted, Page]:
    return Wanted(state, assignee, kind, due_before, sort == "-due_on", _after(page)), page


def _after(page: Page) -> tuple[date, UUID] | None:
    if page.after is None:
        return None
    try:
        day, task_id = page.after
        return date.fromisoformat(str(day)), UUID(str(task_id))
    except ValueError:
        raise Invalid("The cursor is not one of this list. Start again without it.", "cursor_unreadable") from None


@router.get("", responses=answers(told.Lines))
async def show_tasks(
    request: Request,
    response: Response,
    connection: Transaction,
    asker: Asker,
    wanted: Annotated[tuple[Wanted, Page], Depends(_wanted)],
) -> dict[str, Any]:
    """List tasks by due date; those about the asker are not there."""
    filters, page = wanted
    found, more = await showing.find_tasks(connection, filters, asker.staff_id or "", page.limit)
    last = found[-1] if more else None
    next_link(request, response, None if last is None else (str(last.request.due_on), str(last.task_id)))
    return {"tasks": [showing.summary(task) for task in found]}


@router.get("/{task_id}", responses=answers(told.Whole, 404, versioned=True))
async def show_task(
    task_id: UUID, request: Request, response: Response, connection: Transaction, asker: Asker
) -> dict[str, Any]:
    """Show a task; the sealed answers to its reviewer, records managers and approvers only."""
    keys: Keys = request.app.state.keys
    task = await showing.find_task(connection, task_id, asker.staff_id or "")
    etag(response, task.version)
    works = bool(asker.roles & (APPROVERS | {"records_manager"})) or asker.staff_id == task.assignee
    assessment = await showing.answers(connection, task, keys, content=works)
    return {**await showing.whole(connection, task, request.app.state.edge.pack), "assessment": assessment}


@router.post("/{task_id}/claim", responses=answers(told.Line, 400, 404, 409, versioned=True))
async def claim(response: Response, connection: Transaction, desk: AtDesk, ref: Named) -> dict[str, Any]:
    """Take an open task."""
    return _stands(response, await working.claim(connection, desk, ref))


@router.post("/{task_id}/assign", responses=answers(told.Line, 400, 404, 409, versioned=True))
async def assign(
    body: Assignment, response: Response, connection: Transaction, desk: AtDesk, ref: Named
) -> dict[str, Any]:
    """Give a task to a reviewing officer."""
    return _stands(response, await working.assign(connection, desk, ref, body.assignee))


@router.post("/{task_id}/assessment", responses=answers(told.Proposal, 400, 404, 409, versioned=True))
async def assess(
    body: NewAssessment, response: Response, connection: Transaction, desk: AtDesk, ref: Named
) -> dict[str, Any]:
    """Answer the pack's questions; the answer says what they propose."""
    given = Answers(body.answers, body.evidence, body.necessity, body.proportionality)
    task, proposal = await working.assess(connection, desk, ref, given)
    return {**_stands(response, task), "proposal": proposal}


@router.post("/{task_id}/decision", responses=answers(told.Waiting, 400, 404, 409, versioned=True))
async def decide(
    body: NewDecision, response: Response, connection: Transaction, desk: AtDesk, ref: Named
) -> dict[str, Any]:
    """Decide; where the group has a chain of approval, the answer names who is still missing."""
    decision = Decision(body.outcome, body.rationale.purpose, body.next_on, body.group)
    why = Rationale(body.rationale.purpose, body.rationale.evidence, body.rationale.proportionality)
    task = await working.decide(connection, desk, ref, decision, why)
    return _stands(response, task) | await _missing(connection, task, desk.pack)


@router.post("/{task_id}/approval", responses=answers(told.Waiting, 400, 404, 409, versioned=True))
async def approve(
    body: NewApproval, response: Response, connection: Transaction, desk: AtDesk, ref: Named
) -> dict[str, Any]:
    """Approve or return a decision; the answer names who is still missing."""
    if body.answer == "return" and body.reason is None:
        raise Invalid("Say why you return it.", "reason_missing")
    task = await working.approve(connection, desk, ref, body.answer, body.reason)
    return _stands(response, task) | await _missing(connection, task, desk.pack)


def _stands(response: Response, task: Task) -> dict[str, Any]:
    etag(response, task.version)
    return showing.summary(task)


async def _missing(connection: Transaction, task: Task, pack: Pack) -> dict[str, Any]:
    return {"missing": showing.steps(await working.missing(connection, task, pack))}


@corrections.get("", responses=answers(told.Corrections, 400))
async def show_corrections(
    request: Request, response: Response, connection: Transaction, asker: Asker, page: Paged
) -> dict[str, Any]:
    """List what upstream was asked to correct and has not; the longest asked first, none about the asker.

    A revised state that names the person no more is the answer.
    """
    found = await unanswered(connection, asker.staff_id or "", page.key(), page.limit + 1)
    shown = found[: page.limit]
    next_link(request, response, (shown[-1].unlinking_id,) if len(found) > page.limit else None)
    return {"corrections": [showing.correction(each) for each in shown]}


ROUTERS = (router, corrections)


def make_app(engine: AsyncEngine, edge: Edge, keys: Keys) -> FastAPI:
    """Make review's app."""
    app = http_app(TITLE, engine=engine, routes=ROLES, routers=ROUTERS, edge=edge)
    app.state.keys = keys
    return app
