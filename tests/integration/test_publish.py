"""`tenure publish` on a real broker, whose receipts this test gives: resumed, matched by place, counted, told."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from shared.events import BACKLOAD, INBOUND, RECEIPTS
from tests import stack
from tools.stack.paths import ROOT

EVENTS, MANY = 1_000, 8_000
COMMAND = """
import argparse, sys
from pathlib import Path
from tools.adapters import journal
from tools.cli import publish
journal.SAVE_SECONDS = 0.1
publish.FOLDER = Path(sys.argv[1])
parser = argparse.ArgumentParser()
publish.add_arguments(parser)
sys.exit(publish.run(parser.parse_args(sys.argv[2:])))
"""


class Intake:
    """Gives every event on both topics its receipt while it is awake, as intake does."""

    def __init__(self, bootstrap: str) -> None:
        self.bootstrap = bootstrap
        self.awake = threading.Event()
        self.ended = threading.Event()
        self.seen: list[tuple[str, str]] = []
        self.thread = threading.Thread(target=self._work, daemon=True)
        self.thread.start()

    def _work(self) -> None:
        consumer = Consumer({"bootstrap.servers": self.bootstrap, "group.id": "x", "enable.auto.commit": False})
        consumer.assign([TopicPartition(topic, part, 0) for topic in (INBOUND, BACKLOAD) for part in range(8)])
        producer = Producer({"bootstrap.servers": self.bootstrap})
        known: set[str] = set()
        while not self.ended.is_set():
            for message in consumer.consume(500, 0.05) if self.awake.wait(0.05) else []:
                assert message.error() is None
                event = dict(message.headers())["ce_id"].decode()
                outcome = "duplicate" if event in known else "quarantined" if event.endswith("7") else "accepted"
                known.add(event)
                self.seen.append((message.topic(), event))
                place = {"topic": message.topic(), "partition": message.partition(), "offset": message.offset()}
                reasons = [{"code": "made_up", "pointer": "/x", "sentence": "It is made up."}]
                receipt = {"arrival": place, "outcome": outcome, "reasons": reasons if outcome == "quarantined" else []}
                producer.produce(RECEIPTS, json.dumps(receipt).encode(), event, partition=hash(event) % 8)
            producer.flush()
        consumer.close()


@pytest.fixture(scope="module")
def broker():
    with stack.private_stack(("kafka",)) as started:
        yield started.bootstrap


@pytest.fixture
def intake(broker):
    each = Intake(broker)
    yield each
    each.ended.set()
    each.thread.join(10)


def file_of(folder: Path, name: str, count: int = EVENTS) -> Path:
    path = folder / f"{name}.jsonl"
    line = {"specversion": "1.0", "source": "urn:demo:crime", "type": "tenure.record.captured.v1", "sequence": "1"}
    with path.open("w") as file:
        for number in range(count):
            state = {"source_system": "crime", "source_record_id": f"{name}-{number}", "content": {"text": "x" * 300}}
            file.write(json.dumps({**line, "id": f"{name}-{number}", "data": state}) + "\n")
    return path


def command(broker: str, folder: Path, *arguments: object) -> list[str]:
    return [sys.executable, "-c", COMMAND, str(folder / "kept"), *map(str, arguments), "--kafka", broker]


def start(broker: str, folder: Path, *arguments: object) -> "subprocess.Popen[str]":
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    piped = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command(broker, folder, *arguments), cwd=ROOT, env=environment, **piped)


def finish(broker: str, folder: Path, *arguments: object) -> tuple[int, str, str]:
    running = start(broker, folder, *arguments)
    out, err = running.communicate(timeout=90)
    return running.returncode, out, err


def until(holds, what: str) -> None:
    ends = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < ends, what
        time.sleep(0.02)


def test_what_was_published_is_counted_by_outcome_and_reason_and_again_by_duplicate(broker, intake, tmp_path):
    intake.awake.set()
    path = file_of(tmp_path, "counted")

    status, out, err = finish(broker, tmp_path, path, "--json")
    told = json.loads(out)
    assert (status, told["status"], told["published"], told["missing"]) == (3, 3, EVENTS, 0), err
    assert told["outcomes"] == {"accepted": EVENTS * 9 // 10, "quarantined": EVENTS // 10}
    assert told["reasons"] == [
        {"code": "made_up", "pointer": "/x", "sentence": "It is made up.", "count": EVENTS // 10}
    ]
    assert list((tmp_path / "kept").iterdir()) == [], "a file that is published is published anew the next time"

    status, out, _ = finish(broker, tmp_path, path, "--backload")
    assert status == 0
    assert re.search(rf"duplicate +{EVENTS:,}\n", out)
    assert [topic for topic, _ in intake.seen].count(BACKLOAD) == EVENTS


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_run_that_was_cut_off_goes_on_from_there_and_counts_each_event_once(broker, intake, tmp_path, number):
    path = file_of(tmp_path, f"cut-{number.name}", MANY)
    running = start(broker, tmp_path, path)
    kept = tmp_path / "kept"
    until(lambda: kept.is_dir() and list(kept.glob("*.json")), "progress is written down")
    running.send_signal(number)
    _, err = running.communicate(timeout=30)
    assert running.returncode == (-9 if number == signal.SIGKILL else 130), err
    [journal] = kept.glob("*.json")
    sent = json.loads(journal.read_bytes())["published"]
    assert 0 < sent < MANY

    intake.awake.set()
    status, out, err = finish(broker, tmp_path, path, "--json")
    told = json.loads(out)
    assert (status, told["published"], told["missing"]) == (3, MANY, 0), err
    assert f"goes on after {sent:,} of {MANY:,} events" in err
    events = [event for _, event in intake.seen if event.startswith(f"cut-{number.name}")]
    assert len(set(events)) == MANY
    if number != signal.SIGKILL:
        assert len(events) == MANY, "nothing was sent twice"
        assert told["outcomes"] == {"accepted": MANY * 9 // 10, "quarantined": MANY // 10}


def test_of_several_files_those_that_were_done_are_not_sent_again(broker, intake, tmp_path):
    done, cut = file_of(tmp_path, "done", 100), file_of(tmp_path, "last", MANY)
    intake.awake.set()
    running = start(broker, tmp_path, done, cut)
    until(
        lambda: sum("last" in each.read_text()[:100] for each in (tmp_path / "kept").glob("*.json")), "the last began"
    )
    running.send_signal(signal.SIGINT)
    running.communicate(timeout=30)

    _, out, err = finish(broker, tmp_path, done, cut, "--json")
    assert f"{done}: goes on after 100 of 100 events" in err
    assert json.loads(out)["outcomes"] == {"accepted": (MANY + 100) * 9 // 10, "quarantined": (MANY + 100) // 10}
    assert len([event for _, event in intake.seen if event.startswith("done")]) == 100
    assert list((tmp_path / "kept").iterdir()) == []


def test_from_start_forgets_what_was_kept(broker, intake, tmp_path):
    path = file_of(tmp_path, "fresh", EVENTS)
    running = start(broker, tmp_path, path)
    until(lambda: list((tmp_path / "kept").glob("*.json")), "progress is written down")
    running.send_signal(signal.SIGINT)
    running.communicate(timeout=30)
    intake.awake.set()

    assert "goes on" not in finish(broker, tmp_path, path, "--limit", 100)[1], "so many are another publication"
    _, out, err = finish(broker, tmp_path, path, "--from-start", "--json")
    assert "goes on" not in err
    assert json.loads(out)["published"] == EVENTS


def test_a_pattern_stands_for_its_files_and_a_limit_for_the_first_events_of_all(broker, intake, tmp_path):
    intake.awake.set()
    for name in ("a", "b", "c"):
        file_of(tmp_path, f"glob-{name}", 100)

    status, out, _ = finish(broker, tmp_path, tmp_path / "glob-*.jsonl", "--limit", 150, "--json")
    assert json.loads(out)["published"] == 150
    assert status == 3
    assert {event.rpartition("-")[0] for _, event in intake.seen if event.startswith("glob")} == {"glob-a", "glob-b"}


def test_each_event_begins_a_trace_where_traces_are_told(broker, intake, tmp_path, monkeypatch):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", "1")
    intake.awake.set()
    assert finish(broker, tmp_path, file_of(tmp_path, "traced", 20))[0] == 3

    consumer = Consumer({"bootstrap.servers": broker, "group.id": "y", "enable.auto.commit": False})
    consumer.assign([TopicPartition(INBOUND, part, 0) for part in range(8)])
    found: list[bytes] = []
    ends = time.monotonic() + 20
    while len(found) < 20 and time.monotonic() < ends:
        for message in consumer.consume(1_000, 0.2):
            headers = dict(message.headers())
            found += [headers["traceparent"]] if headers["ce_id"].startswith(b"traced") else []
    consumer.close()
    assert len(set(found)) == 20
    assert all(each.endswith(b"-01") for each in found)
