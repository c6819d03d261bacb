"""A task from claim to decision over HTTP, against a real database."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID, uuid4

import httpx
import msgspec
import pytest

from services.review.actions.taking import take_disposals, take_reviews
from services.review.api import make_app
from services.review.main import DEMO_PEOPLE
from services.review.storage import cards
from services.review.storage.cards import Card
from services.review.storage.work import introduce
from shared.db import connect, driver, transaction
from shared.events import DisposalExecuted, Member, ReviewRequested
from shared.http import edge_of
from shared.keys import read_keys
from shared.policy import read_pack
from shared.settings import Settings
from tests.stack import POLICY
from tools.stack import issuer, keys

NOW = datetime(2026, 4, 1, 9, tzinfo=UTC)
RO, RO2, RM, HIM = "D-RO1", "D-RO2", "D-RM1", "D-HIM1"


class Office:
    """Review's API as its people use it, and its worker's connection."""

    def __init__(self, client: httpx.AsyncClient, folder: Any, worker: Any, pack: Any, sealing: Any) -> None:
        self.client, self.folder, self.worker, self.pack, self.keys = client, folder, worker, pack, sealing
        self.task: UUID = uuid4()
        self.version = 1

    async def ask(self, **changes: Any) -> ReviewRequested:
        """Have retention ask for a review, and this office look at it."""
        record = uuid4()
        members = (Member(record, "crime.report.suspect", date(2026, 4, 30), False),)
        day = date(2026, 5, 1)
        head = {"review_id": uuid4(), "subject": record, "subject_kind": "record", "kind": "scheduled", "version": 1}
        body = {"cause": "period_ended", "group": None, "row": "R03", "pack": self.pack.hash, "due_on": day}
        rest = {"records": members, "derivation": {"v": 1, "steps": []}, "basis": "b" * 64}
        asked = ReviewRequested(**(head | body | rest | changes))
        async with transaction(self.worker) as connection:
            await take_reviews(connection, [asked], NOW)
        self.task, self.version = asked.review_id, 1
        return asked

    async def get(self, path: str, who: str = RM) -> httpx.Response:
        return await self.client.get(path, headers=self.headers(who))

    def headers(self, who: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {issuer.token(who, self.folder)}"}

    async def post(self, act: str, who: str, body: Any = None, version: int | None = None) -> httpx.Response:
        headers = self.headers(who) | {"If-Match": f'"{version or self.version}"'}
        answer = await self.client.post(f"/v1/tasks/{self.task}/{act}", json=body, headers=headers)
        if answer.status_code == 200:
            self.version = answer.json()["version"]
            assert answer.headers["etag"] == f'"{self.version}"'
        return answer

    async def refused(self, act: str, who: str, body: Any = None) -> tuple[int, str]:
        answer = await self.post(act, who, body)
        return answer.status_code, answer.json().get("code", "")

    async def done(self, act: str, who: str, body: Any = None) -> dict[str, Any]:
        answer = await self.post(act, who, body)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def answers(self, criteria: str = "no", **changes: Any) -> dict[str, Any]:
        said = {each.id: "yes" if each.part == "gate" else criteria for each in self.pack.questions}
        evidence = {id_: "seen in the file" for id_, answer in said.items() if answer == "yes"}
        return {"answers": said, "evidence": evidence} | changes

    async def assessed(self, criteria: str = "no", who: str = RO, **changes: Any) -> dict[str, Any]:
        await self.done("claim", who)
        return await self.done("assessment", who, self.answers(criteria, **changes))

    async def announced(self, topic: str) -> list[dict[str, Any]]:
        query = "SELECT payload FROM log WHERE topic = $1 ORDER BY log_id"
        async with transaction(self.worker) as connection:
            rows = await (await driver(connection)).fetch(query, topic)
        said = [msgspec.json.decode(row["payload"]) for row in rows]
        return [each for each in said if each["review_id"] == str(self.task)]


def decision(outcome: str, **changes: Any) -> dict[str, Any]:
    why = {"purpose": "preventing_offences", "evidence": "the file", "proportionality": "six years, none since"}
    return {"outcome": outcome, "rationale": why} | changes


@pytest.fixture
async def office(worker_url, tmp_path) -> AsyncIterator[Office]:
    keys.make(tmp_path)
    settings = Settings(keys=tmp_path, jwks_file=tmp_path / "jwks.json", clock="rehearsal")
    pack, sealing = read_pack(POLICY.read_bytes(), POLICY.name), read_keys(tmp_path, "review")
    engine, worker = (connect(worker_url("review", kind), name="tests", pool_size=2) for kind in ("api", "worker"))
    async with transaction(engine) as connection:
        await introduce(connection, DEMO_PEOPLE)
    app = make_app(engine, edge_of("review", settings, sealing, pack), sealing)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://review") as client:
        yield Office(client, tmp_path, worker, pack, sealing)
    await engine.dispose()
    await worker.dispose()


async def test_without_a_chain_a_decision_stands_at_once(office: Office) -> None:
    asked = await office.ask()
    assert (await office.assessed())["proposal"] == "dispose"
    done = await office.done("decision", RO, decision("dispose"))
    assert (done["state"], done["missing"]) == ("completed", [])
    [said] = await office.announced("review.decisions.v1")
    day = said.pop("decided_on")
    assert day == (await office.get("/v1/clock")).json()["date"]
    assert said == {
        "review_id": str(asked.review_id),
        "subject": str(asked.subject),
        "subject_kind": "record",
        "outcome": "dispose",
        "basis": "b" * 64,
        "decided_by": RO,
        "approved_by": [],
        "group": None,
        "next_on": None,
        "version": 4,
    }
    states = [each["state"] for each in await office.announced("review.tasks.v1")]
    assert states == ["open", "claimed", "claimed", "completed"]


async def test_a_disposal_in_g2_needs_a_second_person_of_the_right_competence(office: Office) -> None:
    await office.ask(group="G2")
    await office.assessed()
    waiting = await office.done("decision", RO, decision("dispose"))
    needed = [{"role": "head_of_information_management", "competence": "G2"}]
    assert (waiting["state"], waiting["missing"]) == ("awaiting_approval", needed)
    assert await office.announced("review.decisions.v1") == []
    assert await office.refused("approval", RO, {"answer": "approve"}) == (403, "wrong_role")
    assert (await office.done("approval", HIM, {"answer": "approve"}))["state"] == "completed"
    [said] = await office.announced("review.decisions.v1")
    assert (said["decided_by"], said["approved_by"], said["version"]) == (RO, [HIM], 5)


async def test_an_approver_without_the_competence_is_told_who_is_missing(office: Office) -> None:
    await office.ask(group="G2")
    await office.assessed()
    await office.done("decision", RO, decision("dispose"))
    await _competences(office, HIM, ["G3"])
    answer = await office.post("approval", HIM, {"answer": "approve"})
    assert (answer.status_code, answer.json()["code"]) == (403, "wrong_role")
    assert answer.json()["missing"] == [{"role": "head_of_information_management", "competence": "G2"}]


async def _competences(office: Office, staff_id: str, held: list[str]) -> None:
    async with transaction(office.client._transport.app.state.engine) as connection:  # type: ignore[attr-defined]
        await (await driver(connection)).execute(
            "UPDATE person SET competences = $2 WHERE staff_id = $1", staff_id, held
        )


async def test_a_returned_task_goes_back_to_the_same_reviewer_and_its_first_round_stays_readable(
    office: Office,
) -> None:
    await office.ask(group="G2")
    await office.assessed()
    await office.done("decision", RO, decision("dispose"))
    assert await office.refused("approval", HIM, {"answer": "return"}) == (400, "reason_missing")
    back = await office.done("approval", HIM, {"answer": "return", "reason": "say more"})
    assert (back["state"], back["assignee"], back["round"]) == ("returned", RO, 2)
    await office.done("decision", RO, decision("retain"))
    shown = (await office.get(f"/v1/tasks/{office.task}")).json()
    assert [(each["round"], each["outcome"]) for each in shown["decisions"]] == [(1, "dispose"), (2, "retain")]
    assert [each["answer"] for each in shown["approvals"]] == ["return"]


async def test_who_is_named_by_the_record_neither_reviews_nor_approves(office: Office) -> None:
    asked = await office.ask(group="G2")
    await _card(office, asked.subject, RO)
    await _card(office, asked.subject, HIM)
    assert await office.refused("claim", RO) == (403, "linked_to_subject")
    told = (await office.post("assign", RM, {"assignee": RO})).json()
    assert (told["status"], told["code"]) == (403, "linked_to_subject")
    assert told["detail"].startswith("Whom you name is linked")
    await office.assessed(who=RO2)
    await office.done("decision", RO2, decision("dispose"))
    assert await office.refused("approval", HIM, {"answer": "approve"}) == (403, "linked_to_subject")


async def _card(office: Office, record: UUID, staff_id: str) -> None:
    async with transaction(office.worker) as connection:
        sequence = sum(map(ord, staff_id))
        await cards.keep(connection, [Card(record, "record", sequence, "{}", ((staff_id, "investigating"),))])


async def test_a_review_about_oneself_does_not_exist(office: Office) -> None:
    asked = await office.ask(subject_kind="nominal", subject=uuid4())
    async with transaction(office.worker) as connection:
        await cards.keep(connection, [Card(asked.subject, "nominal", 1, "{}", ((RO, "nominal"),))])
    assert (await office.get(f"/v1/tasks/{office.task}", RO)).status_code == 404
    assert (await office.get(f"/v1/tasks/{office.task}", RO2)).status_code == 200
    assert await office.refused("claim", RO) == (404, "not_found")


async def test_who_works_on_a_task_that_is_decided_is_told_so(office: Office) -> None:
    await office.ask(group="G2")
    assert "Claim it first" in (await office.post("decision", RO, decision("dispose"))).json()["detail"]
    await office.assessed()
    await office.done("decision", RO, decision("dispose"))
    told = (await office.post("decision", RO, decision("dispose"))).json()
    assert (told["code"], "waits for approval" in told["detail"]) == ("not_in_hand", True)
    await office.done("approval", HIM, {"answer": "approve"})
    told = (await office.post("decision", RO, decision("dispose"))).json()
    assert (told["code"], "is decided" in told["detail"]) == ("not_in_hand", True)


async def test_a_state_or_kind_that_no_task_has_is_refused_and_those_there_are_told(office: Office) -> None:
    for name, known in (("state", "'awaiting_approval'"), ("kind", "'backstop'")):
        answer = await office.get(f"/v1/tasks?{name}=opened")
        assert answer.status_code == 422
        [told] = answer.json()["errors"]
        assert told["pointer"] == f"/query/{name}"
        assert known in told["mend"]


async def test_only_who_has_the_task_works_on_it(office: Office) -> None:
    await office.ask()
    assert await office.refused("assessment", RO, office.answers()) == (409, "not_in_hand")
    await office.done("claim", RO)
    assert await office.refused("claim", RO2) == (409, "not_open")
    assert await office.refused("assessment", RO2, office.answers()) == (403, "not_yours")
    assert await office.refused("decision", RO, decision("retain")) == (409, "no_assessment")
    assert (await office.done("assign", RM, {"assignee": RO2}))["assignee"] == RO2
    assert await office.refused("assign", RM, {"assignee": "D-X9"}) == (400, "not_a_reviewing_officer")


@pytest.mark.parametrize(
    ("criteria", "sent", "refusal"),
    [
        pytest.param("unknown", {"outcome": "dispose"}, (409, "unknown_is_not_no"), id="unknown is not no"),
        pytest.param("yes", {"outcome": "retain"}, (409, "not_shown_necessary"), id="necessity not answered"),
        pytest.param("yes", {"outcome": "dispose"}, (409, "proposal_retains"), id="a yes proposes retain"),
        pytest.param("no", {"outcome": "restrict"}, (409, "not_yet"), id="restrict comes later"),
        pytest.param("no", {"outcome": "retain", "next_on": "2999-01-01"}, (400, "next_on_too_late"), id="too late"),
        pytest.param("no", {"outcome": "burn"}, (422, "malformed"), id="no such outcome"),
    ],
)
async def test_a_decision_its_assessment_does_not_carry_is_refused(office: Office, criteria, sent, refusal) -> None:
    await office.ask()
    await office.assessed(criteria)
    assert await office.refused("decision", RO, decision(**sent)) == refusal


async def test_a_retain_with_necessity_and_proportionality_stands(office: Office) -> None:
    await office.ask(group="G2")
    await office.assessed("yes", necessity="yes", proportionality="yes")
    assert (await office.done("decision", RO, decision("retain")))["state"] == "completed"
    assert (await office.announced("review.decisions.v1"))[0]["outcome"] == "retain"


async def test_what_another_keeps_does_not_lengthen_a_persons_own_period(office: Office) -> None:
    shared = (Member(uuid4(), "crime.report.suspect", date(2034, 1, 1), False),)
    person = {"kind": "triggered", "cause": "dbs_disclosure", "subject_kind": "nominal", "records": shared}
    await office.ask(**person, period_ends_on=date(2026, 3, 1))
    assert (await office.assessed())["proposal"] == "dispose"
    shown = (await office.get(f"/v1/tasks/{office.task}", RO)).json()
    assert shown["assessment"]["proposal"] == "dispose"
    await office.done("decision", RO, decision("dispose"))
    await office.ask(**person, period_ends_on=date(2034, 1, 1))
    assert (await office.assessed())["proposal"] == "retain"


async def test_new_facts_void_an_assessment(office: Office) -> None:
    asked = await office.ask()
    await office.assessed()
    async with transaction(office.worker) as connection:
        await take_reviews(connection, [msgspec.structs.replace(asked, version=2, basis="c" * 64)], NOW)
    assert await office.refused("decision", RO, decision("dispose")) == (412, "precondition_failed")
    office.version += 1
    assert await office.refused("decision", RO, decision("dispose")) == (409, "basis_changed")


async def test_the_answers_are_shown_to_who_works_on_the_task_and_destroyed_with_the_record(office: Office) -> None:
    asked = await office.ask()
    await office.assessed()
    await office.done("decision", RO, decision("dispose"))
    path = f"/v1/tasks/{office.task}"
    assert "answers" in (await office.get(path, RO)).json()["assessment"]
    assert "answers" not in (await office.get(path, "D-AU1")).json()["assessment"]
    executed = DisposalExecuted(uuid4(), asked.subject, asked.review_id, 1, NOW, date(2026, 5, 9))
    async with transaction(office.worker) as connection:
        await take_disposals(connection, [executed], office.keys, NOW, {})
        query = "SELECT count(*) FROM body JOIN decision USING (body_id) WHERE task_id = $1"
        assert await (await driver(connection)).fetchval(query, office.task) == 0
    shown = (await office.get(path, RO)).json()["assessment"]
    assert (shown["destroyed_by"], "answers" in shown) == (str(executed.disposal_id), False)


async def test_tasks_are_listed_by_page_and_filter(office: Office) -> None:
    for day in (3, 1, 2):
        await office.ask(kind="backstop", due_on=date(1999, 1, day))
    first = await office.get("/v1/tasks?kind=backstop&due_before=1999-02-01&limit=2&state=open")
    assert [each["due_on"] for each in first.json()["tasks"]] == ["1999-01-01", "1999-01-02"]
    rest = await office.get(first.links["next"]["url"])
    assert [each["due_on"] for each in rest.json()["tasks"]] == ["1999-01-03"]
    assert "next" not in rest.links
    back = await office.get("/v1/tasks?kind=backstop&due_before=1999-02-01&sort=-due_on&limit=1")
    assert back.json()["tasks"][0]["due_on"] == "1999-01-03"
    assert (await office.get("/v1/tasks?cursor=WzFd")).json()["code"] == "cursor_unreadable"


async def test_the_rehearsal_clock_moves_forward_only_and_by_one_role(office: Office) -> None:
    async def put(day: str, who: str) -> httpx.Response:
        return await office.client.put("/v1/clock", json={"date": day}, headers=office.headers(who))

    assert (await put("2090-01-01", RM)).json()["code"] == "wrong_role"
    assert (await put("2090-01-01", HIM)).json()["date"] == "2090-01-01"
    assert (await put("2090-01-01", HIM)).status_code == 200
    assert (await put("2089-12-31", HIM)).json()["code"] == "clock_backwards"
    assert (await put("9999-12-31", HIM)).json()["code"] == "clock_too_far"


async def test_it_is_ready_and_has_no_checkpoint_before_anything_is_sealed(office: Office) -> None:
    ready = await office.client.get("/readyz")
    assert (ready.status_code, set(ready.json()["checks"].values())) == (200, {True}), ready.text
    assert (await office.get("/v1/ledger/checkpoint")).json()["code"] == "nothing_sealed"
