"""P13: from `./tenure up` to everything ready, cold and warm, on each broker; and a whole demonstration, if asked."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks import measuring
from benchmarks.measuring import Result, Say, middle
from tools.stack.errors import StackError
from tools.stack.paths import JARS, ROOT
from tools.stack.service import without_settings

BROKERS = ("kafka", "embedded")
COMMAND_SECONDS_MAX = 600
PROCESSES = 6  # Of ours; beside broker and database.


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be measured."""

    brokers: tuple[str, ...]
    repetitions: int
    demo: bool


@dataclass(frozen=True, slots=True)
class Clone:
    """A fresh copy of the files, with what was downloaded already and nothing else."""

    folder: Path
    broker: str

    def seconds(self, *command: str) -> float:
        """Run a command of `./tenure` and give how long it took."""
        told = {**without_settings(), "PYTHONPATH": str(self.folder), "TENURE_BROKER": self.broker}
        began = time.monotonic()
        ran = subprocess.run(
            [sys.executable, "-m", "tools.cli", *command],
            cwd=self.folder,
            env=told,
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS_MAX,
            check=False,
        )
        took = time.monotonic() - began
        if ran.returncode:
            raise StackError(f"./tenure {' '.join(command)} failed:\n{(ran.stdout + ran.stderr)[-2000:]}")
        return took


@contextmanager
def _clone(broker: str) -> Iterator[Clone]:
    """Copy the files to a folder of their own; what is started there is stopped at the end."""
    folder = Path(tempfile.mkdtemp(prefix="tenure-start-"))
    folder.chmod(0o711)  # The database's own user must pass through.
    clone = Clone(folder / "tenure", broker)
    try:
        shutil.copytree(ROOT, clone.folder, ignore=shutil.ignore_patterns(".*", "__pycache__"), symlinks=True)
        (clone.folder / ".tenure" / "kafka").mkdir(parents=True)
        if JARS.exists():
            os.symlink(JARS, clone.folder / ".tenure" / "kafka" / "lib")
        yield clone
    finally:
        clone.seconds("down")
        measuring.remove(folder)


def run(plan: Plan, say: Say) -> list[Result]:
    """Start cold, stop, start warm, stop: each repetition in a fresh copy, the brokers in turn."""
    took: dict[str, list[float]] = defaultdict(list)
    for turn in range(plan.repetitions):
        for broker in plan.brokers:
            for what, seconds in _once(broker, plan.demo and turn == 0):
                took[f"{broker}_{what}_seconds"].append(seconds)
                say(f"{broker} {what}: {seconds:.1f} s")
    about = (0, PROCESSES, measuring.libraries(), measuring.cores())
    return [
        Result("start", name, middle(values), "s", None, None, None, len(values), *about)
        for name, values in took.items()
    ]


def _once(broker: str, demo: bool) -> Iterator[tuple[str, float]]:
    with _clone(broker) as clone:
        for what in ("cold", "warm"):
            yield what, clone.seconds("up", "--detach")
            clone.seconds("down")
        if demo:
            yield "demo", clone.seconds("demo", "--once")
