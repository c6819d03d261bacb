"""A benchmark that is stopped leaves nothing behind: no server, no folder."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests import stack
from tools.stack import broker
from tools.stack.paths import ROOT
from tools.stack.service import without_settings

SECONDS_MAX = 60


@pytest.fixture
def room():
    """Give a folder for its temporary ones, which the database's own user may pass through."""
    with stack.folder() as paths:
        yield paths.home


def test_a_benchmark_that_is_told_to_stop_leaves_no_server_and_no_folder(room):
    with stack.or_skip():
        broker.refuse_without_kafka()
    command = [sys.executable, "-m", "tools.cli", "bench", "http", "--events", "1000"]
    environment = {**without_settings(), "TMPDIR": str(room)}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True) as bench:
        try:
            awaited(lambda: len(servers_below(room)) == 2)
            bench.terminate()
            _, said = bench.communicate(timeout=SECONDS_MAX)
        finally:
            bench.kill()

    assert (bench.returncode, list(room.iterdir())) == (130, []), said
    assert servers_below(room) == []
    assert said.splitlines()[-1] == "bench: stopped; its servers stop, and its folder goes unless you named it"


def servers_below(room: Path) -> list[int]:
    """List the broker and the database that keep their data below a folder."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (entry / "cmdline").exists() and is_server(entry, room):
            found.append(int(entry.name))
    return found


def is_server(entry: Path, room: Path) -> bool:
    try:
        words = (entry / "cmdline").read_bytes().split(b"\0")
        return words[0].endswith((b"/java", b"/postgres")) and os.readlink(entry / "cwd").startswith(str(room))
    except OSError:  # It ended meanwhile.
        return False


def awaited(holds):
    until = time.monotonic() + SECONDS_MAX
    while not holds():
        assert time.monotonic() < until, "the benchmark started no servers"
        time.sleep(0.1)
