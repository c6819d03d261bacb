"""The demonstration as a newcomer plays it: in a copy of its own, to its end, every claim of it checked by itself."""

import re
import shutil
import subprocess
import sys
import time

from tests import stack
from tools.stack import jars
from tools.stack.identity import alive, noted
from tools.stack.paths import JARS, ROOT
from tools.stack.service import without_settings

SECONDS_MAX = 240
CODE = ("policy", "services", "shared", "tools", "alembic.ini", "pyproject.toml")


def test_the_demonstration_is_true_to_its_end():
    with stack.or_skip():
        jars.java()
        jars.fetch(JARS)
    with stack.folder() as paths:
        copied(paths.home)
        began = time.monotonic()

        ran = played(paths.home)

        took = time.monotonic() - began
        said = ran.stdout.splitlines()
        print(*said[-60:], sep="\n")
        assert (ran.returncode, ran.stderr) == (0, "")
        assert says(said, r"ok  every event has its receipt")
        assert says(said, r"\d+\. Both accounts")
        assert adds_up(said, "events: ", " received = ")
        assert adds_up(said, "records: ", " accepted = ")
        assert says(said, r"\| \d+ hold; none fails")
        assert says(said, r"ok  verify's exit status is 0")
        assert says(said, r"All of it was true: \d+ claims checked")
        left = {each.name: noted(each) for each in (paths.home / ".tenure" / "demo" / "run").glob("*.pid")}
        assert [name for name, process in left.items() if process and alive(process)] == []
    print(f"\nplayed in {took:.0f} s")


def copied(home) -> None:
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


def played(home) -> "subprocess.CompletedProcess[str]":
    """Play it to its end; whoever hangs is ended, and takes what it started along."""
    return subprocess.run(
        [sys.executable, "-m", "tools.demo", "--once"],
        cwd=home,
        env={**without_settings(), "PYTHONPATH": str(home)},
        capture_output=True,
        text=True,
        timeout=SECONDS_MAX,
        check=False,
    )


def says(said: list[str], pattern: str) -> bool:
    """Say whether a line tells something."""
    return any(re.search(pattern, line) for line in said)


def adds_up(said: list[str], account: str, what: str) -> bool:
    """Say whether the last telling of an account closes: what came is the sum of its terms."""
    [*_, line] = [line for line in said if line.strip().startswith(account) and what in line]
    received, *terms = [int(number.replace(",", "")) for number in re.findall(r"[\d,]*\d", line)]
    return received > 0 and received == sum(terms)
