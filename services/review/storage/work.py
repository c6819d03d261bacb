"""What was assessed, decided and approved; the texts are sealed, their codes are not."""

from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

from services.review.domain import Actor, Assessed, Decision, Task
from shared.db import Connection, driver
from shared.policy import Step

_ASSESS = """
INSERT INTO assessment (task_id, number, round, by_staff, at, on_date, basis, pack, proposal, necessity,
    proportionality, body_id)
SELECT $1, 1 + coalesce(max(number), 0), $2, $3, $4, $5, $6, $7, $8, $9, $10, $11 FROM assessment WHERE task_id = $1
RETURNING number"""
_LATEST = """
SELECT number, by_staff, basis, proposal, necessity, proportionality, body_id, destroyed_by, on_date, pack
FROM assessment
WHERE task_id = $1 ORDER BY number DESC LIMIT 1"""
_DECIDE = """
INSERT INTO decision (task_id, round, outcome, purpose, next_on, grp, decided_by, decided_on, basis, pack, assessment,
    body_id, at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)"""
_APPROVE = """
INSERT INTO approval (task_id, round, step, answer, role, competence, by_staff, on_date, at, body_id)
SELECT $1, $2, 1 + coalesce(max(step), 0), $3, $4, $5, $6, $7, $8, $9 FROM approval WHERE task_id = $1 AND round = $2"""


class When(NamedTuple):
    """The real instant and the policy day of an act, and the pack that it goes by."""

    now: datetime
    today: date
    pack: str


class LatestAssessment(NamedTuple):
    """The newest assessment of a task, and where its sealed answers are, if still held."""

    assessed: Assessed
    on: date
    body_id: int | None
    destroyed_by: UUID | None
    pack: str


class StoredDecision(NamedTuple):
    """A decision as stored."""

    round: int
    outcome: str
    purpose: str | None
    next_on: date | None
    group: str | None
    decided_by: str
    decided_on: date
    pack: str
    assessment: int


class StoredApproval(NamedTuple):
    """One link of a chain as given, or the return that ended its round."""

    round: int
    answer: str
    role: str
    competence: str | None
    by_staff: str
    on_date: date


async def competences(connection: Connection, staff_id: str, roles: frozenset[str]) -> frozenset[str]:
    """Give a person's competences, and note the roles that their token has today."""
    raw = await driver(connection)
    row = await raw.fetchrow("SELECT roles, competences FROM person WHERE staff_id = $1", staff_id)
    if row is None or set(row["roles"]) != roles:
        query = "INSERT INTO person VALUES ($1, $2, '{}') ON CONFLICT (staff_id) DO UPDATE SET roles = excluded.roles"
        await raw.execute(query, staff_id, sorted(roles))
    return frozenset() if row is None else frozenset(row["competences"])


async def roles_of(connection: Connection, staff_id: str) -> frozenset[str]:
    """Give the roles a person is known to have; none for somebody never seen."""
    raw = await driver(connection)
    return frozenset(await raw.fetchval("SELECT roles FROM person WHERE staff_id = $1", staff_id) or ())


async def introduce(connection: Connection, people: list[Actor]) -> None:
    """Make people known, with their competences."""
    raw = await driver(connection)
    rows = [(each.staff_id, sorted(each.roles), sorted(each.competences)) for each in people]
    query = (
        "INSERT INTO person VALUES ($1, $2, $3) ON CONFLICT (staff_id) DO UPDATE SET competences = excluded.competences"
    )
    await raw.executemany(query, rows)


async def keep_assessment(connection: Connection, task: Task, assessed: Assessed, body_id: int, when: When) -> None:
    """Store an assessment under the task's next number, citing the pack whose questions it answers."""
    raw = await driver(connection)
    codes = (assessed.proposal, assessed.necessity, assessed.proportionality)
    head = (task.task_id, task.round, assessed.by, when.now, when.today, task.request.basis, when.pack)
    await raw.fetchval(_ASSESS, *head, *codes, body_id)


async def latest_assessment(connection: Connection, task_id: UUID) -> LatestAssessment | None:
    """Find the newest assessment of a task."""
    raw = await driver(connection)
    row = await raw.fetchrow(_LATEST, task_id)
    if row is None:
        return None
    return LatestAssessment(Assessed(*row[:6]), row["on_date"], row["body_id"], row["destroyed_by"], row["pack"])


async def keep_decision(
    connection: Connection, task: Task, decision: Decision, assessment: int, body_id: int, when: When
) -> None:
    """Store the decision of a task's round, citing its request's basis and the pack it went by."""
    raw = await driver(connection)
    said = (decision.outcome, decision.purpose, decision.next_on, decision.group, task.assignee, when.today)
    cited = (task.request.basis, when.pack, assessment, body_id)
    await raw.execute(_DECIDE, task.task_id, task.round, *said, *cited, when.now)


async def decisions(connection: Connection, task_id: UUID) -> list[StoredDecision]:
    """List a task's decisions, the first round first."""
    raw = await driver(connection)
    names = ", ".join("grp" if name == "group" else name for name in StoredDecision._fields)
    rows = await raw.fetch(f"SELECT {names} FROM decision WHERE task_id = $1 ORDER BY round", task_id)
    return [StoredDecision(*row) for row in rows]


async def keep_approval(
    connection: Connection, task: Task, answer: tuple[str, Step, int | None], by: str, when: When
) -> None:
    """Store one link of the chain; `answer` is what was said, as whom, and where the reason is sealed."""
    raw = await driver(connection)
    said, step, body_id = answer
    head = (task.task_id, task.round, said, step.role, step.competence, by)
    await raw.execute(_APPROVE, *head, when.today, when.now, body_id)


async def approvals(connection: Connection, task_id: UUID) -> list[StoredApproval]:
    """List what was said of a task's decisions, in order."""
    raw = await driver(connection)
    names = ", ".join(StoredApproval._fields)
    rows = await raw.fetch(f"SELECT {names} FROM approval WHERE task_id = $1 ORDER BY round, step", task_id)
    return [StoredApproval(*row) for row in rows]


async def authors(connection: Connection, task_id: UUID) -> frozenset[str]:
    """Find who wrote any assessment or decision of a task."""
    raw = await driver(connection)
    query = (
        "SELECT by_staff FROM assessment WHERE task_id = $1 UNION SELECT decided_by FROM decision WHERE task_id = $1"
    )
    return frozenset(row[0] for row in await raw.fetch(query, task_id))


async def erase(
    connection: Connection, disposal_id: UUID, record_id: UUID, review_id: UUID | None, now: datetime
) -> int | None:
    """Destroy what a disposal asks for, counting the sealed texts; None when it was done before."""
    raw = await driver(connection)
    gone: int | None = await raw.fetchval("SELECT erase($1, $2, $3, $4)", disposal_id, record_id, review_id, now)
    await raw.execute("DELETE FROM unlinking WHERE record_id = $1", record_id)
    return gone
