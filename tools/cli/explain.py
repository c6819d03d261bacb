"""`tenure explain`: why dates are what they are, in sentences; on any day, as known at any instant."""

import argparse
import json
import shutil
import sys
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from shared import ids
from tools.cli.http import call, pages
from tools.stack.errors import StackError

NAME = "explain"
HELP = "say why a date is what it is, in sentences; as of another day, without a fact, or without third persons"
EXAMPLES = """  ./tenure explain police-uk-stops:0b0e…          by source system and source record id
  ./tenure explain 6f1c2f0e-…                     by record id
  ./tenure explain crime:4711 crime:4712          several records, one after the other
  ./tenure explain nominal crime:N-42             a person, with the records that name them
  ./tenure explain crime:4711 --as-of 2025-03-01  what had happened by that day, by all that is known now
  ./tenure explain crime:4711 --known-at 2025-03-01T09:00:00Z
                                                  what was known at that instant; both together: in both times
  ./tenure explain crime:4711 --what-if           what the date would be without each fact that binds it
  ./tenure explain crime:4711 --for crime:N-42    for that person's eyes: nobody else is named
  ./tenure explain crime:INV-9 --parts            of a case file also what each of its parts asks of it
"""
Json = dict[str, Any]
ROLE = "records_manager"
WIDTH_MAX = 100
PARTS_AT_ONCE = 200
_SHOWN = (
    "as_of", "known_at", "state", "class", "row", "group", "keep_until", "actionable_from", "review_on", "held",
    "restricted", "owner",
)  # fmt: skip
_STANDING = {
    "held": "A hold is in force: whatever the date, nothing disposes of it until two people have released the hold.",
    "unsettled": "Something about it has just come in and is not in this yet: ask again in a moment.",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "what",
        nargs="+",
        metavar="RECORD",
        help="record ids or SOURCE_SYSTEM:SOURCE_RECORD_ID, one after the other; or: nominal SOURCE:ID",
    )
    parser.add_argument("--as-of", metavar="DATE", help="by what had happened by that day, like 2025-03-01")
    parser.add_argument("--known-at", metavar="INSTANT", help="by what was known then, like 2025-03-01T09:00:00Z")
    parser.add_argument("--what-if", action="store_true", help="also what the date would be without each binding fact")
    parser.add_argument("--for", dest="whom", metavar="NOMINAL", help="SOURCE:ID or reference: name no other person")
    parser.add_argument("--without-third-persons", action="store_true", help="name no person at all")
    parser.add_argument("--parts", action="store_true", help="of a case file also what each of its parts asks of it")
    parser.add_argument("--json", action="store_true", help="the whole answer, for programs; a list if several")


def run(args: argparse.Namespace) -> int:
    """Print the state, the dates and the reasons; as JSON it is one value, whatever was asked for."""
    paths = _paths(args)  # All of them are read before anything is asked.
    answers = {name: call("retention", "GET", path, ROLE) for name, path in paths.items()}
    parts = {name: _parts(name, args) for name in answers if args.parts}
    for line in [_json(args, answers, parts)] if args.json else _told(args, answers, parts):
        print(line)
    return 0


def _json(args: argparse.Namespace, answers: Mapping[str, Json], parts: Mapping[str, Iterable[Json]]) -> str:
    """Write what was asked of one name as an object, of several as a list with one object for each."""
    whole = {name: answer | ({"parts": list(parts[name])} if name in parts else {}) for name, answer in answers.items()}
    several = len(args.what) > 1 and not _is_nominal(args)
    found = [whole[name] for name in args.what] if several else next(iter(whole.values()))
    return json.dumps(found, indent=1)


def _told(args: argparse.Namespace, answers: Mapping[str, Json], parts: Mapping[str, Iterable[Json]]) -> Iterator[str]:
    for number, (name, answer) in enumerate(answers.items()):
        if len(answers) > 1:
            yield "\n" * bool(number) + name
        yield from _wrapped(_of_person(answer) if _is_nominal(args) else _lines(answer))
        if name in parts:
            yield f"\nWhat the parts of {name} ask of it as it stands:"
            yield from map(_part, parts[name])


def _parts(name: str, args: argparse.Namespace) -> Iterator[Json]:
    hidden = "&leave_out=third_persons" if args.whom or args.without_third_persons else ""
    for page in pages("retention", f"/v1/records/{record_id(name)}/parts?limit={PARTS_AT_ONCE}{hidden}", ROLE):
        yield from page["parts"]


