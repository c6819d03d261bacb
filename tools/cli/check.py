"""`tenure check`: linters, types, import rules and house rules, all at once."""

import argparse
import subprocess
import sys
import time
from pathlib import Path

from tools.stack.paths import ROOT

NAME = "check"
HELP = "run linters, types, import rules and house rules; under a minute"
_TYPED = ("services", "shared", "tools", "benchmarks")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare no arguments."""


def commands() -> dict[str, list[str]]:
    """Give every check's command line."""
    python = [sys.executable, "-m"]
    imports = "import sys; from importlinter.cli import lint_imports_command as run; sys.exit(run())"
    typed = [name for name in _TYPED if any((ROOT / name).rglob("*.py"))]
    return {
        "ruff check": [*python, "ruff", "check", "--quiet", "--output-format=concise", "."],
        "ruff format": [*python, "ruff", "format", "--check", "."],
        "mypy --strict": [*python, "mypy", "--strict", *typed],
        "import rules": [sys.executable, "-c", imports],
        "house rules": [*python, "tools.checks"],
        "settings table": [*python, "tools.settings_table", "--check"],
        "documents": [*python, "tools.cli", "documents", "--check"],
    }


def run(args: argparse.Namespace) -> int:
    """Run all checks side by side; exit status 1 if one fails."""
    began = time.monotonic()
    running = {name: _started(command) for name, command in commands().items()}
    failed = []
    for name, process in running.items():
        said, _ = process.communicate()
        if process.returncode:
            failed.append(name)
            print(f"--- {name}\n{said.strip()}\n")
    for name in running:
        print(f"{'fails' if name in failed else 'holds':<7}{name}")
    print(f"{len(running) - len(failed)} of {len(running)} checks hold ({time.monotonic() - began:.0f} s)")
    return 1 if failed else 0


def _started(command: list[str], folder: Path = ROOT) -> subprocess.Popen[str]:
    return subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
