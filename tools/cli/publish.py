"""`tenure publish`: send files of events to Kafka, and count what became of each."""

import argparse
import glob
import json
import sys
from pathlib import Path
from typing import Any

from kafka.errors import KafkaError
from rich.console import Console

from shared.incarnations import Incarnations, TopicsMissing
from tools.adapters.journal import Journals
from tools.adapters.mapping import Mapped
from tools.adapters.outgoing import Mistake
from tools.adapters.publish import BACKLOAD, FORMATS, INBOUND, NotPublished, Plan, Reader, check, publish, read_by_name
from tools.adapters.receipts import REFUSED, SILENCE_SECONDS_MAX, Tally
from tools.adapters.receipts import TOPIC as RECEIPTS
from tools.adapters.schemas import Findings
from tools.stack.paths import LOCAL
from tools.topics import BrokerMissing, bootstrap_servers, brokers_at

NAME = "publish"
HELP = (
    "publish record events from data.police.uk CSV, CloudEvents JSON lines or any mapped CSV, and count their receipts"
)

FAILED, SOME_REFUSED, NOT_FINISHED, INTERRUPTED = 1, 3, 4, 130
OUTCOMES = ("accepted", "superseded", "duplicate", *REFUSED)
SHOWN_ALWAYS = ("accepted", "superseded", "duplicate", "quarantined", "unreadable")
LABEL_WIDTH = 12
COUNT_WIDTH = 12
FOLDER = LOCAL.home / "publish"
_EPILOG = """\
A file with a mistake publishes nothing. Publishing again changes nothing. A run that was cut off, by Ctrl-C, kill -9 or
an absent broker, goes on where it stopped when it is given the same file again. Exit status:
  0    every event has its receipt: accepted, superseded or duplicate
  3    every event has its receipt, and some were quarantined, unreadable or forbidden
  4    not finished: receipts are missing, or the broker stopped on the way
  1    nothing was published: a mistake in a file or a mapping, or no broker; with --dry-run: some would be refused
  130  interrupted"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "files", nargs="*", metavar="FILE", help="a file of events, plain or .gz; or a pattern of files"
    )
    known = sorted({*FORMATS, "csv"})
    parser.add_argument("--from", dest="format", choices=known, help="the files' format (else by their name)")
    parser.add_argument("--map", type=Path, metavar="FILE", help="what of a CSV file's row goes where (TOML)")
    parser.add_argument("--backload", action="store_true", help="on the topic that yields to live events")
    parser.add_argument("--dry-run", action="store_true", help="read, map and check everything; publish nothing")
    parser.add_argument("--limit", type=_count, metavar="N", help="the first N events only, of all files together")
    parser.add_argument("--from-start", action="store_true", help="do not go on where an earlier run stopped")
    parser.add_argument("--no-wait", action="store_true", help="do not wait for the receipts")
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output at the end")
    parser.add_argument("--kafka", metavar="HOST:PORT", help="the broker, instead of TENURE_KAFKA's or the stack's")
    parser.epilog = _EPILOG


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive whole number")
    return int(text)


def run(args: argparse.Namespace) -> int:
    """Check, publish, wait and count; the exit status says the result."""
    tally, waited = Tally(), not args.no_wait
    try:
        read, how = _reader(args)
        findings = Findings()
        look = findings.look if args.dry_run else None
        topic = BACKLOAD if args.backload else INBOUND
        with Console(stderr=True).status("reading and checking"):  # On a terminal; a large file takes its time.
            plan = check(_files(args.files), read, topic=topic, limit=args.limit, look=look)
        if args.dry_run:
            return _say_plan(args, plan, findings)
        status = _publish(args, plan, how, tally)
    except (Mistake, BrokerMissing, NotPublished) as error:
        print(f"{error}{_so_far(tally)}", file=sys.stderr)
        status = NOT_FINISHED if tally.published else FAILED
    except KeyboardInterrupt:
        print(
            f"\nInterrupted after {tally.published:,} events were published and {tally.received:,} had their receipt: "
            "publish again to go on; what is there already changes nothing.",
            file=sys.stderr,
        )
        status = INTERRUPTED
    if args.json:
        print(json.dumps(_summary(tally, status)))
    elif status in (0, SOME_REFUSED) or (status == NOT_FINISHED and tally.published and waited):
        _say_counts(Console(), tally, waited=waited)
    return status


def _so_far(tally: Tally) -> str:
    if not tally.published:
        return " Nothing was published."
    return f" {tally.published:,} events were published and {tally.received:,} had their receipt."


def _reader(args: argparse.Namespace) -> tuple[Reader, str]:
    """Give how files are read, and its name: read otherwise, a file is another publication."""
    if args.map or args.format == "csv":
        if args.map is None:
            raise Mistake("A CSV file needs a mapping: `--map FILE`, as docs/upstream.md describes it.")
        if args.format not in (None, "csv"):
            raise Mistake(f"A mapping is for CSV files: take out `--from {args.format}`.")
        mapped = Mapped(args.map)
        return mapped.read, f"csv {mapped.template.digest}"
    return (FORMATS[args.format], args.format) if args.format else (read_by_name, "by name")


def _files(given: list[str]) -> list[Path]:
    """Give the files; a pattern that no shell has replaced is replaced here."""
    found: list[Path] = []
    for name in given:
        matches = [] if Path(name).exists() else sorted(glob.glob(name, recursive=True))
        found += [Path(match) for match in matches] or [Path(name)]
    return found


def _publish(args: argparse.Namespace, plan: Plan, how: str, tally: Tally) -> int:
    bootstrap = args.kafka or bootstrap_servers()
    progress = Console(stderr=args.json)
    waited = not args.no_wait
    journals = Journals(FOLDER, _where(bootstrap, plan.topic), f"{how} {plan.limit} {waited}", _warn)
    for path in plan.paths:
        journal = journals.of(path)
        if args.from_start:
            journal.forget()
        elif sent := journal.load().sent:
            total = plan.kinds[path].total()
            _say(progress, f"{path}: goes on after {sent:,} of {total:,} events; `--from-start` begins anew.")
    publish(plan, bootstrap, progress, tally, wait=waited, journals=journals)
    return _status(tally, waited=waited)


def _warn(sentence: str) -> None:
    print(sentence, file=sys.stderr)


def _where(bootstrap: str, topic: str) -> str:
    """Name the broker and its topics by their ids: what another one has acknowledged is not here."""
    asked = Incarnations(brokers_at(bootstrap))
    try:
        cluster, ids = asked.ask([topic, RECEIPTS])
    except TopicsMissing as error:
        raise NotPublished(str(error)) from error
    except KafkaError as error:
        raise BrokerMissing(
            f"Kafka at {bootstrap} does not answer as it should ({error}): "
            "start it with `./tenure up`, or set TENURE_KAFKA to host:port of one that runs."
        ) from error
    finally:
        asked.close()
    return f"{cluster} {ids[topic]} {ids[RECEIPTS]}"


def _say_plan(args: argparse.Namespace, plan: Plan, findings: Findings) -> int:
    console = Console()
    if args.json:
        kinds = {str(path): dict(found) for path, found in plan.kinds.items()}
        print(json.dumps({"dry_run": True, "events": plan.total, "files": kinds, "wrong": dict(findings.counts)}))
        return FAILED if findings.counts else 0
    for path, found in plan.kinds.items():
        for kind, count in sorted(found.items()):
            _say(console, f"{path}: {kind} {count:,}")
    _say(console, f"{plan.total:,} events in all; nothing was published.")
    for sentence in findings.sentences():
        _say(console, sentence)
    return FAILED if findings.counts else 0


def _summary(tally: Tally, status: int) -> dict[str, Any]:
    reasons = [
        {"code": code, "pointer": pointer, "sentence": sentence, "count": count}
        for (code, pointer, sentence), count in tally.reasons.most_common()
    ]
    told = {"published": tally.published, "received": tally.received, "missing": tally.missing}
    return {**told, "outcomes": dict(tally.outcomes), "reasons": reasons, "status": status}


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
    if missing := tally.missing:
        _say_count(console, "no receipt", missing)
        _say(
            console,
            f"{missing:,} events have no receipt and none came for {SILENCE_SECONDS_MAX:.0f} s: see with "
            "`./tenure status` whether intake's worker runs, and with `./tenure backload status` whether a back-load "
            "waits; then publish again: it goes on from there.",
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
    if waited and tally.missing:
        return NOT_FINISHED
    return SOME_REFUSED if tally.refused else 0