def _part(each: Json) -> str:
    day = each["until"] or each["year"] or "no day yet"
    marks = [name for name in ("permanent", "waits", "undated") if each[name]]
    return "  ".join([f"- {each['record_id']}  until {day}", *marks])


def _is_nominal(args: argparse.Namespace) -> bool:
    return bool(args.what[0] == "nominal" and len(args.what) > 1)


def _paths(args: argparse.Namespace) -> dict[str, str]:
    """Give what is asked, by the name it was given; the same record twice is asked once."""
    asked = {"as_of": args.as_of, "known_at": args.known_at}
    if _is_nominal(args):
        if args.what_if or args.whom or args.without_third_persons or args.parts:
            raise StackError("Of a person these are asked record by record: ./tenure explain RECORD --what-if.")
        name = " ".join(args.what[1:])
        subjects = {name: f"nominals/{nominal_ref(name)}"}
    else:
        subjects = {name: f"records/{record_id(name)}" for name in args.what}
        asked["counterfactuals"] = "true" if args.what_if else None
        asked["leave_out"] = "third_persons" if args.whom or args.without_third_persons else None
        asked["nominal"] = str(nominal_ref(args.whom)) if args.whom else None
    query = urlencode({name: value for name, value in asked.items() if value is not None})
    return {name: f"/v1/{path}/schedule" + (f"?{query}" if query else "") for name, path in subjects.items()}


def record_id(name: str) -> UUID:
    """Read a record id, or work it out from source system and source record id."""
    try:
        return UUID(name)
    except ValueError:
        return ids.record_id(*_pair(name, "a record id", "SOURCE_SYSTEM:SOURCE_RECORD_ID"))


def nominal_ref(name: str) -> UUID:
    """Read a nominal's reference, or work it out from the source and its id there."""
    try:
        return UUID(name)
    except ValueError:
        return ids.nominal_ref(*_pair(name, "a nominal's reference", "SOURCE:ID"))


def _pair(name: str, what: str, form: str) -> tuple[str, str]:
    first, colon, second = name.partition(":")
    if not colon or not first or not second:
        raise StackError(f"{name!r} is neither {what} nor {form}.") from None
    return first, second


def _heads(answer: Json, names: tuple[str, ...]) -> list[str]:
    given = {name: answer.get(name) for name in names}
    shown = {name: "yes" if value is True else value for name, value in given.items() if value not in (None, False)}
    return [f"{name.replace('_', ' '):<17}{value}" for name, value in shown.items()]


def _lines(answer: Json) -> list[str]:
    sentences = [*answer["sentences"], *(sentence for name, sentence in _STANDING.items() if answer.get(name))]
    lines = [*_heads(answer, _SHOWN), "", *(f"- {sentence}" for sentence in sentences)]
    if answer.get("would_be"):
        lines += ["", *(f"- {sentence}" for sentence in answer["would_be"])]
    if answer.get("may_open") is not None:
        lines += ["", "Could open it then:", *(f"- {_opening(each)}" for each in answer["may_open"])]
    return lines


def _opening(each: Json) -> str:
    words = f"{each['role']} for {', '.join(each['purposes'])}".replace("_", " ")
    return words + (", only with a task on it" if each["only_with_task"] else "")


def _of_person(answer: Json) -> list[str]:
    names = ("as_of", "known_at", "group", "clock_on", "keep_until", "review_on", "by_age", "reviewed_on", "problem")
    lines = [*_heads(answer, names), "", f"{len(answer['records'])} records of theirs are shown:"]
    for each in answer["records"]:
        role = f"gives {each['gives_group'] or 'no group'}" if each["offending"] else "not as an offender"
        lines.append(f"- {each['record_id']}  until {each['keep_until'] or 'no date'}  {each['state']}  {role}")
    return lines


def _wrapped(lines: list[str]) -> list[str]:
    """Wrap for a terminal; a file or a pipe gets whole sentences, one a line."""
    if not sys.stdout.isatty():
        return lines
    width = min(shutil.get_terminal_size().columns, WIDTH_MAX)
    return [part for line in lines for part in textwrap.wrap(line, width, subsequent_indent="  ") or [""]]
