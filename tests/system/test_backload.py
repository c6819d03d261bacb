"""A back-load on its own topic: read as live events are, after them, paused by a switch that outlives its worker."""

import json
import time
from datetime import datetime

import httpx
import pytest
from confluent_kafka import Producer

from services.intake.domain.pacing import ALONE_UNDATED_MAX
from shared.events import BACKLOAD, RECEIPTS, REGISTERED, Watermark
from tests import stack
from tests.system import counting, publishing
from tools.stack.issuer import token

EVENTS = 600
MANY = 25_000  # More than may wait for their schedules, and than is read until that is seen.
SECONDS = 60


@pytest.fixture(scope="module")
def estate():
    with stack.private_stack(("kafka", "postgres", "intake-worker", "intake-api", "retention-worker")) as started:
        yield started


def back_load(bootstrap, messages) -> None:
    producer = Producer({"bootstrap.servers": bootstrap, "acks": "all"})
    for each in messages:
        producer.produce(BACKLOAD, each.value, each.key, partition=each.partition, headers=each.headers or [])
    assert producer.flush(30) == 0


def turn(estate, paused: bool | None = None) -> dict:
    url = f"http://127.0.0.1:{estate.ports['intake-api']}/v1/backload"
    headers = {"Authorization": f"Bearer {token('data_steward', estate.paths.keys)}"}
    with httpx.Client(trust_env=False, headers=headers) as client:
        answer = client.get(url) if paused is None else client.put(url, json={"paused": paused})
    assert answer.status_code == 200, answer.text
    return answer.json()


def state(estate) -> dict:
    found = httpx.get(f"http://127.0.0.1:{estate.ports['intake-worker']}/readyz", trust_env=False).json()
    return found.get("backload", {})


def wait(estate, found, what: str) -> None:
    counting.wait_for(found, SECONDS, lambda: f"{what}\n{estate.processes['intake-worker'].last_lines(80)}")


def read(estate, topic: str) -> int:
    ask = "SELECT coalesce(sum(next_offset), 0)::bigint FROM intake.position WHERE topic = %s"
    return int(counting.ask(estate.admin_url, ask, topic)[0][0])


def seconds_of(instant: str) -> float:
    return datetime.fromisoformat(instant).timestamp()


def newest_watermarks(estate) -> dict[int, str]:
    found = {}
    for message in counting.read(estate.bootstrap, REGISTERED, 8):
        if dict(message.headers() or ()).get("ce_type") == Watermark.type.encode():
            found[message.partition()] = json.loads(message.value())["upto"]
    return found


def test_it_waits_while_it_is_paused_and_so_does_disposal_and_then_it_is_read(estate, rng):
    wait(estate, lambda: state(estate).get("state") == "alone", "the worker says what the back-load does")
    assert turn(estate, paused=True)["changed_by"] == "D-DS1"
    wait(estate, lambda: state(estate)["state"] == "paused", "the worker heard of the pause")

    back_load(estate.bootstrap, publishing.made_up(rng, EVENTS, "old"))
    began = time.time()
    publishing.publish(estate.bootstrap, publishing.made_up(rng, 100, "live"))
    wait(estate, lambda: read(estate, publishing.INBOUND) >= 100, "live events are read meanwhile")
    wait(estate, lambda: state(estate)["unread"] == EVENTS, "the back-load is counted")
    estate.processes["intake-worker"].stop()
    estate.processes["intake-worker"].start(SECONDS)
    wait(estate, lambda: state(estate).get("state") == "paused", "the pause outlived the worker")
    time.sleep(2)  # Two looks at least: nothing is handed out, and no newer news is told.
    assert read(estate, BACKLOAD) == 0
    assert (before := newest_watermarks(estate))
    assert all(seconds_of(each) < began + 1 for each in before.values())

    assert turn(estate, paused=False)["paused"] is False
    wait(estate, lambda: read(estate, BACKLOAD) >= EVENTS, "the back-load is read")
    wait(estate, lambda: all(seconds_of(each) > began + 1 for each in newest_watermarks(estate).values()), "news go on")
    arrivals = [
        receipt["arrival"]["topic"]
        for message in counting.read(estate.bootstrap, RECEIPTS, 8)
        if "topic" in (receipt := json.loads(message.value()))["arrival"]
    ]
    assert arrivals.count(BACKLOAD) == EVENTS
    assert turn(estate)["paused"] is False
    sealed = counting.ask(
        estate.admin_url,
        "SELECT convert_from(payload, 'UTF8')::json->>'paused' FROM intake.log"
        " WHERE type = 'tenure.backload.turned.v1' ORDER BY version",
    )
    assert [row[0] for row in sealed] == ["true", "false"]


def test_it_waits_for_retention_however_that_ends_and_goes_on_when_it_is_back(estate, rng):
    retention = estate.processes["retention-worker"]
    retention.kill()
    already = read(estate, BACKLOAD)
    sent = publishing.made_up(rng, MANY, "older")
    back_load(estate.bootstrap, sent)
    wait(estate, lambda: state(estate).get("undated", 0) > ALONE_UNDATED_MAX, "what is not dated is counted")
    wait(estate, lambda: state(estate)["state"] == "yielding", "the back-load waits")
    assert read(estate, BACKLOAD) < already + len(sent)

    retention.start(SECONDS)
    wait(estate, lambda: read(estate, BACKLOAD) == already + len(sent), "the back-load is read")
    wait(estate, lambda: state(estate)["unread"] == 0, "and the worker says so")
