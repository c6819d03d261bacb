"""`tenure explain`: why a record's date is what it is, in sentences."""

import argparse
import json
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from shared import ids
from tools.cli.http import call
from tools.stack.errors import StackError

NAME = "explain"
HELP = "say why a record's date is what it is, in sentences"
EXAMPLES = """  ./tenure explain police-uk-stops:0b0e…          by source system and source record id
  ./tenure explain 6f1c2f0e-…                     by record id
  ./tenure explain RECORD --as-of 2030-01-01      as it would stand on a day
"""
_SHOWN = ("state", "class", "row", "group", "keep_until", "actionable_from", "review_on", "held", "restricted", "owner")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("record", metavar="RECORD", help="a record id, or SOURCE_SYSTEM:SOURCE_RECORD_ID")
    parser.add_argument("--as-of", metavar="DATE", help="as the rules would say on that day")
    parser.add_argument("--known-at", metavar="INSTANT", help="from what was known at that instant")
    parser.add_argument("--json", action="store_true", help="the whole answer, for programs")


def run(args: argparse.Namespace) -> int:
    """Print the record's state, dates and reasons."""
    wanted = {"as_of": args.as_of, "known_at": args.known_at}
    query = urlencode({name: value for name, value in wanted.items() if value})
    path = f"/v1/records/{record_id(args.record)}/schedule" + (f"?{query}" if query else "")
    answer = call("retention", "GET", path, "records_manager")
    if args.json:
        print(json.dumps(answer, indent=1))
    else:
        print("\n".join(_lines(answer)))
    return 0


def record_id(name: str) -> UUID:
    """Read a record id, or work it out from source system and source record id."""
    try:
        return UUID(name)
    except ValueError:
        system, colon, source_id = name.partition(":")
        if not colon or not system or not source_id:
            raise StackError(f"{name!r} is neither a record id nor SOURCE_SYSTEM:SOURCE_RECORD_ID.") from None
        return ids.record_id(system, source_id)


def _lines(answer: dict[str, Any]) -> list[str]:
    lines = [f"{name.replace('_', ' '):<17}{answer[name]}" for name in _SHOWN if answer.get(name) not in (None, False)]
    reasons = answer.get("reasons") or answer.get("sentences") or answer.get("derivation") or []
    sentences = reasons if isinstance(reasons, list) else [reasons]
    return [*lines, "", *(f"- {each if isinstance(each, str) else json.dumps(each)}" for each in sentences)]
