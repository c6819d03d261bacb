"""What the running system shows of itself: metrics as declared, one trace through topics, logs and a collector."""

import json
import re
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any, NamedTuple

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from shared.events import CERTIFICATES, CONFIRMATIONS, DISPOSALS, INBOUND, RECEIPTS, REGISTERED, SCHEDULES
from shared.ids import event_uid, record_id
from shared.metrics import DECLARED
from shared.topics import BY_NAME
from shared.tracing import read
from tests import otlp, stack
from tests.system import counting
from tests.system.publishing import CRIME, Event, Message, message_of, publish
from tools.stack import issuer
from tools.stack.assembly import Stack
from tools.stack.service import Service

SEEN, QUIET = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b74bf92f3577b34da6"
PATH = f"00-{SEEN}-00f067aa0ba902b7-01"
SECONDS_MAX = 30
HALF_MINUTE_MAX = 75  # Some measures are taken every half minute.
SERVICES = ("intake", "retention", "review")
WORKERS = tuple(f"{service}-worker" for service in SERVICES)


class Running(NamedTuple):
    """The whole system with a collector beside it, and what was sent to it."""

    stack: Stack
    told: otlp.Collector
    traced: Message
    untraced: Message
    over_http: str


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    with otlp.collector() as told, pytest.MonkeyPatch.context() as environment:
        environment.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", told.endpoint)
        environment.setenv("OTEL_BSP_SCHEDULE_DELAY", "200")
        with stack.private_stack() as whole:
            traced, untraced, over_http = _of("traced", PATH), _of("untraced"), "over-http"
            publish(whole.bootstrap, [traced, untraced])
            _post(whole, over_http)
            counting.wait_for(lambda: _announced(whole) == 3, SECONDS_MAX, "three schedules are announced")
            yield Running(whole, told, traced, untraced, over_http)


def _event(name: str, year: int = 2022) -> Event:
    data = {"source_system": "crime", "source_record_id": name, "record_type": "crime_report"}
    data |= {"occurred_on": f"{year}-08-01", "recorded_at": f"{year}-08-02T01:00:00+01:00"}
    data |= {"created_on": f"{year}-08-02", "offences": ["police-uk:burglary"]}
    subject = str(record_id("crime", name))
    return Event(name, CRIME, "tenure.record.captured.v1", subject, 1, {**data, "content": {"summary": "Made up."}})


def _of(name: str, trace: str | None = None, year: int = 2022) -> Message:
    message = message_of(_event(name, year))
    assert message.headers is not None
    return message._replace(headers=[*message.headers, *([("traceparent", trace.encode())] if trace else [])])


