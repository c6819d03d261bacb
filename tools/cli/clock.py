"""`tenure clock set`: moves the rehearsal's civil date forward in all three services."""

import argparse
from datetime import date

from tools.cli.http import call
from tools.stack.keys import SERVICES

NAME = "clock"
HELP = "move the system's civil date forward (rehearsal only), or show it"
EXAMPLES = """  ./tenure clock set 2032-09-01
  ./tenure clock show
"""
ROLE = "head_of_information_management"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="set|show")
    verbs.add_parser("show", help="show each service's date")
    setting = verbs.add_parser("set", help="move every service's date forward")
    setting.add_argument("date", type=_day, metavar="DATE", help="as 2032-09-01; never back")


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a date; write it as 2032-09-01") from None


def run(args: argparse.Namespace) -> int:
    """Set or show; the first service that refuses says why."""
    for service in SERVICES:
        if args.verb == "set":
            answer = call(service, "PUT", "/v1/clock", ROLE, {"date": args.date.isoformat()})
        else:
            answer = call(service, "GET", "/v1/clock", ROLE)
        print(f"{service:<10}{answer.get('date', answer)}")
    return 0
