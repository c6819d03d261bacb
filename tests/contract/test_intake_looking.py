"""Who may look, who looked, and who is told, over HTTP: every role, and nobody at a file about themselves."""

import base64
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from services.intake.actions.following import follow_schedules, shred
from services.intake.actions.screening import follow_tasks
from services.intake.api import ROLES, make_app
from services.intake.main import EVENTS_BYTES_MAX
from shared.auth import ALL_ROLES
from shared.db import connect, driver, transaction
from shared.events import DisposalExecuted, ScheduleChanged, TaskChanged
from shared.http import edge_of
from shared.ids import nominal_ref
from shared.keys import read_keys
from shared.policy import read_pack
from shared.settings import Settings
from tests.make_arrivals import captured, nominal
from tests.stack import POLICY, clone
from tools.stack import issuer, keys
from tools.stack.settings import role_url

SINGLE = "application/cloudevents+json"
CANARY = "canary-9c1e"
LOOKING = sorted(
    route for route in ROLES if "access" in route or route.endswith(("/logs", "/sensitive")) or "/views" in route
)
NONSENSE = ("\x00", "'; DROP TABLE access; --", "9" * 40, "\ud7ff\U0001f600", "WyJhIl0=", "-1")
WHY = {"reason": "the case file says why"}
REQUESTS: dict[str, dict[str, Any]] = {
    "POST /v1/records/{record_id}/views": {"purpose": "retention_review", "reference": "R1"},
    "POST /v1/records/{record_id}/sensitive": {"sensitive": True, **WHY},
    "POST /v1/access-alerts/{alert_id}/close": {"outcome": "justified", **WHY},
    "POST /v1/access-reviews": {
        "records": [str(uuid4())],
        "from": "2026-01-01T00:00:00Z",
        "to": "2026-02-01T00:00:00Z",
        **WHY,
    },
    "POST /v1/access-reviews/{review_id}/answers": {"answer": "task", **WHY},
    "POST /v1/access-reviews/{review_id}/conclude": {"outcome": "justified", **WHY},
}


class Room:
    """Intake's API as those who look and those who watch use it; and what the other services tell it."""

    def __init__(self, client: httpx.AsyncClient, folder: Any, engines: dict[str, Any], sealing: Any) -> None:
        self.client, self.folder, self.engines, self.keys = client, folder, engines, sealing

    async def ask(self, who: str | None, method: str, path: str, **more: Any) -> httpx.Response:
        headers = {"Idempotency-Key": f"key-{uuid4()}"} | more.pop("headers", {})
        if who is not None:
            headers["Authorization"] = f"Bearer {issuer.token(who, self.folder)}"
        return await self.client.request(method, path, headers=headers, **more)

    async def get(self, who: str | None, path: str, **query: Any) -> httpx.Response:
        return await self.ask(who, "GET", path, params=query or None)

    async def post(self, who: str, path: str, version: int | None = None, **body: Any) -> httpx.Response:
        headers = {} if version is None else {"If-Match": f'"{version}"'}
        return await self.ask(who, "POST", path, json=body, headers=headers)

    async def view(self, who: str, record: Any, **body: Any) -> httpx.Response:
        body = {"purpose": "retention_review", "reference": "R1"} | body
        return await self.post(who, f"/v1/records/{record}/views", **body)

    async def taken(self, *events: dict[str, Any]) -> str:
        """Send events; gives the record of the last."""
        receipt: dict[str, Any] = {}
        for event in events:
            headers = {"content-type": SINGLE}
            answer = await self.ask("upstream", "POST", "/v1/events", content=json.dumps(event), headers=headers)
            receipt = answer.json()
            assert receipt["outcome"] == "accepted", answer.text
        return str(receipt["record_id"])

    async def record(self, *staff: str, flags: tuple[str, ...] = (), **changes: Any) -> str:
        """Give a new record; a party of it is a member of staff, for each one named."""
        people = [f"{uuid4()}" for _ in (*staff, "")]
        told = [nominal(person, staff_id=who, flags=[]) for person, who in zip(people, staff, strict=False)]
        told.append(nominal(people[-1], flags=list(flags)))
        links = [{"nominal_source": "crime", "nominal_id": person, "role": "suspect"} for person in people]
        return await self.taken(*told, captured(f"{uuid4()}", 1, **{"links": links, **changes}))

    async def task(
        self, assignee: str | None, *records: str, state: str = "claimed", version: int = 1, **more: Any
    ) -> UUID:
        task = more.get("task_id", uuid4())
        told = TaskChanged(
            task, task, state, assignee, datetime.now(UTC).date(), None, version, tuple(map(UUID, records))
        )
        async with transaction(self.engines["worker"]) as connection:
            await follow_tasks(connection, [told])
        return task

    async def restricted(self, record: str) -> None:
        stands = {"state": "due", "group": None, "class_id": None, "row": None, "pack": "p", "keep_until": None}
        stands |= {"actionable_from": None, "keep_year": None, "review_on": None, "reason": None, "owner": None}
        told = ScheduleChanged(record_id=UUID(record), version=1, held=True, restricted=True, **stands)
        async with transaction(self.engines["worker"]) as connection:
            await follow_schedules(connection, [told])

    async def rows(self, query: str, *given: Any) -> list[tuple[Any, ...]]:
        async with self.engines["api"].connect() as connection:
            return [tuple(row) for row in await (await driver(connection)).fetch(query, *given)]

    async def alerts(self, record: str, who: str = "professional_standards", **query: Any) -> list[dict[str, Any]]:
        answer = await self.get(who, "/v1/access-alerts", record=record, **query)
        assert answer.status_code == 200, answer.text
        return [each for each in answer.json() if each["kind"] != "off_shift"]  # By the clock on the wall.


