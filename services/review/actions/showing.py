"""What a task shows: codes to everybody who may read the process, the sealed answers only to who works on it."""

from typing import Any
from uuid import UUID

import msgspec

from services.review.actions.taking import LINKS
from services.review.actions.working import Answers, chain_of, missing
from services.review.domain import Task
from services.review.storage import cards, tasks, work
from services.review.storage.tasks import Wanted
from services.review.storage.unlinkings import Unlinking
from shared.bodies import open_body
from shared.db import Connection
from shared.errors import NotFound
from shared.keys import Keys
from shared.policy import Pack, Step
from shared.sentences import sentence

CARDS_SHOWN_MAX = 200


async def find_tasks(connection: Connection, wanted: Wanted, staff_id: str, limit: int) -> tuple[list[Task], bool]:
    """List tasks, and say whether there are more."""
    found = await tasks.page(connection, wanted, staff_id, limit + 1)
    return found[:limit], len(found) > limit


async def find_task(connection: Connection, task_id: UUID, staff_id: str) -> Task:
    """Find a task; one about the asker does not exist for them."""
    task = await tasks.find(connection, task_id, staff_id)
    if task is None:
        raise NotFound("No task with this id is held here.")
    return task


def summary(task: Task) -> dict[str, Any]:
    """Give a task in one line."""
    asked = task.request
    return {
        "task_id": task.task_id,
        "review_id": asked.review_id,
        "subject": asked.subject,
        "subject_kind": asked.subject_kind,
        "kind": asked.kind,
        "cause": task.cause,
        "group": asked.group,
        "row": asked.row,
        "pack": asked.pack,
        "due_on": asked.due_on,
        "state": task.state,
        "assignee": task.assignee,
        "round": task.round,
        "version": task.version,
        "records": len(asked.records),
        "escalation": None,
    }


async def whole(connection: Connection, task: Task, pack: Pack) -> dict[str, Any]:
    """Give a task with its records, its reasons, and what was decided and approved in every round."""
    asked = task.request
    members = asked.records[:CARDS_SHOWN_MAX]
    shown = await cards.shown(connection, [member.record_id for member in members])
    records = [{**msgspec.to_builtins(member), "card": shown.get(member.record_id)} for member in members]
    said = await work.approvals(connection, task.task_id)
    return {
        **summary(task),
        "covers": records,
        "basis": asked.basis,
        "reasons": _reasons(asked.derivation),
        "in_force": pack.hash,
        "questions": [{"id": each.id, "part": each.part, "text": each.text} for each in pack.questions],
        "decisions": [decision._asdict() for decision in await work.decisions(connection, task.task_id)],
        "approvals": [approval._asdict() for approval in said],
        "chain": steps(await chain_of(connection, task, pack)),
        "missing": steps(await missing(connection, task, pack)),
    }


def correction(asked: Unlinking) -> dict[str, Any]:
    """Give what upstream was asked to correct."""
    return {
        "correction_id": asked.disposal_id,
        "record_id": asked.record_id,
        "what": LINKS,
        "nominals": asked.nominals,
        "after": asked.up_to,
        "requested_at": asked.at,
    }


def steps(chain: tuple[Step, ...]) -> list[dict[str, str | None]]:
    """Give links of a chain as an answer names them."""
    return [{"role": step.role, "competence": step.competence} for step in chain]


def _reasons(derivation: dict[str, Any]) -> list[str]:
    listed = derivation.get("steps", [])
    try:
        return [sentence(step) for step in listed]
    except (KeyError, TypeError, ValueError):  # A newer retention may give steps that this version has no words for.
        return []


async def answers(connection: Connection, task: Task, keys: Keys, *, content: bool) -> dict[str, Any] | None:
    """Give the newest assessment: its codes, and with `content` its answers, unless they were destroyed."""
    latest = await work.latest_assessment(connection, task.task_id)
    if latest is None:
        return None
    shown: dict[str, Any] = {
        "by": latest.assessed.by,
        "on": latest.on,
        "pack": latest.pack,
        "proposal": latest.assessed.proposal,
        "necessity": latest.assessed.necessity,
        "proportionality": latest.assessed.proportionality,
        "destroyed_by": latest.destroyed_by,
    }
    if content and latest.body_id is not None:
        sealed = msgspec.json.decode(await open_body(connection, keys, latest.body_id), type=Answers)
        shown |= {"answers": sealed.answers, "evidence": sealed.evidence}
    return shown
