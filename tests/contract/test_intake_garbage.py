"""Each kind of garbage has one defined answer in each mode at each door, and every limit has its name."""

import json
from types import SimpleNamespace
from uuid import uuid4

import pytest

from services.intake import agents
from services.intake.api.events import BATCH_EVENTS_MAX
from services.intake.domain.strict_json import BODY_BYTES_MAX, DEPTH_MAX
from services.intake.main import EVENTS_BYTES_MAX
from shared.db import driver
from shared.http.door import HEADERS_MAX
from shared.positions import Place
from tests.contract.test_intake_api import BATCH, CANARY, SINGLE, Counter, api_url, counter, problem
from tests.make_arrivals import accounts_close, captured, take, told
from tests.unit.test_intake_reading import GARBAGE

__all__ = ["api_url", "counter"]  # Fixtures.

JSON = "application/json"
EACH = [each.values for each in GARBAGE]


def record(value, headers=(), offset=0):
    """A message as the topic gives it."""
    return SimpleNamespace(value=value, headers=tuple(headers), offset=offset, key=None)


def arrival(value, headers=(), offset=0):
    place = Place("cluster", "records.events.v1", "incarnation", 0)
    span = SimpleNamespace(place=place, records=[record(value, headers, offset)])
    [arrived] = agents.arrivals(SimpleNamespace(poison=False, spans=[span]))
    return arrived


def identity(id_="e1", prefix="ce_"):
    sent = captured(attributes={"sequence": "1"}, id_=id_)
    return {f"{prefix}{name}": text for name, text in sent.items() if name != "data"}


def as_bytes(headers):
    return [(name, text.encode()) for name, text in headers.items()]


def event_with(raw):
    """A structured event whose data is these bytes."""
    head = captured(id_=f"{uuid4()}")
    del head["data"]
    return json.dumps(head).encode()[:-1] + b', "data": ' + raw + b"}"


async def test_garbage_on_the_topic_is_a_receipt_in_either_mode(intake_connection) -> None:
    for number, (raw, code) in enumerate(EACH):
        structured = arrival(raw, [("content-type", SINGLE.encode())], 2 * number)
        binary = arrival(raw, as_bytes(identity(f"e{number}")), 2 * number + 1)
        outcomes = told(await take(intake_connection, structured, binary))
        assert outcomes == [("unreadable", code), ("quarantined", code if raw else "no_data")]
    waits = "SELECT count(*) FROM quarantine WHERE state = 'open' AND body_id IS NOT NULL"
    assert await (await driver(intake_connection)).fetchval(waits) == 2 * len(EACH)
    await accounts_close(intake_connection)


async def test_garbage_over_http_is_refused_or_waits_under_its_id(counter: Counter) -> None:
    for raw, code in EACH:
        await _refused_or_waits(counter, raw, code)


async def _refused_or_waits(counter: Counter, raw: bytes, code: str) -> None:
    assert problem(await counter.send(raw, SINGLE)) == (400, code)
    id_ = f"{uuid4()}"
    headers = counter.headers("upstream") | identity(id_, "ce-") | {"content-type": JSON}
    answer = await counter.client.post("/v1/events", content=raw, headers=headers)
    receipt = answer.json()
    assert (answer.status_code, receipt["id"], receipt["outcome"]) == (200, id_, "quarantined")
    assert [each["code"] for each in receipt["reasons"]] == [code if raw else "no_data"]
    if raw and code != "too_large":
        assert problem(await counter.send(b"[" + event_with(raw) + b"]", BATCH)) == (400, code)