def _post(whole: Stack, name: str) -> None:
    event = _event(name)
    sent = {"specversion": "1.0", "id": event.id, "source": event.source, "type": event.type}
    sent |= {"subject": event.subject, "sequence": "1", "data": event.data}
    headers = {
        "authorization": f"Bearer {issuer.token('upstream', whole.paths.keys)}",
        "content-type": "application/cloudevents+json",
        "traceparent": f"00-{QUIET}-00f067aa0ba902b7-01",
    }
    answer = httpx.post(f"{_process(whole, 'intake-api').url}/v1/events", json=sent, headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.json()["outcome"] == "accepted"


def _process(whole: Stack, name: str) -> Service:
    found = whole.processes[name]
    assert isinstance(found, Service)
    return found


def _announced(whole: Stack) -> int:
    return len({message.key() for message in _messages(whole, SCHEDULES)})


def _messages(whole: Stack, topic: str) -> list[Any]:
    return list(counting.read(whole.bootstrap, topic, BY_NAME[topic].partitions))


def _trace(message: Any) -> str | None:
    found = read(dict(message.headers() or ()).get("traceparent", b"").decode())
    return found.trace_id if found else None


def _traces(running: Running, topic: str, name: str) -> set[str | None]:
    """Give the traces of the messages of a topic that are about the event or record of this name."""
    event = _event(name)
    about = {event.subject.encode(), str(event_uid(CRIME, name)).encode()}
    return {_trace(each) for each in _messages(running.stack, topic) if each.key() in about}


@pytest.mark.parametrize("topic", [RECEIPTS, REGISTERED, SCHEDULES])
@pytest.mark.parametrize(("name", "trace"), [("traced", SEEN), ("over-http", QUIET)])
def test_the_trace_that_came_in_goes_out_on_every_topic(running, topic, name, trace):
    assert _traces(running, topic, name) == {trace}


def test_what_came_without_a_trace_gets_one_at_the_door(running):
    [trace] = _traces(running, RECEIPTS, "untraced")
    assert trace not in (None, SEEN, QUIET)
    assert _traces(running, REGISTERED, "untraced") == {trace}


@pytest.mark.parametrize("trace", [SEEN, QUIET])
def test_one_word_finds_the_path_in_every_log(running, trace):
    def told() -> bool:
        return all(_lines(running.stack, name, trace) for name in WORKERS)

    counting.wait_for(told, SECONDS_MAX, f"every worker's log tells of {trace}")
    lines = _lines(running.stack, "intake-worker", SEEN)
    assert [each["level"] for each in lines if each.get("topic") == INBOUND] == ["info"], "one line for its batch"
    assert bool(_lines(running.stack, "intake-api", trace)) is (trace == QUIET)


def _lines(whole: Stack, name: str, word: str) -> list[dict[str, Any]]:
    text = _process(whole, name).log.read_text()
    return [json.loads(line) for line in text.splitlines() if word in line]


@pytest.mark.parametrize("trace", [SEEN, QUIET])
def test_a_collector_sees_one_trace_through_all_services(running, trace):
    def seen() -> bool:
        return {f"tenure-{service}" for service in SERVICES} <= running.told.of(trace).keys()

    counting.wait_for(seen, SECONDS_MAX, f"a span of each service is in {trace}; there are {running.told.of(trace)}")
    assert f"settle {REGISTERED}" in running.told.of(trace)["tenure-retention"]


def test_spans_say_counts_and_topics_and_nothing_else(running):
    words = {name for span in running.told.spans for name in span.words}
    assert words <= {"messaging.destination.name", "messaging.batch.message_count"}
    named = {span.name for span in running.told.spans}
    assert not [name for name in named if re.search(r"[0-9a-f]{8}-", name)], "no name holds an id"


@pytest.mark.parametrize("name", [f"{service}-{kind}" for service in SERVICES for kind in ("worker", "api")])
def test_what_a_process_exports_is_what_is_declared_for_it(running, name):
    service = name.partition("-")[0]
    declared = {each.name: each for each in DECLARED if name in each.on}
    url = f"{_process(running.stack, name).url}/metrics"
    httpx.get(f"{_process(running.stack, name).url}/livez")  # So that something is counted.

    def all_there() -> bool:
        return _exported(url).keys() == declared.keys()

    counting.wait_for(all_there, HALF_MINUTE_MAX, lambda: f"{declared.keys() ^ _exported(url).keys()} are exported too")
    for metric, samples in _exported(url).items():
        for labels in samples:
            assert labels.keys() == {"service", *declared[metric].labels}, metric
            assert labels["service"] == service
            assert not re.search(r"[0-9a-f]{8}-|N-\d|traced", " ".join(labels.values())), "no label holds an id"


def _exported(url: str) -> dict[str, list[dict[str, str]]]:
    """Give the label sets of every metric with a sample, by the metric's declared name."""
    found: dict[str, list[dict[str, str]]] = {}
    for family in text_string_to_metric_families(httpx.get(url).text):
        name = f"{family.name}_total" if family.type == "counter" else family.name
        for sample in family.samples:
            found.setdefault(name, []).append({key: each for key, each in sample.labels.items() if key != "le"})
    return found


def test_the_numbers_are_the_tables_numbers(running):
    def settled() -> bool:
        text = httpx.get(f"{_process(running.stack, 'intake-worker').url}/metrics").text
        return (
            'tenure_messages_settled_total{service="intake",topic="records.events.v1"} 2.0' in text
            and 'tenure_lag_rows{service="intake",topic="records.events.v1"} 0.0' in text
            and 'tenure_queue_rows{queue="unpublished",service="intake"} 0.0' in text
            and 'tenure_receipts_total{service="intake"} 3.0' in text
            and 'tenure_ready{check="migrations",service="intake"} 1.0' in text
        )

    counting.wait_for(settled, SECONDS_MAX, "intake's numbers are right")


LAST, LAST_PATH = "9a2f92f3577b34da6a3ce929d0e0e473", "00-9a2f92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01"


def test_one_trace_leads_from_publication_to_the_certificate(running):
    """Last: it publishes, and moves the clock."""
    publish(running.stack.bootstrap, [_of("long-ago", LAST_PATH, 2010), _of("as-long-ago", year=2010)])
    counting.wait_for(lambda: len(_ordered(running.stack)) == 2, SECONDS_MAX, "both are ordered")
    _move_clock(running.stack, days=8)

    def told(topic: str) -> list[str | None]:
        return sorted((_trace(each) for each in _messages(running.stack, topic)), key=lambda trace: trace != LAST)

    counting.wait_for(lambda: len(told(CERTIFICATES)) == 2, SECONDS_MAX, "both certificates are out")
    for topic in (DISPOSALS, CERTIFICATES):
        assert [trace == LAST for trace in told(topic)] == [True, False], topic
    assert told(CONFIRMATIONS).count(LAST) == 2, "intake's and review's"

    def seen() -> bool:
        spans = running.told.of(LAST)
        executed, shredded = spans.get("tenure-retention", set()), spans.get("tenure-intake", set())
        return "execute" in executed and f"settle {DISPOSALS}" in shredded

    counting.wait_for(seen, SECONDS_MAX, lambda: f"the collector sees the disposal in {running.told.of(LAST)}")


def _ordered(whole: Stack) -> list[str]:
    states = (json.loads(message.value())["state"] for message in _messages(whole, SCHEDULES))
    return [state for state in states if state == "ordered"]


def _move_clock(whole: Stack, days: int) -> None:
    headers = {"authorization": f"Bearer {issuer.token('head_of_information_management', whole.paths.keys)}"}
    for service in SERVICES:
        url = f"{_process(whole, f'{service}-api').url}/v1/clock"
        today = date.fromisoformat(httpx.get(url, headers=headers).json()["date"])
        moved = httpx.put(url, headers=headers, json={"date": (today + timedelta(days=days)).isoformat()})
        assert moved.status_code == 200, moved.text
