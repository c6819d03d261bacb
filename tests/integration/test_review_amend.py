"""A review lowers a person's group, end to end: asked for by retention, decided over HTTP, and dated anew."""

from contextlib import asynccontextmanager

import pytest

from services.retention.actions import decisions
from services.review.actions.taking import take_reviews
from shared.clock import wall_clock
from shared.db import connect, transaction
from shared.events import DECISIONS, REVIEWS, ReviewDecided, ReviewRequested, encode
from tests.apis import own_database, running
from tests.integration.test_in_force import changed, deliver, made_of
from tests.integration.test_retention_lifecycle import told
from tests.integration.test_retention_regrouped import LOOKED_AT, THEFT, WOUNDING, groups
from tests.make_facts import PACK
from tests.make_lifecycle import hear, settle_all, take, tick
from tests.make_registered import record_state, ref, suspect
from tools.stack import issuer, keys

RO, HIM = "D-RO1", "D-HIM1"
CHAIN = 'chain = [{role = "head_of_information_management", competence = "G2"}]\n'
WHY = {"purpose": "preventing_offences", "evidence": "the file", "proportionality": "one wound, long ago"}


class Office:
    """Retention's and review's workers' databases, and their APIs; the broker between them is this test."""

    def __init__(self, apis, retention, review):
        self.apis, self.retention, self.review = apis, retention, review

    async def ask(self):
        """Let a person's period end, and the review that retention asks for come in."""
        await take(self.retention, WOUNDING, THEFT)
        await hear(self.retention)
        await tick(self.retention, LOOKED_AT)
        self.asked = (await told(self.retention, REVIEWS, ReviewRequested))[-1]
        async with transaction(self.review) as connection:
            await take_reviews(connection, [self.asked], wall_clock())
        self.version = 1

    async def post(self, act, who, body=None):
        headers = {"Authorization": f"Bearer {issuer.token(who, self.apis.folder)}", "If-Match": f'"{self.version}"'}
        async with self.apis.client("review") as client:
            answer = await client.post(f"/v1/tasks/{self.asked.review_id}/{act}", json=body, headers=headers)
        if answer.status_code == 200:
            self.version = answer.json()["version"]
        return answer

    async def assess(self):
        """Claim and assess: every gate yes, one criterion yes, keeping necessary and proportionate."""
        said = {each.id: "yes" if each.part == "gate" else "no" for each in PACK.questions}
        criterion = next(each.id for each in PACK.questions if each.part == "criteria")
        whole = {"answers": said | {criterion: "yes"}, "evidence": {criterion: "seen in the file"}}
        assert (await self.post("claim", RO)).status_code == 200
        answer = await self.post("assessment", RO, whole | {"necessity": "yes", "proportionality": "yes"})
        assert answer.json()["proposal"] == "retain", answer.text

    async def amend(self, group):
        return await self.post("decision", RO, {"outcome": "amend", "rationale": WHY, "group": group})

    async def deliver(self):
        """Carry to retention what was decided, and settle."""
        rows = await told(self.review, DECISIONS, ReviewDecided)
        for event in rows:
            async with transaction(self.retention) as connection:
                await decisions.decide(connection, PACK, event, LOOKED_AT, wall_clock())
        await settle_all(self.retention)
        return rows

    async def shown(self, service, path):
        async with self.apis.client(service) as client:
            token = {"Authorization": f"Bearer {self.apis.token('records_manager')}"}
            return (await client.get(path, headers=token)).json()


@asynccontextmanager
async def an_office(database, folder):
    keys.make(folder)
    urls = own_database(database, ("api", "worker"))
    retention, review = (connect(urls[f"{name}_worker"], name="tests") for name in ("retention", "review"))
    async with running(urls, folder) as apis:
        yield Office(apis, retention, review)
    await retention.dispose()
    await review.dispose()


@pytest.fixture
async def office(database, tmp_path):
    async with an_office(database, tmp_path) as made:
        await made.ask()
        await made.assess()
        yield made


async def test_a_group_falls_once_the_second_person_agrees(office):
    waits = (await office.amend("G3")).json()
    assert (waits["state"], [each["competence"] for each in waits["missing"]]) == ("awaiting_approval", ["G2"])
    assert await office.deliver() == []
    assert (await office.post("approval", RO, {"answer": "approve"})).status_code == 403
    assert await groups(office.retention) == (["G2"], ["G2", "G2"])

    done = (await office.post("approval", HIM, {"answer": "approve"})).json()
    [said] = await office.deliver()

    assert done["state"] == "completed"
    assert (said.outcome, said.group, said.basis) == ("amend", "G3", office.asked.basis)
    assert (said.decided_by, said.approved_by) == (RO, (HIM,))
    assert await groups(office.retention) == (["G3"], ["G3", "G3"])
    assert (await office.shown("retention", f"/v1/nominals/{ref('p1')}/schedule"))["group"] == "G3"
    [kept] = (await office.shown("review", f"/v1/tasks/{office.asked.review_id}"))["decisions"]
    assert (kept["outcome"], kept["group"], kept["pack"]) == ("amend", "G3", PACK.hash)


async def test_a_fact_that_came_before_it_was_approved_lets_it_lapse(office):
    await office.amend("G3")
    await take(office.retention, record_state("r2", 2, links=[suspect("p1")], offences=["28/11"], unit="North"))
    await office.post("approval", HIM, {"answer": "approve"})
    await office.deliver()

    assert await groups(office.retention) == (["G2"], ["G2", "G2"])
    assert (await told(office.retention, REVIEWS, ReviewRequested))[-1].cause == "basis_changed"


@pytest.mark.parametrize(
    ("group", "code"),
    [("G1", "group_not_lower"), ("G2", "group_not_lower"), ("G4", "unknown_group"), (None, "unknown_group")],
)
async def test_a_group_that_is_not_lower_is_refused_with_a_sentence(office, group, code):
    answer = await office.amend(group)

    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert "the person is in G2; name one of G3." in answer.json()["detail"]
    assert await office.deliver() == []


async def test_returned_it_lowers_nothing_and_can_be_decided_anew(office):
    await office.amend("G3")
    returned = await office.post("approval", HIM, {"answer": "return", "reason": "Say more of the wound."})
    assert (returned.json()["state"], await office.deliver()) == ("returned", [])

    assert (await office.amend("G3")).status_code == 200
    assert (await office.post("approval", HIM, {"answer": "approve"})).json()["state"] == "completed"


@pytest.fixture
def at_once(monkeypatch):
    """Let every process look for the pack in force in each transaction."""
    monkeypatch.setattr("shared.in_force.IN_FORCE_SECONDS", 0)


async def test_a_chain_under_way_stays_that_of_the_pack_it_was_decided_by(office, at_once):
    await office.amend("G3")
    await deliver(office.review, encode(made_of(changed().replace(CHAIN, ""))))
    assert (await office.shown("review", f"/v1/tasks/{office.asked.review_id}"))["in_force"] != PACK.hash
    assert (await office.post("approval", HIM, {"answer": "approve"})).json()["state"] == "completed"
    [said] = await office.deliver()
    assert said.approved_by == (HIM,)


async def test_a_decision_on_answers_to_other_questions_is_refused(office, at_once):
    await deliver(office.review, encode(made_of(changed())))
    answer = await office.amend("G3")
    assert (answer.status_code, answer.json()["code"]) == (409, "questions_changed")
    assert await office.deliver() == []
