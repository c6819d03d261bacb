"""The people's part: tasks claimed, assessed, decided and approved over HTTP, each in the version that was seen."""

from typing import Any

from tools.demo import people
from tools.demo.estate import Answer, Estate
from tools.demo.people import Fate
from tools.demo.telling import Untrue

GATE = ("purpose", "adequate", "accurate", "sensitive")
CRITERIA = ("serious_harm", "vulnerable", "breach_of_trust", "associations", "substance_misuse", "mental_state")
TASKS_SECONDS_MAX = 90

Task = dict[str, Any]


def open_tasks(estate: Estate) -> dict[str, Task]:
    """Give the open tasks by whom they are about."""
    return {each["subject"]: each for each in estate.pages("review", "/v1/tasks", "tasks", "D-RO1", state="open")}


def asked_about(estate: Estate) -> list[str]:
    """List whom the open tasks are about, once for each task."""
    return [each["subject"] for each in estate.pages("review", "/v1/tasks", "tasks", "D-RO1", state="open")]


def await_tasks(estate: Estate) -> dict[str, Task]:
    """Wait until everybody whose time has come has a task."""
    wanted = {str(fate.nominal) for fate in people.FATES}

    def all_there() -> dict[str, Task] | None:
        found = open_tasks(estate)
        return found if wanted <= found.keys() else None

    return estate.wait("a review of each of the five suspects", TASKS_SECONDS_MAX, all_there)


def decide(estate: Estate, tasks: dict[str, Task], fate: Fate, outcome: str) -> Task:
    """Claim, assess and decide one suspect's review as the reviewing officer; gives the task as it stands then."""
    task_id = tasks[str(fate.nominal)]["task_id"]
    seen = _act(estate, "D-RO1", task_id, "claim", None, estate.ask("D-RO1", "review", "GET", f"/v1/tasks/{task_id}"))
    seen = _act(estate, "D-RO1", task_id, "assessment", _answers(outcome), seen)
    proposal = seen.body["proposal"]
    if proposal != outcome:
        raise Untrue(f"the answers about {fate.nominal_id} should propose {outcome}, and they propose {proposal}")
    decided = _act(estate, "D-RO1", task_id, "decision", _decision(outcome), seen)
    return {**decided.body, "etag": decided.etag}


def approve(estate: Estate, task: Task, who: str) -> Answer:
    """Try to approve a decision as somebody; a refusal is an answer."""
    path = f"/v1/tasks/{task['task_id']}/approval"
    return estate.try_(who, "review", "POST", path, {"answer": "approve"}, If_Match=task["etag"])


def _act(estate: Estate, who: str, task_id: str, verb: str, body: object, seen: Answer) -> Answer:
    return estate.ask(who, "review", "POST", f"/v1/tasks/{task_id}/{verb}", body, If_Match=seen.etag or "")


def _answers(outcome: str) -> dict[str, object]:
    answers = dict.fromkeys(GATE, "yes") | dict.fromkeys(CRITERIA, "no")
    if outcome == "dispose":
        return {"answers": answers}
    evidence = {"associations": "made up: still seen with those convicted with them"}
    return {
        "answers": {**answers, "associations": "yes"},
        "evidence": evidence,
        "necessity": "yes",
        "proportionality": "yes",
    }


def _decision(outcome: str) -> dict[str, object]:
    why = {"evidence": "made up: as assessed", "proportionality": "made up: no less intrusive way"}
    purpose = {"purpose": "preventing_offences"} if outcome == "retain" else {}
    return {"outcome": outcome, "rationale": {**why, **purpose}}
