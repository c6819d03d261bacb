"""`tenure backload`: how far a back-load has come, and the switch that pauses it."""

import argparse
import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from rich.console import Console

from shared.events import BACKLOAD, INBOUND
from shared.topics import TRANSIT_WINDOW
from tools.cli import lag
from tools.cli.http import call
from tools.cli.running import described
from tools.stack.service import readyz

NAME = "backload"
HELP = "show how far a back-load has come, pause it, or let it go on"
EXAMPLES = """  ./tenure publish --backload FILE...
  ./tenure backload status
  ./tenure backload pause
  ./tenure backload resume
"""
READER, OPERATOR = "auditor", "data_steward"
STATES = {
    "alone": "reads all it can: no live events come",
    "sharing": "reads beside live events, at its share",
    "yielding": "waits for live events that wait themselves, or until what is registered is dated",
    "paused": "is paused",
}
NOBODY = "is read by nobody: intake's worker does not say what it does"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="status|pause|resume")
    status = verbs.add_parser("status", help="say how far it has come, and what it waits for")
    status.add_argument("--json", action="store_true", help="for programs")
    verbs.add_parser("pause", help="let intake read no more of it; outlives restarts")
    verbs.add_parser("resume", help="let intake go on reading it")


def run(args: argparse.Namespace) -> int:
    """Show or turn the switch."""
    if args.verb != "status":
        face = call("intake", "PUT", "/v1/backload", OPERATOR, {"paused": args.verb == "pause"})
        told = "paused; `./tenure backload resume` lets it go on" if face["paused"] else "not paused"
        print(f"The back-load is {told}.")
        return 0
    found = look()
    if args.json:
        print(json.dumps(found, indent=1))
    else:
        for sentence in sentences(found):
            Console().print(sentence, highlight=False, markup=False, soft_wrap=True)
    return 0


def look() -> dict[str, Any]:
    """Ask the switch, the worker, and how much is unread."""
    switch = call("intake", "GET", "/v1/backload", READER)
    behind = lag.look()
    unread = {each.where: each for each in behind.unread if each.service == "intake"}
    old = unread[BACKLOAD].seconds if BACKLOAD in unread else None
    rows = {
        name: unread[topic].rows if topic in unread else 0 for name, topic in (("unread", BACKLOAD), ("live", INBOUND))
    }
    told = _told()
    state, undated = told.get("state"), told.get("undated")
    return {**switch, "state": state, **rows, "undated": undated, "oldest_seconds": old, "away": behind.away}


def _told() -> dict[str, Any]:
    """Ask intake's worker what it does; empty where it does not answer."""
    worker = (described() or {}).get("processes", {}).get("intake-worker")
    said = readyz(worker["port"])[1] if worker else ""
    try:
        told: dict[str, Any] = json.loads(said)["backload"]
    except (ValueError, KeyError, TypeError):
        return {}
    return told


def sentences(found: Mapping[str, Any]) -> list[str]:
    """Say it for people."""
    state = "paused" if found["paused"] else found["state"]
    told = [f"The back-load {STATES.get(state or '', NOBODY)}."]
    if found["changed_at"]:
        told.append(f"Its switch was last turned at {found['changed_at']} by {found['changed_by']}.")
    told.append(f"Unread: {found['unread']:,} of the back-load, {found['live']:,} live.")
    if found["unread"] and found["undated"]:
        told.append(f"Messages that retention has yet to work through: {found['undated']:,}.")
    if found["unread"]:
        told.append(HOLDS_DISPOSAL)
    if found["oldest_seconds"]:
        age = timedelta(seconds=round(found["oldest_seconds"]))
        told.append(f"The oldest has waited for {age}; Kafka deletes it after {TRANSIT_WINDOW.days} days.")
    return told + list(found["away"])


HOLDS_DISPOSAL = "Until it is read nothing is disposed of: any of it could be about a record that is due."
