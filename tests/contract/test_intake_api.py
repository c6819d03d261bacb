"""Intake over HTTP: every route, every refusal, and who may do what."""

import json
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx
import pytest
from cloudevents.core.bindings.http import to_binary, to_structured
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

from services.intake.api import ROLES, make_app
from services.intake.main import EVENTS_BYTES_MAX
from shared.auth import ALL_ROLES
from shared.db import connect, driver
from shared.http import edge_of
from shared.ids import record_id
from shared.keys import read_keys
from shared.policy import read_pack
from shared.settings import Settings
from tests.make_arrivals import CRIME, captured, state
from tests.stack import POLICY, clone
from tools.stack import issuer, keys
from tools.stack.settings import role_url

SINGLE = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"
CANARY = "canary-7f3a"


class Counter:
    """Intake's API as upstream systems and stewards use it."""

    def __init__(self, client: httpx.AsyncClient, folder: Any, engine: Any) -> None:
        self.client, self.folder, self.engine = client, folder, engine

    def headers(self, who: str | None, **more: str) -> dict[str, str]:
        named = {} if who is None else {"Authorization": f"Bearer {issuer.token(who, self.folder)}"}
        return named | more

    async def send(self, body: Any, kind: str = SINGLE, who: str | None = "upstream") -> httpx.Response:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return await self.client.post("/v1/events", content=raw, headers=self.headers(who, **{"content-type": kind}))

    async def taken(self, body: Any, kind: str = SINGLE) -> Any:
        answer = await self.send(body, kind)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def get(self, path: str, who: str | None = "data_steward", **query: Any) -> httpx.Response:
        return await self.client.get(path, params=query, headers=self.headers(who))

    async def view(self, record: Any, who: str = "reviewing_officer", **body: Any) -> httpx.Response:
        body = {"purpose": "retention_review", "reference": "R1"} | body
        return await self.client.post(f"/v1/records/{record}/views", json=body, headers=self.headers(who))


@pytest.fixture(scope="module")
def api_url(database) -> str:
    """A database of this module's own: what is sent over HTTP is committed."""
    admin, paths = database
    server, name = admin.rpartition("/")[0], f"tenure_own_{uuid4().hex}"
    clone(f"{server}/postgres", name)
    return role_url(f"{server}/{name}", "tenure_intake_api", paths)


@pytest.fixture
async def counter(api_url, tmp_path) -> AsyncIterator[Counter]:
    keys.make(tmp_path)
    settings = Settings(keys=tmp_path, jwks_file=tmp_path / "jwks.json", clock="rehearsal")
    pack, sealing = read_pack(POLICY.read_bytes(), POLICY.name), read_keys(tmp_path, "intake")
    engine = connect(api_url, name="tests", pool_size=2)
    edge = edge_of("intake", settings, sealing, pack, EVENTS_BYTES_MAX)
    app = make_app(engine, edge, sealing, 0)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://intake") as client:
        yield Counter(client, tmp_path, engine)
    await engine.dispose()


def one(**changes: Any) -> dict[str, Any]:
    """A record of this test's own."""
    return captured(f"{uuid4()}", 1, **changes)


