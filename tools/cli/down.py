"""`tenure down`: stop the stack of this folder, and nothing else."""

import argparse

from tools.stack.paths import LOCAL
from tools.stack.sweep import down

NAME = "down"
HELP = "stop everything that `up` started here; data is kept"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare no arguments."""


def run(args: argparse.Namespace) -> int:
    """Stop; exit status 0 also if nothing ran."""
    stopped = down(LOCAL)
    print("Stopped." if stopped else "Nothing was running.")
    return 0
