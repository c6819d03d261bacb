"""`tenure publish`: send files of events to Kafka, and count what became of each."""

import argparse
import sys
from pathlib import Path

from rich.console import Console

from tools.adapters.outgoing import Mistake
from tools.adapters.publish import FORMATS, NotPublished, Plan, check, publish, read_by_name
from tools.adapters.receipts import REFUSED, SILENCE_SECONDS_MAX, Tally
from tools.topics import BrokerMissing, bootstrap_servers

NAME = "publish"
HELP = "publish record events from data.police.uk CSV or CloudEvents JSON lines, and count their receipts"

FAILED, SOME_REFUSED, INTERRUPTED = 1, 3, 130
OUTCOMES = ("accepted", "superseded", "duplicate", *REFUSED)
SHOWN_ALWAYS = ("accepted", "superseded", "duplicate", "quarantined", "unreadable")
LABEL_WIDTH = 12
COUNT_WIDTH = 12


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE", help="a file of events, plain or .gz")
    parser.add_argument("--from", dest="format", choices=sorted(FORMATS), help="the files' format (else by their name)")
    parser.add_argument("--dry-run", action="store_true", help="read and count only; publish nothing")
    parser.add_argument("--no-wait", action="store_true", help="do not wait for the receipts")
    parser.add_argument("--kafka", metavar="HOST:PORT", help="the broker, instead of TENURE_KAFKA's or the stack's")
    parser.epilog = (
        "A file with a mistake publishes nothing; publishing again changes nothing. Exit status:\n"
        "  0    every event has its receipt and none was refused\n"
        "  3    some were quarantined or unreadable\n"
        "  1    failed, or receipts are missing\n"
        "  130  interrupted"
    )


def run(args: argparse.Namespace) -> int:
    """Check, publish, wait and count; the exit status says the result."""
    console, tally = Console(), Tally()
    try:
        plan = check(args.files, FORMATS[args.format] if args.format else read_by_name)
        if args.dry_run:
            return _say_plan(console, plan)
        publish(plan, args.kafka or bootstrap_servers(), console, tally, wait=not args.no_wait)
    except (Mistake, BrokerMissing, NotPublished) as error:
        print(error if tally.published else f"{error} Nothing was published.", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        print(
            f"\nInterrupted after {tally.published:,} events were published and {tally.received:,} had their receipt: "
            "publish again to go on; what is there already changes nothing.",
            file=sys.stderr,
        )
        return INTERRUPTED
    _say_counts(console, tally, waited=not args.no_wait)
    return _status(tally, waited=not args.no_wait)


def _say_plan(console: Console, plan: Plan) -> int:
    for path, kinds in plan.kinds.items():
        for kind, count in sorted(kinds.items()):
            _say(console, f"{path}: {kind} {count:,}")
    _say(console, f"{plan.total:,} events in all; nothing was published.")
    return 0


def _say_counts(console: Console, tally: Tally, *, waited: bool) -> None:
    _say_count(console, "published", tally.published)
    if not waited:
        _say(console, "Receipts were not waited for; they come on records.receipts.v1.")
        return
    others = sorted(set(tally.outcomes) - set(OUTCOMES))
    for outcome in (*OUTCOMES, *others):
        if tally.outcomes[outcome] or outcome in SHOWN_ALWAYS:
            _say_count(console, outcome, tally.outcomes[outcome])
        if outcome == "quarantined":
            _say_reasons(console, tally)
    if missing := tally.published - tally.received:
        _say_count(console, "no receipt", missing)
        _say(
            console,
            f"{missing:,} events have no receipt and none came for {SILENCE_SECONDS_MAX:.0f} s: see with "
            "`./tenure status` whether intake's worker runs, then publish again; what is there changes nothing.",
        )


def _say_reasons(console: Console, tally: Tally) -> None:
    for (code, pointer, sentence), count in tally.reasons.most_common():
        place = f" {pointer}" if pointer else ""
        _say(console, f"{'':<{LABEL_WIDTH}}{count:>{COUNT_WIDTH},}  {code}{place}: {sentence}")


def _say_count(console: Console, label: str, count: int) -> None:
    _say(console, f"{label:<{LABEL_WIDTH}}{count:>{COUNT_WIDTH},}")


def _say(console: Console, line: str) -> None:
    # Neither wrapped nor read as markup: a pipe gets whole lines, and a sentence may hold brackets.
    console.print(line, highlight=False, markup=False, soft_wrap=True)


def _status(tally: Tally, *, waited: bool) -> int:
    if waited and tally.received < tally.published:
        return FAILED
    return SOME_REFUSED if tally.refused else 0
