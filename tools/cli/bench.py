"""`tenure bench`: measure on a private stack, beside peers, and print what came out."""

import argparse
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import NamedTuple

from benchmarks import backload, due, estate, ingest, latency, measuring, memory, over_http, person, redate, start
from benchmarks.measuring import Result

NAME = "bench"
HELP = "measure, beside peers that do the same work in other ways"
EXAMPLES = """  ./tenure bench ingest
  ./tenure bench ingest --workers 2
  ./tenure bench latency --rate 500 --seconds 20 --json
  ./tenure bench backload --events 100000
  ./tenure bench http
  ./tenure bench memory --events 200000
  ./tenure bench start --brokers kafka --demo"""

PEERS = ("limit", "orm")
STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    names = parser.add_subparsers(dest="bench", required=True, metavar="NAME")
    for name, (line, declare, _) in BENCHES.items():
        each = names.add_parser(name, help=line)
        declare(each)
        each.add_argument("--json", action="store_true", help="one JSON line per result")


def run(args: argparse.Namespace) -> int:
    """Measure and print; what goes on meanwhile is told on standard error. However it ends, its servers end with it."""
    for number in STOPS:
        signal.signal(number, _stop)
    measuring.tell(BENCHES[args.bench].measure(args), args.json)
    return 0


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive whole number")
    return int(text)


def _repeated(parser: argparse.ArgumentParser, events: int) -> None:
    parser.add_argument("--events", type=_count, default=events, help=f"how many events of 1 KB (default {events})")
    parser.add_argument("--repetitions", type=_count, default=3, help="turns of each, after a warm-up (default 3)")


def _of_ingest(parser: argparse.ArgumentParser) -> None:
    _repeated(parser, 100_000)
    parser.add_argument("--workers", type=int, choices=(1, 2), default=1, help="2: beside one worker")
    parser.add_argument("--peers", nargs="*", choices=PEERS, default=PEERS, help="the peers beside one worker")


def _ingest(args: argparse.Namespace) -> list[Result]:
    peers = ("one_worker",) if args.workers > 1 else tuple(args.peers)
    return ingest.run(ingest.Plan(args.events, args.repetitions, args.workers, peers), _say)


def _of_latency(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rate", type=_count, default=500, help="events a second (default 500)")
    parser.add_argument("--seconds", type=_count, default=20, help="for how long (default 20)")


def _latency(args: argparse.Namespace) -> list[Result]:
    return latency.run(args.rate, args.seconds, _say)


def _of_backload(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--events", type=_count, default=100_000, help="how many events of 1 KB (default 100000)")
    parser.add_argument("--rate", type=_count, default=500, help="live events a second (default 500)")
    parser.add_argument("--seconds", type=_count, default=10, help="for how long in each turn (default 10)")
    parser.add_argument("--repetitions", type=_count, default=3, help="turns of each (default 3)")


def _backload(args: argparse.Namespace) -> list[Result]:
    return backload.run(backload.Plan(args.events, args.rate, args.seconds, args.repetitions), _say)


def _of_http(parser: argparse.ArgumentParser) -> None:
    _repeated(parser, 30_000)


def _http(args: argparse.Namespace) -> list[Result]:
    return over_http.run(args.events, args.repetitions, _say)


def _of_memory(parser: argparse.ArgumentParser) -> None:
    least = "how many events of 1 KB; a tenth of them is the first mark (default 1000000)"
    parser.add_argument("--events", type=_count, default=1_000_000, help=least)


def _memory(args: argparse.Namespace) -> list[Result]:
    return memory.run(args.events, _say)


def _of_start(parser: argparse.ArgumentParser) -> None:
    brokers = start.BROKERS
    parser.add_argument("--brokers", nargs="+", choices=brokers, default=brokers, help="which brokers (both)")
    parser.add_argument("--repetitions", type=_count, default=3, help="cold and warm starts on each (default 3)")
    parser.add_argument("--demo", action="store_true", help="time `demo --once` on each as well, once")


def _start(args: argparse.Namespace) -> list[Result]:
    return start.run(start.Plan(tuple(args.brokers), args.repetitions, args.demo), _say)


def _of_records(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--records", type=_count, default=10_000_000, help="how many records (default 10000000)")
    parser.add_argument("--folder", type=Path, help="where the estate stays, to be used again (default: it goes)")


def _of_estate(parser: argparse.ArgumentParser) -> None:
    _of_records(parser)
    parser.add_argument("--verify", action="store_true", help="announce everything, then run `verify` on it")


def _estate(args: argparse.Namespace) -> list[Result]:
    return estate.run(estate.Plan(args.records, args.folder, args.verify), _say)


def _of_turns(parser: argparse.ArgumentParser) -> None:
    _of_records(parser)
    parser.add_argument("--repetitions", type=_count, default=3, help="turns of each, after a warm-up (default 3)")


def _due(args: argparse.Namespace) -> list[Result]:
    return due.run(due.Plan(args.records, args.folder, args.repetitions), _say)


def _person(args: argparse.Namespace) -> list[Result]:
    return person.run(person.Plan(args.records, args.folder, args.repetitions), _say)


def _redate(args: argparse.Namespace) -> list[Result]:
    return redate.run(redate.Plan(args.records, args.folder, args.repetitions), _say)


def _stop(number: int, frame: FrameType | None) -> None:
    for each in STOPS:
        signal.signal(each, signal.SIG_IGN)  # A second one would leave behind what the first has begun to stop.
    _say("bench: stopped; its servers stop, and its folder goes unless you named it")
    raise KeyboardInterrupt


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


class Bench(NamedTuple):
    """One benchmark: what it measures in a line, its arguments, how it is run."""

    line: str
    declare: Callable[[argparse.ArgumentParser], None]
    measure: Callable[[argparse.Namespace], list[Result]]


BENCHES = {
    "ingest": Bench("events a second, from the topic to everything durable", _of_ingest, _ingest),
    "latency": Bench("milliseconds from an event to its receipt and to its schedule", _of_latency, _latency),
    "backload": Bench(
        "milliseconds from a live event to its receipt and schedule beside a back-load", _of_backload, _backload
    ),
    "http": Bench("events a second over HTTP, durable before the answer, beside the topic", _of_http, _http),
    "memory": Bench("MB of each process after many events, and since a tenth of them", _of_memory, _memory),
    "estate": Bench("seconds to make an estate of millions of records on which `verify` holds", _of_estate, _estate),
    "due": Bench("milliseconds to claim 1,000 due among millions, and of a tick that finds none", _of_turns, _due),
    "redate": Bench("seconds until a row's changed period has moved and announced its records", _of_turns, _redate),
    "person": Bench(
        "milliseconds until all of a person's 1,000 records are re-dated and announced", _of_turns, _person
    ),
    "start": Bench("seconds from `up` to everything ready, cold and warm, on each broker", _of_start, _start),
}
