"""The documentation's fenced blocks, and a clone of this tree in which they are run as they stand."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.machinery import SourceFileLoader
from pathlib import Path
from typing import NamedTuple

from tests import stack
from tools.stack.paths import JARS, ROOT

FENCE = re.compile(r"^```(?P<info>[^\n`]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^#{1,4} (?P<title>.+)$", re.MULTILINE)
NOT_CLONED = (".tenure", ".git", "__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".import_linter_cache")
BLOCK_SECONDS_MAX = 90
LOOK_AGAIN_SECONDS = 0.5


class Block(NamedTuple):
    """One fenced block: where it stands, what it is, and the file that it is to be saved as, if any."""

    page: str
    line: int
    section: str
    language: str
    file: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


class Ran(NamedTuple):
    """What a block came to."""

    status: int
    said: str
    seconds: float


def blocks(page: str) -> list[Block]:
    """Give a page's fenced blocks in order."""
    text = (ROOT / page).read_text()
    inside = [(found.start(), found.end()) for found in FENCE.finditer(text)]
    headings = [
        (found.start(), found["title"])
        for found in HEADING.finditer(text)
        if not any(start < found.start() < end for start, end in inside)
    ]
    found = []
    for fence in FENCE.finditer(text):
        language, _, file = fence["info"].strip().partition(" ")
        section = [title for at, title in headings if at < fence.start()][-1:]
        line = text.count("\n", 0, fence.start()) + 1
        found.append(Block(page, line, "".join(section), language, file.strip(), fence["text"]))
    return found


class Clone:
    """This tree copied to a folder of its own: whatever is run there has its own `.tenure/`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.state = root / ".tenure" / "shell-state"
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("TENURE_")},
            "PATH": f"{root / '.tenure' / 'bin'}:{os.environ['PATH']}",
            "COLUMNS": "160",
        }

    def run(self, block: Block, seconds: float = BLOCK_SECONDS_MAX) -> Ran:
        """Run a block as a reader would: in the shell that ran the ones before."""
        if block.file:
            (self.root / block.file).write_text(block.text)
            return Ran(0, "", 0)
        return self.shell(block.text, seconds)

    def shell(self, text: str, seconds: float = BLOCK_SECONDS_MAX) -> Ran:
        """Run lines of shell; variables that they set are there for the next."""
        script = (
            f'set -a -eo pipefail\n[ ! -e "{self.state}" ] || . "{self.state}"\n{text}\nexport -p > "{self.state}"\n'
        )
        began = time.monotonic()
        ran = subprocess.run(
            ["bash", "-c", script],
            cwd=self.root,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=seconds,
            check=False,
        )
        return Ran(ran.returncode, ran.stdout, time.monotonic() - began)

    def run_until(self, block: Block, expected: str, seconds: float = 60) -> Ran:
        """Run a block, again if need be, until it succeeds and says what is expected."""
        until = time.monotonic() + seconds
        while True:
            ran = self.run(block)
            if ran.status == 0 and re.search(expected, ran.said, re.MULTILINE):
                return ran
            assert time.monotonic() < until, f"{block} ended with {ran.status}, without {expected!r}:\n{ran.said}"
            time.sleep(LOOK_AGAIN_SECONDS)


@contextmanager
def clone() -> Iterator[Clone]:
    """Copy this tree with its environment and jars, and stop what ran there at the end."""
    with stack.folder() as paths:
        root = paths.home / "tenure"
        shutil.copytree(ROOT, root, ignore=shutil.ignore_patterns(*NOT_CLONED), symlinks=True)
        home = root / ".tenure"
        home.mkdir(mode=0o711)
        _lend_environment(root)
        if JARS.exists():
            (home / "kafka").mkdir()
            (home / "kafka" / "lib").symlink_to(JARS)
        made = Clone(root)
        try:
            yield made
        finally:
            made.shell("./tenure down")


def _lend_environment(root: Path) -> None:
    """Let the clone use the packages of this run: what a first use would install is the same, by its lock."""
    loader = SourceFileLoader("tenure_of_clone", str(root / "tenure"))
    spec = importlib.util.spec_from_loader(loader.name, loader)
    assert spec is not None
    command = importlib.util.module_from_spec(spec)
    loader.exec_module(command)
    folder = command.environment_folder()
    lent = f'#!/bin/sh\nexec {sys.executable} "$@"\n'
    for place in (folder / "bin" / "python", root / ".tenure" / "bin" / "python3"):
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(lent)
        place.chmod(0o755)
    (folder / command.READY).touch()
