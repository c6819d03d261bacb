"""`tenure explain`: why a record's date is what it is, in sentences."""

import argparse
import json
from typing import Any
from uuid import UUID

from shared import ids
from tools.cli.http import call
from tools.stack.errors import StackError

NAME = "explain"
HELP = "say why a record's date is what it is, in sentences"
EXAMPLES = """  ./tenure explain police-uk-stops:0b0e…          by source system and source record id
  ./tenure explain 6f1c2f0e-…                     by record id
"""
_SHOWN = ("state", "class", "row", "group", "keep_until", "actionable_from", "review_on", "held", "restricted", "owner")

_STANDING = {
    "held": "A hold is in force: whatever the date, nothing disposes of it until two people have released the hold.",
    "unsettled": "Something about it has just come in and is not in this yet: ask again in a moment.",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("record", metavar="RECORD", help="a record id, or SOURCE_SYSTEM:SOURCE_RECORD_ID")
    parser.add_argument("--json", action="store_true", help="the whole answer, for programs")


def run(args: argparse.Namespace) -> int:
    """Print the record's state, dates and reasons."""
    answer = call("retention", "GET", f"/v1/records/{record_id(args.record)}/schedule", "records_manager")
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
    given = {name: answer.get(name) for name in _SHOWN}
    shown = {name: "yes" if value is True else value for name, value in given.items() if value not in (None, False)}
    sentences = [*answer["sentences"], *(sentence for name, sentence in _STANDING.items() if answer.get(name))]
    return [
        *(f"{name.replace('_', ' '):<17}{value}" for name, value in shown.items()),
        "",
        *(f"- {sentence}" for sentence in sentences),
    ]