def problem(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    assert CANARY not in answer.text
    return answer.status_code, answer.json()["code"]


async def test_an_event_is_answered_with_its_receipt_and_can_be_asked_after(counter: Counter) -> None:
    sent = one()
    receipt = await counter.taken(sent)
    subject = record_id("crime", sent["data"]["source_record_id"])
    assert (receipt["outcome"], receipt["record_id"], receipt["id"]) == ("accepted", str(subject), sent["id"])
    assert receipt["arrival"]["index"] == 0
    assert (await counter.taken(sent))["outcome"] == "duplicate"
    listed = (await counter.get("/v1/receipts", "upstream", source=CRIME, id=sent["id"])).json()
    assert [each["outcome"] for each in listed] == ["accepted", "duplicate"]
    assert {name: listed[0][name] for name in receipt if name != "received_at"} == {
        name: value for name, value in receipt.items() if name != "received_at"
    }
    assert (await counter.get("/v1/receipts", source=CRIME, id="never-came")).json() == []


async def test_every_mode_of_the_sdk_of_cloudevents_gives_one_event(counter: Counter) -> None:
    data = state(f"{uuid4()}", content={"n": [0.5, 9007199254740992.0], "text": "e\u0301 \U0001f600"})
    about = {"id": f"{uuid4()}", "source": CRIME, "type": "tenure.record.captured.v1", "specversion": "1.0"}
    about |= {"time": datetime(2022, 8, 2, 10, 30, tzinfo=UTC), "sequence": "1", "datacontenttype": "application/json"}
    made = CloudEvent(about, data)
    outcomes = []
    for message in (to_binary(made, JSONFormat()), to_structured(made, JSONFormat())):
        headers = counter.headers("upstream") | message.headers
        answer = await counter.client.post("/v1/events", content=message.body, headers=headers)
        outcomes.append(answer.json()["outcome"])
    structured = json.loads(to_structured(made, JSONFormat()).body)
    outcomes += [each["outcome"] for each in await counter.taken([structured, one()], BATCH)]
    assert outcomes == ["accepted", "duplicate", "duplicate", "accepted"]


async def test_attributes_in_headers_are_percent_decoded_as_the_binding_says(counter: Counter) -> None:
    about = {"id": f"{uuid4()}", "source": 'urn:100%"x"', "type": "tenure.record.captured.v1", "specversion": "1.0"}
    message = to_binary(CloudEvent(about, state()), JSONFormat())
    headers = counter.headers("upstream") | message.headers
    answer = await counter.client.post("/v1/events", content=message.body, headers=headers)
    assert answer.json()["source"] == about["source"]


async def test_a_batch_has_one_receipt_per_event_whatever_the_outcomes(counter: Counter) -> None:
    sent = [one(), one(occurred_on="2022-08"), one(marking="SECRET"), one() | {"source": "urn:nobody"}]
    receipts = await counter.taken([*sent, sent[0]], BATCH)
    outcomes = ["accepted", "quarantined", "forbidden", "quarantined", "duplicate"]
    assert [each["outcome"] for each in receipts] == outcomes
    assert [each["arrival"]["index"] for each in receipts] == list(range(5))


async def test_a_batch_may_be_larger_than_an_event(counter: Counter) -> None:
    sent = [one(content={"text": "x" * 300_000}) for _ in range(5)]
    assert [each["outcome"] for each in await counter.taken(sent, BATCH)] == ["accepted"] * 5


@pytest.mark.parametrize(
    ("body", "kind", "refusal"),
    [
        pytest.param(b"{" + CANARY.encode(), SINGLE, (400, "not_json"), id="truncated"),
        pytest.param(b"\xff", SINGLE, (400, "not_utf8"), id="not UTF-8"),
        pytest.param(b"[" * 10_000, SINGLE, (400, "too_deep"), id="10,000 levels deep"),
        pytest.param(b'{"a": NaN}', SINGLE, (400, "not_a_number"), id="NaN"),
        pytest.param(b"{}", SINGLE, (400, "not_an_event"), id="no attributes"),
        pytest.param(b"[]", SINGLE, (400, "not_an_event"), id="a list as one event"),
        pytest.param(b'"' + b"x" * 1_000_001 + b'"', SINGLE, (400, "too_large"), id="over the event's limit"),
        pytest.param(b" " * (EVENTS_BYTES_MAX + 1), BATCH, (413, "too_large"), id="over the request's limit"),
        pytest.param(b"{}", BATCH, (400, "not_a_batch"), id="one event as a batch"),
        pytest.param(b"[]", BATCH, (400, "not_a_batch"), id="an empty batch"),
        pytest.param(b"[" + b"1," * 1000 + b"1]", BATCH, (413, "too_large"), id="1,001 events"),
        pytest.param(b"{}", "application/json", (400, "not_an_event"), id="binary without headers"),
        pytest.param(b"", "", (400, "not_an_event"), id="nothing"),
    ],
)
async def test_a_body_that_is_no_event_is_refused_and_no_arrival(counter: Counter, body, kind, refusal) -> None:
    before = await _count(counter)
    assert problem(await counter.send(body, kind)) == refusal
    assert await _count(counter) == before


async def test_a_batch_with_something_that_is_no_event_is_refused_whole(counter: Counter) -> None:
    before = await _count(counter)
    answer = await counter.send([one(), {"id": CANARY}], BATCH)
    assert problem(answer) == (400, "not_an_event")
    assert "number 1 of the batch" in answer.json()["detail"]
    assert await _count(counter) == before


async def _count(counter: Counter) -> int:
    async with counter.engine.connect() as connection:
        found: int = await (await driver(connection)).fetchval("SELECT count(*) FROM arrival")
        return found


async def test_a_record_is_shown_without_content(counter: Counter) -> None:
    sent = one(content={"summary": CANARY})
    record = (await counter.taken(sent))["record_id"]
    answer = await counter.get(f"/v1/records/{record}")
    assert (answer.status_code, answer.headers["etag"]) == (200, '"1"')
    shown = answer.json()
    assert (shown["sequence"], shown["version"], shown["state"], shown["held"]) == (1, 1, "active", False)
    assert shown["metadata"]["offences"] == ["28/11"]
    assert CANARY not in answer.text
    assert problem(await counter.get(f"/v1/records/{uuid4()}")) == (404, "not_found")
    assert problem(await counter.get("/v1/records/not-an-id"))[0] == 422


async def test_content_is_viewed_for_a_purpose_and_logged_first(counter: Counter) -> None:
    record = (await counter.taken(one(content={"summary": "s", "grounds": "g"})))["record_id"]
    answer = await counter.view(record)
    assert answer.json() == {
        "record_id": record,
        "content": {"summary": "s", "grounds": "g"},
        "reference": "R1",
        "task_id": None,
    }
    assert (await counter.view(record, parts=["grounds", "none"])).json()["content"] == {"grounds": "g"}
    assert problem(await counter.view(record, purpose="curiosity")) == (403, "purpose_not_allowed")
    assert problem(await counter.view(record, who="disclosure_officer")) == (403, "purpose_not_allowed")
    assert problem(await counter.view(uuid4())) == (404, "not_found")
    assert problem(await counter.view(record, purpose="")) == (422, "malformed")
    async with counter.engine.connect() as connection:
        logged = await (await driver(connection)).fetch(
            "SELECT actor, purpose, allowed FROM access WHERE record_uid = $1::text::uuid ORDER BY access_id", record
        )
        told = await (await driver(connection)).fetch(
            "SELECT type FROM log WHERE topic = 'access.events.v1' AND subject = $1::text::uuid ORDER BY log_id", record
        )
    assert [tuple(row) for row in logged] == [
        ("D-RO1", "retention_review", True),
        ("D-RO1", "retention_review", True),
        ("D-RO1", "curiosity", False),
        ("D-DO1", "retention_review", False),
    ]
    assert [row["type"].split(".")[2] for row in told] == ["viewed", "viewed", "refused", "refused"]


async def test_quarantine_is_listed_by_page_and_filter_and_tried_again(counter: Counter) -> None:
    sent = [one(occurred_on="2022-08") for _ in range(3)]
    receipts = await counter.taken(sent, BATCH)
    ours = {each["receipt_id"] for each in receipts}
    listed, path = [], "/v1/quarantine?limit=2&code=partial_date&source=urn:demo:crime"
    while path:
        answer = await counter.get(path)
        listed += answer.json()
        path = answer.links.get("next", {}).get("url", "")
    found = [each for each in listed if each["receipt_id"] in ours]
    assert [each["receipt_id"] for each in found] == [each["receipt_id"] for each in receipts]
    assert found[0]["reasons"][0]["pointer"] == "/data/occurred_on"
    assert (found[0]["state"], found[0]["attempts"], found[0]["version"]) == ("open", 0, 1)
    assert (await counter.get("/v1/quarantine", state="discarded")).json() == []
    assert (await counter.get("/v1/quarantine", code="no_such_code")).json() == []
    assert problem(await counter.get("/v1/quarantine", state=CANARY))[0] == 422
    await _tried_again(counter, receipts[0]["receipt_id"])


async def _tried_again(counter: Counter, receipt: str) -> None:
    path = f"/v1/quarantine/{receipt}/replay"

    async def replay(version: str | None, at: str = path) -> httpx.Response:
        more = {} if version is None else {"If-Match": version}
        return await counter.client.post(at, headers=counter.headers("data_steward", **more))

    assert problem(await replay(None)) == (428, "precondition_required")
    assert problem(await replay('"7"')) == (412, "precondition_failed")
    assert problem(await replay('"1"', f"/v1/quarantine/{uuid4()}/replay")) == (404, "not_found")
    answer = await replay('"1"')
    assert (answer.status_code, answer.json()["outcome"]) == (200, "quarantined")
    assert problem(await replay('"1"')) == (412, "precondition_failed")


async def test_both_accounts_close(counter: Counter) -> None:
    await counter.taken([one(), one(occurred_on="2022-08"), one(marking="SECRET")], BATCH)
    told = (await counter.get("/v1/reconciliation", "auditor")).json()
    named = ("source", "received_on", "accepted_on", "received", "closes", "difference")
    for row in told["events"] + told["records"]:
        assert row["received"] == sum(n for name, n in row.items() if name not in named)
        assert (row["closes"], row["difference"]) == (True, 0)
    assert any(row["source"] == CRIME for row in told["events"])
    later = (await counter.get("/v1/reconciliation", since="2999-01-01")).json()
    assert (later["events"], later["records"]) == ([], [])


REQUESTS = {
    "POST /v1/manifests": lambda: {
        "json": {"source_system": "crime", "from": "2022-08-02", "to": "2022-08-02", "count": 0, "digest": "0" * 64},
        "headers": {"Idempotency-Key": f"key-{uuid4()}"},
    },
    "POST /v1/events": lambda: {"json": {}},
    "POST /v1/records/{record_id}/views": lambda: {"json": {"purpose": "retention_review", "reference": "R1"}},
}


@pytest.mark.parametrize("route", sorted(ROLES))
async def test_every_route_as_every_role_and_as_nobody(counter: Counter, route: str) -> None:
    method, path = route.split()
    path = re.sub(r"\{\w+\}", str(uuid4()), path)
    for role in (None, *sorted(ALL_ROLES)):
        more = REQUESTS.get(route, dict)()
        headers = counter.headers(role, **more.pop("headers", {}))
        answer = await counter.client.request(method, path, headers=headers, **more)
        if role is None:
            assert problem(answer) == (401, "no_token")
        elif role in ROLES[route]:
            assert answer.status_code not in (401, 403), (role, answer.text)
        else:
            assert problem(answer) == (403, "wrong_role"), role


def test_every_route_that_exists_says_who_may_use_it(counter: Counter) -> None:
    paths = counter.client._transport.app.openapi()["paths"]  # type: ignore[attr-defined]
    assert {route.split()[1] for route in ROLES} <= paths.keys()


async def test_it_is_ready_and_its_clock_is_moved_by_one_role(counter: Counter) -> None:
    ready = await counter.client.get("/readyz")
    assert ready.status_code == 200, ready.text
    refused = await counter.client.put(
        "/v1/clock", json={"date": "2090-01-01"}, headers=counter.headers("records_manager")
    )
    assert problem(refused) == (403, "wrong_role")
