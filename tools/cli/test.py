"""`tenure test`: the whole test suite, against a real broker and a real database."""

import argparse
import os
import subprocess
import sys

from tools.cli import words
from tools.stack.errors import StackError
from tools.stack.paths import ROOT

NAME = "test"
HELP = "run the tests: unit, contract, integration (real PostgreSQL), system (real Kafka, real processes)"
EXAMPLES = """  ./tenure test                        everything but the long parts
  ./tenure test unit contract          some levels
  ./tenure test system --soak          with the long parts
  ./tenure test unit -- -k gate -x     what follows -- goes to pytest
"""
LEVELS = ("unit", "contract", "integration", "system")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("levels", nargs="*", metavar="LEVEL", help=", ".join(LEVELS))
    parser.add_argument("--soak", action="store_true", help="the long parts too")
    parser.add_argument("--seed", type=int, help="the seed of everything random; printed by every run")


def run(args: argparse.Namespace) -> int:
    """Run pytest; its exit status is ours."""
    if unknown := [level for level in args.levels if level not in LEVELS]:
        raise StackError(words.unknown("level", unknown[0], LEVELS))
    levels = args.levels or LEVELS
    folders = [f"tests/{level}" for level in levels if (ROOT / "tests" / level).is_dir()]
    command = [sys.executable, "-m", "pytest", *folders]
    command += [] if args.soak else ["-m", "not soak"]
    command += [f"--seed={args.seed}"] if args.seed is not None else []
    command += getattr(args, "passed_on", [])
    return subprocess.run(command, cwd=ROOT, env={**os.environ, "PYTHONSAFEPATH": ""}, check=False).returncode
