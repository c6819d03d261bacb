"""Tenure on the embedded broker, as a newcomer without Java has it: it works, and what it cannot show is said."""

import os
import signal
import subprocess
import sys
from itertools import takewhile

import psycopg
import pytest

from tests import stack
from tests.system import counting, publishing, whole
from tools import topics
from tools.stack import ports
from tools.stack.assembly import Stack
from tools.stack.identity import noted
from tools.stack.paths import ROOT
from tools.stack.service import without_settings
from tools.stack.sweep import down
from tools.verify.broker import Broker
from tools.verify.progress import Progress

SECONDS_MAX = 60
NOT_CHECKABLE = "not checkable on this broker: the embedded one tells wrong end offsets"
_SCHEDULES = "SELECT count(*) FROM retention.schedule"


@pytest.mark.timeout(240)
def test_it_takes_in_and_dates_and_goes_on_after_a_stop(rng):
    with stack.private_stack(TENURE_BROKER="embedded") as running:
        take_in(running, publishing.made_up(rng, 400, "first"))
        told, state = whole.verify(running), whole.state_digest(running)
        schedules = counted(running, _SCHEDULES)

        running.stop()
        running.start()

        rest(running)
        assert whole.state_digest(running) == state, "nothing is taken in twice"
        assert on_topic(running, "retention.schedules.v1") == schedules > 0, "what the broker forgot is there again"
        take_in(running, publishing.made_up(rng, 100, "second"))
        assert counted(running, _SCHEDULES) > schedules
        for findings in (told, whole.verify(running)):
            unseen = {name for name, each in findings.items() if each["reason"].startswith(NOT_CHECKABLE)}
            assert unseen == {"I1", "I3", "I13"}
            assert findings["I2"]["checked"] > 0


def test_a_broker_that_ended_gets_its_topics_again():
    with stack.folder() as paths:
        command = [sys.executable, "-m", "tools.stack.supervisor", f"--home={paths.home}", "--only=kafka,postgres"]
        environment = {**without_settings(), "TENURE_BROKER": "embedded"}
        with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as supervisor:
            try:
                lines = list(takewhile(lambda line: line != "ready\n", supervisor.stdout))
                assert sum(line.startswith("Warning: ") for line in lines) == 1
                port, before = port_in(lines), noted(paths.run / "kafka.pid")

                os.kill(before.pid, signal.SIGKILL)

                pid_file = paths.run / "kafka.pid"
                counting.wait_for(lambda: noted(pid_file) not in (before, None), SECONDS_MAX, "it was started again")
                counting.wait_for(lambda: as_declared(port), SECONDS_MAX, "its topics are as declared again")
            finally:
                supervisor.terminate()
                down(paths)


def take_in(running: Stack, messages: list[publishing.Message]) -> None:
    """Publish, and wait until every message has arrived and all that follows from it is done."""
    before = counted(running, "SELECT count(*) FROM intake.arrival")
    publishing.publish(running.bootstrap, messages)
    arrived = before + len(messages)
    counting.wait_for(
        lambda: counted(running, "SELECT count(*) FROM intake.arrival") == arrived,
        SECONDS_MAX,
        lambda: f"{arrived} arrivals",
    )
    rest(running)


def rest(running: Stack) -> None:
    """Wait until nothing waits in a queue and nothing is written for a second."""
    looks = []

    def at_rest() -> bool:
        looks.append(whole.look(running.admin_url))
        return len(looks) > 4 and not any(looks[-1].waiting.values()) and looks[-1].written == looks[-5].written

    counting.wait_for(at_rest, SECONDS_MAX, lambda: f"everything is at rest; left: {looks[-1].waiting}")


def counted(running: Stack, statement: str) -> int:
    with psycopg.connect(running.admin_url) as connection:
        return int(connection.execute(statement).fetchone()[0])


def on_topic(running: Stack, topic: str) -> int:
    """Count the keys of a topic, read as the verifier reads it."""
    broker, keys = Broker(running.bootstrap, Progress(quiet=True)), set()
    broker.read(broker.ends([topic]), {topic: lambda message: keys.add(message.key())})
    return len(keys)


def as_declared(port: int) -> bool:
    return ports.answers(port) and topics.check(f"127.0.0.1:{port}") == []


def port_in(lines: list[str]) -> int:
    [ready] = [line for line in lines if line.startswith("kafka is ready on port ")]
    return int(ready.split()[-1])
