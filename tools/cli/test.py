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
ALONE = frozenset({"system"})  # Its tests start, kill and time whole stacks: one at a time. The rest runs on all cores.
WATCHED = frozenset({"-s", "-n", "--pdb"})  # Who passes these on wants to look on, or to say how many at a time.
NOTHING = 5  # Pytest's answer where `-k` left no test of a level.


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("levels", nargs="*", metavar="LEVEL", help=", ".join(LEVELS))
    parser.add_argument("--soak", action="store_true", help="the long parts too")
    parser.add_argument("--seed", type=int, help="the seed of everything random; printed by every run")


def run(args: argparse.Namespace) -> int:
    """Run pytest; its exit status is ours."""
    if unknown := [level for level in args.levels if level not in LEVELS]:
        raise StackError(words.unknown("level", unknown[0], LEVELS))
    more = [] if args.soak else ["-m", "not soak"]
    more += [f"--seed={args.seed}"] if args.seed is not None else []
    more += getattr(args, "passed_on", [])
    levels = args.levels or LEVELS
    passes = [[each for each in levels if (each in ALONE) is alone] for alone in (False, True)]
    answers = [_run(each, more) for each in passes if each]
    return next((answer for answer in answers if answer not in (0, NOTHING)), min(answers))


def _run(levels: list[str], more: list[str]) -> int:
    alone = set(levels) <= ALONE or not WATCHED.isdisjoint(more)
    side_by_side = [] if alone else ["-n", str(os.cpu_count() or 1), "--dist", "worksteal"]
    folders = [f"tests/{level}" for level in levels if (ROOT / "tests" / level).is_dir()]
    command = [sys.executable, "-m", "pytest", *folders, *side_by_side, *more]
    return subprocess.run(command, cwd=ROOT, env={**os.environ, "PYTHONSAFEPATH": ""}, check=False).returncode