MESSAGES = [
    pytest.param(None, [], "not_an_event", id="null value, no headers"),
    pytest.param(None, [("content-type", SINGLE.encode())], "not_json", id="null value, structured"),
    pytest.param(b"{}", [], "not_an_event", id="no headers"),
    pytest.param(b"{}", [("ce_specversion", None)], "not_an_event", id="a header without a value"),
    pytest.param(b"{}", [("ce_specversion", b"\xff")], "not_an_event", id="a header that is not UTF-8"),
    pytest.param(b"[{}]", [("content-type", BATCH.encode())], "not_an_event", id="a batch, which is for HTTP"),
    pytest.param(b"{}", as_bytes({**identity(), "ce_id": "x" * 129}), "bad_id", id="an id that is too long"),
    pytest.param(b"{}", as_bytes({**identity(), "ce_type": "x" * 5_000}), "bad_type", id="a header that is too long"),
    pytest.param(
        b"{}",
        [*as_bytes(identity()), *((f"x{n}", b"") for n in range(agents.HEADERS_MAX))],
        *("too_many_headers",),
        id="too many headers",
    ),
]


@pytest.mark.parametrize(("raw", "headers", "code"), MESSAGES)
async def test_a_message_without_an_event_in_it_is_unreadable(intake_connection, raw, headers, code) -> None:
    assert told(await take(intake_connection, arrival(raw, headers))) == [("unreadable", code)]
    await accounts_close(intake_connection)


async def test_a_null_value_under_an_event_s_headers_waits(intake_connection) -> None:
    arrived = arrival(None, as_bytes(identity()))
    assert told(await take(intake_connection, arrived)) == [("quarantined", "no_data")]


REQUESTS = [
    pytest.param(b"{}", JSON, {}, (400, "not_an_event"), id="no headers"),
    pytest.param(b"", SINGLE, {}, (400, "not_json"), id="nothing"),
    pytest.param(b"{}", JSON, identity(prefix="ce-") | {"ce-id": "x" * 129}, (400, "bad_id"), id="an id too long"),
    pytest.param(b"{}", JSON, {f"x{n}": "" for n in range(HEADERS_MAX)}, (431, "too_many_headers"), id="many headers"),
    pytest.param(b"{}", JSON, {"ce-type": CANARY * 2_000}, (431, "too_many_headers"), id="large headers"),
    pytest.param(b" " * (EVENTS_BYTES_MAX + 1), SINGLE, {}, (413, "too_large"), id="over the request's limit"),
    pytest.param(b"[" + b"1," * BATCH_EVENTS_MAX + b"1]", BATCH, {}, (413, "too_large"), id="too many in a batch"),
    pytest.param(b"[" * (DEPTH_MAX + 3) + b"]" * (DEPTH_MAX + 3), BATCH, {}, (400, "too_deep"), id="a deep batch"),
    pytest.param(b'"' + b"x" * BODY_BYTES_MAX + b'"', SINGLE, {}, (400, "too_large"), id="over the event's limit"),
]


@pytest.mark.parametrize(("body", "kind", "headers", "refusal"), REQUESTS)
async def test_a_request_without_an_event_in_it_is_refused(counter: Counter, body, kind, headers, refusal) -> None:
    headers = counter.headers("upstream") | {"content-type": kind} | headers
    assert problem(await counter.client.post("/v1/events", content=body, headers=headers)) == refusal


async def test_a_type_not_known_yet_waits_in_every_mode_over_http(counter: Counter) -> None:
    sent = captured(id_=f"{uuid4()}") | {"type": "tenure.record.captured.v2"}
    headers = {f"ce-{name}": text for name, text in sent.items() if name != "data"}
    single = await counter.taken(sent)
    answer = await counter.client.post(
        "/v1/events", content=json.dumps(sent["data"]), headers=counter.headers("upstream") | headers
    )
    other = sent | {"id": f"{uuid4()}"}
    batch_ = await counter.taken([sent, other], BATCH)
    receipts = [single, answer.json(), *batch_]
    assert [each["outcome"] for each in receipts] == ["quarantined", "duplicate", "duplicate", "quarantined"]
    assert single["reasons"][0]["code"] == batch_[1]["reasons"][0]["code"] == "type_not_yet_known"
