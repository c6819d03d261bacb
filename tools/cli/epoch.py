"""`tenure epoch`: the epochs of the keys that content is sealed under, of all three services at once."""

import argparse
import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

from rich.console import Console
from rich.table import Table

from shared.errors import LifecycleError
from shared.keys import keys_of
from shared.settings import Settings
from tools.cli.http import call
from tools.cli.running import take_settings, worker_url
from tools.rewrap import rewrap
from tools.stack.errors import StackError
from tools.stack.keys import SERVICES
from tools.verify.findings import CouldNotRun
from tools.verify.tables import Schemas, snapshot

NAME = "epoch"
HELP = "begin a new epoch of the sealing keys, move the live keys into it, end the old one by two people"
EXAMPLES = """  ./tenure epoch status
  ./tenure epoch begin                      new content is sealed under a new key
  ./tenure epoch rewrap                     the live keys of the old epoch move into the new one
  ./tenure epoch end                        D-HIM1 proposes that the old one ends
  ./tenure epoch end --approve              D-HIM2 agrees: its key is destroyed
"""
_BEGIN_SECONDS_MAX = 60
_COUNTS = "SELECT epoch, count(*) FROM body_key GROUP BY epoch"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="status|begin|rewrap|end")
    verbs.add_parser("status", help="show each service's epochs and how many live keys each has")
    beginning = verbs.add_parser("begin", help="begin the next epoch in every service")
    moving = verbs.add_parser("rewrap", help="move live keys out of older epochs; may be stopped and repeated")
    moving.add_argument("--only", choices=SERVICES, help="of this service; without it, of all three")
    ending = verbs.add_parser("end", help="propose that the older epoch of every service ends, or agree to it")
    ending.add_argument("--approve", action="store_true", help="agree, as another person than who proposed it")
    for each, person in ((beginning, "D-HIM1"), (ending, None)):
        each.add_argument("--as", dest="person", default=person, metavar="PERSON", help="who asks (local stack)")


def run(args: argparse.Namespace) -> int:
    """Show, begin, re-wrap or end; the first service that refuses says why."""
    verbs = {"status": _status, "begin": _begin, "rewrap": _rewrap, "end": _end}
    return verbs[args.verb](args)


def _epochs(service: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = call(service, "GET", "/v1/epochs", "head_of_information_management")["epochs"]
    return found


@contextmanager
def _tables() -> Iterator[Schemas]:
    take_settings()
    try:
        with snapshot() as schemas:
            yield schemas
    except CouldNotRun as error:
        raise StackError(str(error)) from None


def _status(_args: argparse.Namespace) -> int:
    table = Table("service", "epoch", "state", "began", "planned end", "live keys", "end proposed by", "key destroyed")
    with _tables() as schemas:
        for service in SERVICES:
            counts = dict(schemas[service].rows(_COUNTS))
            for each in _epochs(service):
                days = [(each[name] or "")[:10] for name in ("began_at", "planned_end_on")]
                keys = f"{counts.get(each['epoch'], 0):,}"
                last = (each["end_proposed_by"] or "", (each["destroyed_at"] or "")[:19])
                table.add_row(service, str(each["epoch"]), each["state"], *days, keys, *last)
    Console().print(table)
    return 0


def _begin(args: argparse.Namespace) -> int:
    asked = {}
    for service in SERVICES:
        if len([each for each in _epochs(service) if each["state"] in ("asked", "open")]) > 1:
            continue  # Begun when this was last run, and another service did not answer.
        headers = {"Idempotency-Key": f"epoch-{uuid4()}"}
        asked[service] = call(service, "POST", "/v1/epochs", args.person, None, headers)["epoch"]
    if not asked:
        raise StackError("An older epoch of every service has not ended; `./tenure epoch rewrap`, then end it first.")
    until = time.monotonic() + _BEGIN_SECONDS_MAX
    for service, epoch in asked.items():
        while {each["epoch"]: each["state"] for each in _epochs(service)}[epoch] == "asked":
            if time.monotonic() > until:
                raise StackError(f"{service}'s worker has not begun epoch {epoch}; its log says what it waits for.")
            time.sleep(0.5)
        print(f"{service:<10}epoch {epoch} has begun: new content is sealed under it")
    return 0


def _rewrap(args: argparse.Namespace) -> int:
    take_settings()
    settings, console, left = Settings(), Console(stderr=True), 0
    for service in [args.only] if args.only else SERVICES:
        try:
            keys = keys_of(settings, service)
            still = asyncio.run(rewrap(service, worker_url(settings, service), keys, console))
        except LifecycleError as error:
            raise StackError(error.message) from None
        if still:
            print(f"{service:<10}{still:,} keys are held by others just now; run it again")
        left += still
    return 1 if left else 0


def _end(args: argparse.Namespace) -> int:
    person = args.person or ("D-HIM2" if args.approve else "D-HIM1")
    said = "ended: a worker destroys its key within seconds" if args.approve else "its end is proposed"
    ended = 0
    for service in SERVICES:
        still = [each for each in _epochs(service) if each["state"] == "open"]
        for each in still[:-1]:
            path = f"/v1/epochs/{each['epoch']}/end" + ("/approve" if args.approve else "")
            call(service, "POST", path, person, None, {"If-Match": f'"{each["version"]}"'})
            print(f"{service:<10}epoch {each['epoch']}: {said}")
            ended += 1
    if not ended:
        raise StackError("No service has an older epoch that is open; `./tenure epoch begin` begins a new one.")
    return 0
