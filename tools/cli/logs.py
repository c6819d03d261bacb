"""`tenure logs`: what the processes say."""

import argparse
import sys
import time
from pathlib import Path

from tools.cli.words import unknown
from tools.stack.assembly import PROCESSES
from tools.stack.errors import StackError
from tools.stack.paths import LOCAL

NAME = "logs"
HELP = "show the end of the processes' logs, of some or of all"
EXAMPLES = """  ./tenure logs intake-worker -f
  ./tenure logs intake-worker retention-worker --lines 5
"""
KNOWN = (*PROCESSES, "supervisor")
_POLL_SECONDS = 0.3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("processes", nargs="*", metavar="PROCESS", help=f"of {', '.join(KNOWN)}; none: all")
    parser.add_argument("-f", "--follow", action="store_true", help="go on showing what comes")
    parser.add_argument("-n", "--lines", type=int, default=40, help="how many lines of each (40)")


def run(args: argparse.Namespace) -> int:
    """Show the logs; an unknown process is refused with the nearest."""
    if wrong := [name for name in args.processes if name not in KNOWN]:
        raise StackError(unknown("process", wrong[0], KNOWN))
    chosen = list(dict.fromkeys(args.processes)) or KNOWN
    files = {name: LOCAL.logs / f"{name}.log" for name in chosen}
    if not args.follow and not any(path.exists() for path in files.values()):
        raise StackError("There is no log yet; `./tenure up --detach` makes them.")
    prefix = "" if len(chosen) == 1 else "{name:<17}| "
    places = {name: _show_end(path, prefix.format(name=name), args.lines) for name, path in files.items()}
    while args.follow:
        time.sleep(_POLL_SECONDS)
        for name, path in files.items():
            places[name] = _show_from(path, places[name], prefix.format(name=name))
    return 0


def _show_end(path: Path, prefix: str, count: int) -> int:
    if not path.exists():
        return 0
    content = path.read_bytes()
    lines = content.decode(errors="replace").splitlines()
    for line in lines[max(len(lines) - count, 0) :]:
        print(prefix + line)
    return len(content)


def _show_from(path: Path, place: int, prefix: str) -> int:
    if not path.exists():
        return 0
    if path.stat().st_size < place:
        place = 0  # It was put aside; a new one began.
    with path.open("rb") as file:
        file.seek(place)
        fresh = file.read()
    whole = fresh[: fresh.rfind(b"\n") + 1]
    for line in whole.decode(errors="replace").splitlines():
        print(prefix + line)
    sys.stdout.flush()
    return place + len(whole)
