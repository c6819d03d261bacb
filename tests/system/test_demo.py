"""The demonstration as a newcomer plays it: in a copy of its own, to its end, every claim of it checked by itself."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import stack
from tools.demo.story import CHAPTERS
from tools.demo.telling import WIDTH_MAX
from tools.stack import broker, jars
from tools.stack.paths import JARS, ROOT
from tools.stack.service import without_settings

SECONDS_MAX = 420  # Alone it takes one minute; two cores that others use as well take several.
STOP_SECONDS_MAX = 30
CODE = ("policy", "services", "shared", "tools", "alembic.ini", "pyproject.toml")


@pytest.fixture
def home() -> Iterator[Path]:
    if broker.choose({name: "kafka" for name in ["TENURE_BROKER"] if os.environ.get("TENURE_REQUIRE")}) == "kafka":
        jars.fetch(JARS)  # Else it plays on the embedded broker.
    with stack.folder() as paths:
        copied(paths.home)
        yield paths.home


@pytest.mark.timeout(SECONDS_MAX + 60)
def test_the_demonstration_is_true_to_its_end_and_leaves_only_its_evidence(home):
    began = time.monotonic()

    with started(home, "--once", "--fast") as playing:
        said, wrong = playing.communicate(timeout=SECONDS_MAX)

    lines = said.splitlines()
    print(*lines[-80:], f"\nplayed in {time.monotonic() - began:.0f} s", sep="\n")
    assert (playing.returncode, wrong) == (0, "")
    assert [each.title for each in CHAPTERS if not says(lines, rf"^\d+\. {re.escape(each.title)}")] == []
    assert says(lines, r"ok  every event has its receipt: [\d,]+ receipts")
    assert says(lines, r"ok  with another decider written into it, the same command refuses it")
    assert says(lines, r"ok  not one event and not one record is missing")
    assert adds_up(lines, "events", "received")
    assert adds_up(lines, "records", "accepted")
    assert says(lines, r"I12 +[\d,]+ checked, holds:")
    assert says(lines, r"ok  \d+ hold, none fails")
    assert says(lines, r"All of it was true: \d+ claims checked")
    assert [line for line in lines if not line.isprintable()] == []
    assert [line for line in lines if len(line) > WIDTH_MAX and "Bearer" not in line and "http" not in line] == []
    assert running(home) == []
    assert [each.name for each in (home / ".tenure" / "demo").iterdir()] == ["proof"]
    again = next(line.strip()[2:] for line in lines if "$ python3 tools/demo/inclusion.py" in line)
    assert subprocess.run(again.split(), cwd=home, capture_output=True, check=False).returncode == 0


def test_stopped_at_its_beginning_it_leaves_nothing(home):
    with started(home, "--fast") as playing:
        assert playing.stdout is not None
        for line in playing.stdout:
            if "is ready on port" in line:
                break
        assert running(home) != []

        playing.send_signal(signal.SIGINT)
        said, wrong = playing.communicate(timeout=STOP_SECONDS_MAX)

    assert (playing.returncode, wrong) == (130, "")
    assert "stopped before the end; nothing was left running" in said
    assert running(home) == []
    assert not (home / ".tenure" / "demo").exists()


def copied(home: Path) -> None:
    """Copy what the demonstration needs; the broker's jars are shared."""
    for name in CODE:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, home / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, home / name)
    kafka = home / ".tenure" / "kafka"
    kafka.mkdir(parents=True)
    (kafka / "lib").symlink_to(JARS.resolve())
    for folder in (home / ".tenure", kafka):
        folder.chmod(0o711)


def started(home: Path, *arguments: str) -> "subprocess.Popen[str]":
    """Start it in a pipe; whoever hangs is ended by the test's time limit, and takes what it started along."""
    return subprocess.Popen(
        [sys.executable, "-m", "tools.demo", *arguments],
        cwd=home,
        env={**without_settings(), "PYTHONPATH": str(home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def running(home: Path) -> list[str]:
    """List the processes that work in a folder or were started from it."""
    found = []
    for each in Path("/proc").glob("[0-9]*"):
        try:
            command, folder = (each / "cmdline").read_text(), (each / "cwd").resolve()
        except OSError:
            continue  # It has ended, or is somebody else's.
        if folder.is_relative_to(home) or str(home) in command:
            found.append(f"{each.name} {command}")
    return found


def says(said: list[str], pattern: str) -> bool:
    """Say whether a line tells something."""
    return any(re.search(pattern, line) for line in said)


def adds_up(said: list[str], account: str, what: str) -> bool:
    """Say whether the last telling of an account closes: what came is the sum of its terms."""
    told = " ".join(" ".join(said).split())  # A long account is wrapped.
    [*_, line] = re.findall(rf"{account}: ([\d,]+ {what} = [\d,]+ \w+(?: \+ [\d,]+ \w+)*)", told)
    received, *terms = [int(number.replace(",", "")) for number in re.findall(r"\d[\d,]*", line)]
    return received > 0 and received == sum(terms)