@pytest.fixture(scope="module")
def urls(database) -> dict[str, str]:
    """A database of this module's own: what is sent over HTTP is committed."""
    admin, paths = database
    server, name = admin.rpartition("/")[0], f"tenure_own_{uuid4().hex}"
    clone(f"{server}/postgres", name)
    return {kind: role_url(f"{server}/{name}", f"tenure_intake_{kind}", paths) for kind in ("api", "worker")}


@pytest.fixture
async def room(urls, tmp_path) -> AsyncIterator[Room]:
    keys.make(tmp_path)
    settings = Settings(keys=tmp_path, jwks_file=tmp_path / "jwks.json", clock="rehearsal")
    pack, sealing = read_pack(POLICY.read_bytes(), POLICY.name), read_keys(tmp_path, "intake")
    engines = {kind: connect(url, name="tests", pool_size=3) for kind, url in urls.items()}
    edge = edge_of("intake", settings, sealing, pack, EVENTS_BYTES_MAX)
    app = make_app(engines["api"], edge, sealing, 0)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://intake") as client:
        yield Room(client, tmp_path, engines, sealing)
    for engine in engines.values():
        await engine.dispose()


def problem(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    assert CANARY not in answer.text
    return answer.status_code, answer.json()["code"]


async def test_a_view_says_why_and_whoever_holds_a_task_need_not(room: Room) -> None:
    record = await room.record()
    assert problem(await room.view("D-RO1", record, reference=None)) == (400, "reference_missing")
    task = await room.task("D-RO1", record)
    seen = (await room.view("D-RO1", record, reference=None)).json()
    assert (seen["reference"], seen["task_id"]) == (str(task), str(task))
    assert (await room.get("D-RO1", f"/v1/records/{record}")).json()["your_task"] == str(task)
    assert (await room.get("D-RO2", f"/v1/records/{record}")).json()["your_task"] is None
    assert problem(await room.view("D-RO2", record, reference=None)) == (400, "reference_missing")
    named = (await room.view("D-RO1", record, reference="CASE-7", parts=["summary"])).json()
    assert (named["reference"], named["task_id"]) == ("CASE-7", str(task))
    logged = await room.rows(
        "SELECT actor, reference, task_id, parts, allowed FROM access WHERE record_uid = $1 ORDER BY 1, access_id",
        UUID(record),
    )
    assert logged == [("D-RO1", str(task), task, [], True), ("D-RO1", "CASE-7", task, ["summary"], True)]


async def test_a_task_that_is_named_is_ones_own_open_and_on_the_record(room: Room) -> None:
    record, other = await room.record(), await room.record()
    theirs, elsewhere = await room.task("D-RO2", record), await room.task("D-RO1", other)
    done = await room.task("D-RO1", record, state="completed")
    for task in (theirs, elsewhere, done, uuid4()):
        answer = await room.view("D-RO1", record, task_id=str(task))
        assert problem(answer) == (403, "not_your_task")
    logged = await room.rows("SELECT allowed, refused, task_id FROM access WHERE record_uid = $1", UUID(record))
    assert {row[:2] for row in logged} == {(False, "not_your_task")}
    assert len(logged) == 4


async def test_a_task_covers_all_the_records_of_its_person_until_it_is_done(room: Room) -> None:
    first, second = await room.record(), await room.record()
    task = await room.task("D-RO1", first, second, version=3)
    for record in (first, second):
        assert (await room.view("D-RO1", record, reference=None)).status_code == 200
    await room.task("D-RO2", first, version=2, task_id=task)  # Late: an older version changes nothing.
    assert (await room.view("D-RO1", first, reference=None)).status_code == 200
    await room.task("D-RO1", first, state="withdrawn", version=4, task_id=task)
    assert problem(await room.view("D-RO1", first, reference=None)) == (400, "reference_missing")


def bare(answer: httpx.Response, record: str) -> tuple[Any, ...]:
    """Give all of an answer but its request's id, and the record's where it stands."""
    headers = {name: value for name, value in answer.headers.items() if name != "x-request-id"}
    return answer.status_code, answer.content.replace(record.encode(), b"RECORD"), headers


async def test_nobody_is_shown_that_a_file_about_them_exists(room: Room) -> None:
    own, nowhere = await room.record("D-RO1", "D-PS1", "D-DS1", "D-AU1"), str(uuid4())
    await room.task("D-RO1", own)  # Given by mistake: it changes nothing.
    asked = {
        ("D-RO1", "GET", "/v1/records/{}"): {},
        ("D-RO1", "POST", "/v1/records/{}/views"): {"purpose": "retention_review", "reference": "R1"},
        ("D-DS1", "GET", "/v1/records/{}"): {},
        ("D-AU1", "GET", "/v1/records/{}/logs"): {},
        ("D-PS1", "GET", "/v1/records/{}/sensitive"): {},
        ("D-PS1", "POST", "/v1/records/{}/sensitive"): {"sensitive": False, **WHY},
        ("D-PS1", "GET", "/v1/access?record={}"): {},
        ("D-RO1", "GET", "/v1/access?record={}"): {},
        ("D-PS1", "GET", "/v1/access-alerts?record={}"): {},
    }
    assert (await room.view("D-RM1", own)).status_code == 200
    for (who, method, path), body in asked.items():
        more = {"json": body} if body else {}
        answers = [
            bare(await room.ask(who, method, path.format(record), headers={"If-Match": '"0"'}, **more), record)
            for record in (own, nowhere)
        ]
        assert answers[0] == answers[1], (who, method, path)
    opened = REQUESTS["POST /v1/access-reviews"] | {"to": "2099-01-01T00:00:00Z"}
    for record in (own, nowhere):
        answer = await room.post("D-PS1", "/v1/access-reviews", **opened | {"records": [record]})
        assert problem(answer) == (404, "not_found")
    refused = await room.rows("SELECT actor, refused FROM access WHERE record_uid = $1 AND NOT allowed", UUID(own))
    assert refused == [("D-RO1", "own_file")]
    told = await room.rows("SELECT actor, kind, rule FROM access_alert WHERE record_uid = $1 ORDER BY 1", UUID(own))
    assert ("D-RO1", "screened", "own_file") in told
    assert [each["kind"] for each in await room.alerts(own, "D-DPO1", kind="screened")] == ["screened"]


async def test_receipts_and_quarantine_do_not_tell_a_person_of_a_file_about_them(room: Room) -> None:
    own = await room.record("D-DS1", source_record_id="of-the-steward")
    [(event,)] = await room.rows(
        "SELECT event_id FROM arrival a JOIN record USING (record_key) WHERE record_uid = $1", UUID(own)
    )
    asked = {"source": "urn:demo:crime", "id": event}
    assert (await room.get("D-DS1", "/v1/receipts", **asked)).json() == []
    assert len((await room.get("D-RM1", "/v1/receipts", **asked)).json()) == 1
    assert len((await room.get("upstream", "/v1/receipts", **asked)).json()) == 1
    sent = json.dumps(captured("of-the-steward", 2, occurred_on="2022-08"))
    answer = await room.ask("upstream", "POST", "/v1/events", content=sent, headers={"content-type": SINGLE})
    waits = answer.json()["receipt_id"]
    assert (await room.get("D-DS1", "/v1/quarantine", subject=own)).json() == []
    assert [each["receipt_id"] for each in (await room.get("D-RM1", "/v1/quarantine", subject=own)).json()] == [waits]
    missing = [bare(await room.get("D-DS1", f"/v1/quarantine/{receipt}"), receipt) for receipt in (waits, f"{uuid4()}")]
    assert missing[0] == missing[1]
    assert missing[0][0] == 404
    assert (await room.get("D-RM1", f"/v1/quarantine/{waits}")).status_code == 200


async def test_the_first_row_of_the_table_decides_and_says_whether_the_record_exists(room: Room) -> None:
    record = await room.record()
    await room.restricted(record)
    assert problem(await room.get("D-RO1", f"/v1/records/{record}")) == (404, "not_found")
    assert problem(await room.view("D-RO1", record)) == (404, "not_found")
    assert (await room.view("D-RM1", record)).status_code == 200
    assert (await room.get("D-AU1", f"/v1/records/{record}")).json()["restricted"] is True
    protected = await room.record(flags=("mappa",))
    assert problem(await room.get("D-RO1", f"/v1/records/{protected}")) == (403, "screened")
    assert problem(await room.view("D-RO1", protected)) == (403, "screened")
    await room.task("D-RO1", protected, record)
    assert (await room.view("D-RO1", protected)).status_code == 200
    assert (await room.view("D-RO1", record)).status_code == 200
    refused = await room.rows(
        "SELECT refused, count(*) FROM access WHERE record_uid = ANY($1::uuid[]) AND NOT allowed GROUP BY 1 ORDER BY 1",
        [record, protected],
    )
    assert refused == [("hidden", 1), ("screened", 1)]
    assert (await room.get("D-RO1", "/v1/access", record=record, allowed=False)).json() == []
    seen = (await room.get("D-RO1", "/v1/access", record=protected)).json()
    assert [each["refused"] for each in seen] == [None, "screened"]


async def test_a_view_of_a_sensitive_record_without_a_task_is_told_at_once_and_closed_by_another(room: Room) -> None:
    record = await room.record(offences=["1"], content={"summary": CANARY})
    await room.task("D-RO1", record)
    assert (await room.view("D-RO1", record)).status_code == 200
    assert await room.alerts(record) == []
    assert (await room.view("D-RO2", record)).status_code == 200
    [alert] = await room.alerts(record, state="open")
    assert (alert["kind"], alert["rule"], alert["actor"], alert["version"]) == ("sensitive", "homicide", "D-RO2", 1)
    path = f"/v1/access-alerts/{alert['alert_id']}"
    closing = {"outcome": "not_justified", **WHY}
    assert problem(await room.post("D-PS1", f"{path}/close", **closing)) == (428, "precondition_required")
    assert problem(await room.post("D-PS1", f"{path}/close", 7, **closing)) == (412, "precondition_failed")
    closed = (await room.post("D-PS1", f"{path}/close", 1, **closing)).json()
    assert (closed["state"], closed["closed_by"], closed["outcome"]) == ("closed", "D-PS1", "not_justified")
    assert problem(await room.post("D-PS1", f"{path}/close", 2, **closing)) == (409, "not_open")
    assert (await room.get("D-AU1", path)).headers["etag"] == '"2"'
    told = await room.rows(
        "SELECT payload FROM log WHERE topic = 'access.events.v1' AND subject = $1 ORDER BY log_id",
        UUID(alert["alert_id"]),
    )
    events = [json.loads(payload) for (payload,) in told]
    assert [(each["state"], each["outcome"], each["version"]) for each in events] == [
        ("open", None, 1),
        ("closed", "not_justified", 2),
    ]
    assert set(events[0]) == {"alert_id", "record_id", "actor", "kind", "state", "outcome", "at", "version"}
    assert CANARY not in str(told)


async def test_nobody_closes_an_alert_about_themselves(room: Room) -> None:
    record = await room.record("P-77")
    assert (await room.view("D-PS1", record, purpose="professional_standards")).status_code == 200
    [alert] = await room.alerts(record)
    assert (alert["rule"], alert["actor"]) == ("staff", "D-PS1")
    path = f"/v1/access-alerts/{alert['alert_id']}/close"
    assert problem(await room.post("D-PS1", path, 1, outcome="justified", **WHY)) == (403, "about_you")


async def test_a_named_role_calls_a_record_sensitive_and_no_longer(room: Room) -> None:
    record = await room.record()
    path = f"/v1/records/{record}/sensitive"
    answer = await room.get("D-PS1", path)
    assert (answer.json()["sensitive"], answer.json()["by"], answer.headers["etag"]) == (False, [], '"0"')
    assert problem(await room.post("D-PS1", path, sensitive=True, **WHY)) == (428, "precondition_required")
    marked = await room.post("D-HIM1", path, 0, sensitive=True, **WHY)
    assert (marked.json()["by"], marked.json()["mark"]["marked_by"], marked.headers["etag"]) == (
        ["marked"],
        "D-HIM1",
        '"1"',
    )
    await room.view("D-RO1", record)
    assert [each["rule"] for each in await room.alerts(record)] == ["marked"]
    assert problem(await room.post("D-PS1", path, 0, sensitive=False, **WHY)) == (412, "precondition_failed")
    assert (await room.post("D-PS1", path, 1, sensitive=False, **WHY)).json()["sensitive"] is False
    await room.view("D-RO2", record)
    assert len(await room.alerts(record)) == 1
    kept = await room.rows("SELECT count(*) FROM log WHERE topic IS NULL AND subject = $1", UUID(record))
    assert kept == [(2,)]


async def test_the_access_log_is_filtered_sorted_and_paged_and_ones_own_for_everybody_else(room: Room) -> None:
    record = await room.record()
    for who, purpose in (("D-RO1", "retention_review"), ("D-RO2", "retention_review"), ("D-RO1", "disclosure")):
        await room.view(who, record, purpose=purpose)

    async def listed(who: str, **query: Any) -> list[tuple[str, str]]:
        answer = await room.get(who, "/v1/access", record=record, **query)
        assert answer.status_code == 200, answer.text
        return [(each["actor"], each["purpose"]) for each in answer.json()]

    everything = [("D-RO1", "disclosure"), ("D-RO2", "retention_review"), ("D-RO1", "retention_review")]
    assert await listed("D-PS1") == await listed("D-AU1") == await listed("D-DPO1") == everything
    assert await listed("D-PS1", sort="at") == everything[::-1]
    assert await listed("D-PS1", actor="D-RO2") == everything[1:2]
    assert await listed("D-PS1", purpose="disclosure", allowed=False) == everything[:1]
    now = datetime.now(UTC)
    assert await listed("D-PS1", since=(now + timedelta(hours=1)).isoformat()) == []
    assert await listed("D-PS1", until=(now - timedelta(hours=1)).isoformat()) == []
    assert await listed("D-RO1") == [everything[0], everything[2]]
    assert await listed("D-RO2", actor="D-RO2") == everything[1:2]
    assert problem(await room.get("D-RO2", "/v1/access", actor="D-RO1")) == (403, "not_yours")
    paged, path = [], f"/v1/access?limit=2&record={record}"
    while path:
        answer = await room.get("D-PS1", path)
        paged += [(each["actor"], each["purpose"]) for each in answer.json()]
        path = answer.links.get("next", {}).get("url", "")
    assert paged == everything


async def test_an_access_review_asks_everybody_who_looked_and_is_concluded(room: Room) -> None:
    person = f"{uuid4()}"
    links = [{"nominal_source": "crime", "nominal_id": person, "role": "suspect"}]
    record, other = await room.record(links=links), await room.record()
    task = await room.task("D-RO1", record)
    for who, what in (("D-RO1", record), ("D-RO1", record), ("D-RM1", record), ("D-RO2", other)):
        assert (await room.view(who, what)).status_code == 200
    await room.view("D-DO1", record)  # Refused: there is nothing to ask them for.
    span = {"from": (datetime.now(UTC) - timedelta(hours=1)).isoformat(), "to": "2099-01-01T00:00:00Z"}
    asked = {"nominal": {"nominal_source": "crime", "nominal_id": person}, **span, **WHY}
    answer = await room.post("D-PS1", "/v1/access-reviews", **asked)
    review = answer.json()
    assert (answer.status_code, review["state"], review["records"]) == (201, "open", [record])
    assert [(each["actor"], each["views"], each["answer"]) for each in review["viewers"]] == [
        ("D-RM1", 1, None),
        ("D-RO1", 2, None),
    ]
    path = f"/v1/access-reviews/{review['review_id']}"
    await _asked(room, path, record, str(task))
    await _answered(room, path, str(task))
    steps = await room.rows("SELECT type FROM log WHERE topic IS NULL AND subject = $1", UUID(review["review_id"]))
    assert len(steps) == 4


async def _asked(room: Room, path: str, record: str, task: str) -> None:
    mine = (await room.get("D-RO1", f"{path}/answers")).json()
    assert [(each["record_id"], each["task_id"]) for each in mine["views"]] == [(record, task)] * 2
    assert path.endswith((await room.get("D-RO1", "/v1/access-reviews")).json()[0]["review_id"])
    assert (await room.get("D-RO2", "/v1/access-reviews")).json() == []
    assert problem(await room.get("D-RO2", f"{path}/answers")) == (404, "not_found")
    assert problem(await room.get("D-RO1", path)) == (403, "wrong_role")


async def _answered(room: Room, path: str, task: str) -> None:
    said = {"answer": "task", "reason": f"task {task}"}
    assert (await room.post("D-RO1", f"{path}/answers", 1, **said)).json()["answer"] == "task"
    assert problem(await room.post("D-RO1", f"{path}/answers", 1, **said)) == (412, "precondition_failed")
    whole = (await room.get("D-PS1", path)).json()
    assert (whole["state"], whole["unanswered"]) == ("open", 1)
    assert [each["actor"] for each in whole["viewers"]] == ["D-RM1", "D-RO1"], "who has not answered comes first"
    assert (await room.post("D-RM1", f"{path}/answers", 1, answer="no_reason", **WHY)).status_code == 200
    whole = (await room.get("D-PS1", path)).json()
    assert (whole["state"], whole["version"]) == ("answered", 3)
    done = await room.post("D-PS1", f"{path}/conclude", 3, outcome="referred", **WHY)
    assert (done.json()["state"], done.json()["concluded_by"]) == ("concluded", "D-PS1")
    assert problem(await room.post("D-PS1", f"{path}/conclude", 4, outcome="referred", **WHY)) == (409, "concluded")
    assert problem(await room.post("D-RO1", f"{path}/answers", 2, **said)) == (409, "concluded")


async def test_a_review_that_asks_one_is_concluded_by_another_and_one_of_nothing_is_refused(room: Room) -> None:
    record = await room.record("P-78")
    assert (await room.view("D-PS1", record, purpose="professional_standards")).status_code == 200
    span = {"from": (datetime.now(UTC) - timedelta(hours=1)).isoformat(), "to": "2099-01-01T00:00:00Z"}
    review = (await room.post("D-PS1", "/v1/access-reviews", records=[record], **span, **WHY)).json()
    path = f"/v1/access-reviews/{review['review_id']}/conclude"
    assert problem(await room.post("D-PS1", path, 1, outcome="justified", **WHY)) == (403, "same_person")
    refusals = {
        "scope_empty": span,
        "span_empty": {**span, "to": span["from"], "records": [record]},
        "span_ahead": {"from": "2098-01-01T00:00:00Z", "to": "2099-01-01T00:00:00Z", "records": [record]},
    }
    for code, body in refusals.items():
        assert problem(await room.post("D-PS1", "/v1/access-reviews", **body, **WHY)) == (400, code)
    unseen = await room.record()
    nobody = (await room.post("D-PS1", "/v1/access-reviews", records=[unseen], **span, **WHY)).json()
    assert (nobody["state"], nobody["asked"]) == ("answered", 0)


async def test_a_records_logs_tell_what_was_done_with_it_in_order_and_no_content(room: Room) -> None:
    name, people = f"{uuid4()}", [f"{uuid4()}" for _ in range(2)]
    one, two = ({"nominal_source": "crime", "nominal_id": person, "role": "suspect"} for person in people)
    content = {"summary": CANARY}
    record = await room.taken(captured(name, 1, links=[one], content=content))
    await room.view("D-RM1", record)
    await room.view("D-DO1", record)
    await room.taken(captured(name, 2, links=[two], content=content))
    await room.taken(captured(name, 3, links=[two], content={"summary": "changed"}))
    told = await logs(room, record)
    links = [
        {"version": 1, "linked": [{"nominal_ref": str(nominal_ref("crime", people[0])), "role": "suspect"}]},
        {"version": 2, "linked": [{"nominal_ref": str(nominal_ref("crime", people[1])), "role": "suspect"}]},
    ]
    combined = [each["told"] for each in told if each["log"] == "combination"]
    assert [{name: each[name] for name in ("version", "linked")} for each in combined] == links
    assert combined[1]["unlinked"] == links[0]["linked"]
    order = [each["log"] for each in told]
    came, changed = ["collection", "combination"], ["collection", "alteration"]
    assert order == [*came, "consultation", "consultation", *changed, "combination", *changed]
    assert [each["at"] for each in told] == sorted(each["at"] for each in told)
    looked = [(each["told"]["actor"], each["told"]["allowed"]) for each in told if each["log"] == "consultation"]
    assert looked == [("D-RM1", True), ("D-DO1", False)]


async def logs(room: Room, record: str) -> list[dict[str, Any]]:
    """Read a record's logs page by page."""
    told, path = [], f"/v1/records/{record}/logs?limit=2"
    while path:
        answer = await room.get("D-AU1", path)
        assert answer.status_code == 200, answer.text
        assert CANARY not in answer.text
        told += answer.json()
        path = answer.links.get("next", {}).get("url", "")
    return told


@pytest.mark.parametrize(
    "parts",
    [
        pytest.param(["2026-01-01T00:00:00+00:00", 1, "x"], id="a word for a key"),
        pytest.param(["2026-01-01T00:00:00+00:00", 1, 2**63], id="a key beyond all"),
        pytest.param(["2026-01-01T00:00:00", 1, 1], id="an instant without its offset"),
        pytest.param([1], id="another list's"),
    ],
)
async def test_a_cursor_that_the_logs_did_not_give_is_refused(room: Room, parts: list[Any]) -> None:
    record = await room.record()
    cursor = base64.urlsafe_b64encode(json.dumps(parts).encode()).decode()
    answer = await room.get("D-AU1", f"/v1/records/{record}/logs", cursor=cursor)
    assert (answer.status_code, answer.json()["code"]) == (400, "cursor_unreadable")


async def test_the_logs_of_an_erased_record_stay_and_tell_nobody_it_linked(room: Room) -> None:
    name, link = f"{uuid4()}", {"nominal_source": "crime", "nominal_id": f"{uuid4()}", "role": "suspect"}
    record = await room.taken(captured(name, 1, links=[link]), captured(name, 2, links=[]))
    await room.view("D-RM1", record)
    gone = DisposalExecuted(uuid4(), UUID(record), None, 2, datetime.now(UTC), datetime.now(UTC).date())
    async with transaction(room.engines["worker"]) as connection:
        await shred(connection, room.keys, [gone], datetime.now(UTC), {})
    told = await logs(room, record)
    assert [each["log"] for each in told] == ["collection", "collection", "alteration", "consultation", "erasure"]
    assert told[-1]["told"]["disposal_id"] == str(gone.disposal_id)
    assert str(nominal_ref("crime", link["nominal_id"])) not in str(told)


async def test_every_route_as_every_role_as_nobody_and_with_nonsense(room: Room) -> None:
    for route in LOOKING:
        await _every_way(room, route)


async def _every_way(room: Room, route: str) -> None:
    method, path = route.split()
    path = path.format(record_id=uuid4(), alert_id=uuid4(), review_id=uuid4())
    for role in (None, *sorted(ALL_ROLES)):
        more = {"json": REQUESTS[route]} if route in REQUESTS else {}
        answer = await room.ask(role, method, path, headers={"If-Match": '"1"'}, **more)
        if role is None:
            assert problem(answer) == (401, "no_token")
        elif role in ROLES[route]:
            assert answer.status_code in (200, 201, 404), (role, answer.text)
        else:
            assert problem(answer) == (403, "wrong_role"), role
    who, query = min(ROLES[route]), "record actor purpose since until allowed sort state kind limit cursor"
    for said in NONSENSE:
        body = REQUESTS.get(route, {})
        asked = [{"params": {name: said}} for name in query.split() if method == "GET"]
        asked += [{"json": body | {name: said}} for name in body]
        for more in asked:
            answer = await room.ask(who, method, path, headers={"If-Match": '"1"'}, **more)
            assert answer.status_code < 500, (more, answer.text)
