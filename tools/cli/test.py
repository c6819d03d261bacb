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
STACKS = frozenset({"system"})  # Its tests start and kill whole stacks: file by file, few at a time.
STACKS_MAX = 2  # A stack is a broker, a database and six processes.
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
    passes = [[each for each in levels if (each in STACKS) is whole] for whole in (False, True)]
    alone = ["-n", "0"] if args.soak else []  # The long parts look at memory and at rates.
    answers = [_run(each, [*alone, *more]) for each in passes if each]
    return next((answer for answer in answers if answer not in (0, NOTHING)), min(answers))


def _run(levels: list[str], more: list[str]) -> int:
    cores = os.cpu_count() or 1
    whole = set(levels) <= STACKS
    how = (min(cores, STACKS_MAX), "loadfile") if whole else (cores, "worksteal")
    side_by_side = ["-n", str(how[0]), "--dist", how[1]] if WATCHED.isdisjoint(more) else []
    folders = [f"tests/{level}" for level in levels if (ROOT / "tests" / level).is_dir()]
    command = [sys.executable, "-m", "pytest", *folders, *side_by_side, *more]
    return subprocess.run(command, cwd=ROOT, env={**os.environ, "PYTHONSAFEPATH": ""}, check=False).returncode
