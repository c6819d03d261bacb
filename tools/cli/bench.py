"""`tenure bench`: measure on a private stack, beside peers, and print what came out."""

import argparse
import sys

from benchmarks import ingest, latency, measuring
from tools.stack.errors import StackError

NAME = "bench"
HELP = "measure, beside peers that do the same work in other ways"
EXAMPLES = """  ./tenure bench ingest
  ./tenure bench ingest --workers 2
  ./tenure bench latency --rate 500 --seconds 20 --json"""

PEERS = ("limit", "orm")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    names = parser.add_subparsers(dest="bench", required=True, metavar="NAME")
    one = names.add_parser("ingest", help="events a second, from the topic to everything durable")
    one.add_argument("--events", type=int, default=100_000, help="how many events of 1 KB (default 100000)")
    one.add_argument("--repetitions", type=int, default=3, help="measured turns of each, after a warm-up (default 3)")
    one.add_argument("--workers", type=int, choices=(1, 2), default=1, help="2: beside one worker")
    one.add_argument("--peers", nargs="*", choices=PEERS, default=PEERS, help="the peers beside one worker")
    one.add_argument("--json", action="store_true", help="one JSON line per result")
    two = names.add_parser("latency", help="milliseconds from an event to its receipt and to its schedule")
    two.add_argument("--rate", type=int, default=500, help="events a second (default 500)")
    two.add_argument("--seconds", type=int, default=20, help="for how long (default 20)")
    two.add_argument("--json", action="store_true", help="one JSON line per result")


def run(args: argparse.Namespace) -> int:
    """Measure and print; what goes on meanwhile is told on standard error."""
    if args.bench == "ingest":
        peers = ("one_worker",) if args.workers > 1 else tuple(args.peers)
        results = ingest.run(ingest.Plan(args.events, args.repetitions, args.workers, peers), _say)
    elif args.rate > 0 and args.seconds > 0:
        results = latency.run(args.rate, args.seconds, _say)
    else:
        raise StackError("--rate and --seconds are positive numbers.")
    measuring.tell(results, args.json)
    return 0


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
