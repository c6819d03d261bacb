"""The local stack: starts, restarts what ends, and leaves nothing behind, however it ends."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import pytest

from tests import stack
from tools.stack.identity import Identity, alive, noted
from tools.stack.paths import ROOT, Paths
from tools.stack.service import without_settings
from tools.stack.sweep import down

SERVERS = ("postgres", "kafka")
WAIT_SECONDS_MAX = 40


@pytest.fixture
def paths() -> Iterator[Paths]:
    with stack.folder() as paths:
        yield paths
        down(paths)


def test_what_is_killed_is_started_again(paths):
    with supervised(paths):
        before = identity(paths, "postgres")

        os.kill(before.pid, signal.SIGKILL)

        wait_for(lambda: identity(paths, "postgres") not in (before, None))
    assert "postgres ended (SIGKILL)" in (paths.home / "said").read_text()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL], ids=lambda number: number.name)
def test_nothing_outlives_the_supervisor(paths, number):
    servers = SERVERS if number is signal.SIGKILL else SERVERS[:1]
    with supervised(paths, servers) as supervisor:
        started = [identity(paths, name) for name in servers]
        assert all(started)

        supervisor.send_signal(number)
        supervisor.wait(10)

        wait_for(lambda: not any(alive(each) for each in started))


def test_a_second_one_is_refused(paths):
    with supervised(paths):
        second = subprocess.run(command(paths, SERVERS), cwd=ROOT, capture_output=True, text=True, check=False)

    assert second.returncode == 1
    assert "up already" in second.stderr


def test_a_pid_that_is_now_another_process_is_left_alone(paths):
    paths.make()
    bystander = subprocess.Popen(["sleep", "60"])
    try:
        (paths.run / "kafka.pid").write_text(f"{bystander.pid} 1\n")

        assert down(paths) == []

        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


class supervised:
    """A supervisor of some servers, running until the end of the block."""

    def __init__(self, paths: Paths, servers: tuple[str, ...] = SERVERS[:1]) -> None:
        self.paths = paths
        self.command = command(paths, servers)

    def __enter__(self) -> subprocess.Popen[bytes]:
        self.said = (self.paths.home / "said").open("wb")
        told = {"cwd": ROOT, "env": without_settings()}
        self.process = subprocess.Popen(self.command, stdout=self.said, stderr=self.said, **told)
        wait_for(lambda: b"ready\n" in (self.paths.home / "said").read_bytes().replace(b"is ready", b""))
        return self.process

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait(12)
        self.said.close()


def command(paths: Paths, servers: tuple[str, ...]) -> list[str]:
    return [sys.executable, "-m", "tools.stack.supervisor", "--home", str(paths.home), "--only", ",".join(servers)]


def identity(paths: Paths, name: str) -> Identity | None:
    return noted(paths.run / f"{name}.pid")


def wait_for(holds: Callable[[], bool]) -> None:
    until = time.monotonic() + WAIT_SECONDS_MAX
    while not holds():
        assert time.monotonic() < until, "waited too long"
        time.sleep(0.05)
