"""`tenure reconcile`: what each source sent, whether its accounts close, and how late records came."""

import argparse
import json
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any, Literal
from urllib.parse import urlencode

from rich.console import Console
from rich.table import Table

from tools.cli.http import pages
from tools.demo.plot import bars, mark_for
from tools.stack.errors import StackError

NAME = "reconcile"
HELP = "show both accounts by source and day, manifests that differ and silent sources; or how late records came"
EXAMPLES = """  ./tenure reconcile --since 2026-03-01
  ./tenure reconcile --timeliness --source urn:demo:crime
"""
ROLE = "auditor"
PAGE_SIZE = 200
UNCLOSED = 1
LAGS = {"reported_to_recorded": "from report to record", "recorded_to_received": "from record to receipt"}
STEPS = {
    "within a minute": 60,
    "within an hour": 3_600,
    "within a day": 86_400,
    "within 3 days": 3 * 86_400,
    "within a week": 7 * 86_400,
    "within 30 days": 30 * 86_400,
    "within a year": 366 * 86_400,
}
LONGER, UNTOLD, REVERSED = "longer", "not told", "the wrong way round"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--since", type=date.fromisoformat, metavar="DATE", help="from this day received on")
    parser.add_argument("--until", type=date.fromisoformat, metavar="DATE", help="up to this day")
    parser.add_argument("--source", metavar="SOURCE", help="of one source only")
    parser.add_argument("--timeliness", action="store_true", help="how long from report to record, and on to here")
    parser.add_argument("--json", action="store_true", help="for programs")
    parser.epilog = "Exit status 0 if every account closes and no source is overdue, 1 if not."


def run(args: argparse.Namespace) -> int:
    """Show the accounts; exit status 0: all close, 1: one does not, a manifest differs or a source is overdue."""
    asked = {"since": args.since, "until": args.until, "source": args.source}
    query = {name: str(value) for name, value in asked.items() if value is not None}
    if args.timeliness:
        return _timeliness(query, as_json=args.json)
    found = _accounts(query)
    if args.json:
        print(json.dumps(found, indent=1))
    else:
        _show(Console(), found)
    return UNCLOSED if _open(found) else 0


def _accounts(query: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {"events": [], "records": [], "sources": []}
    for page in pages("intake", f"/v1/reconciliation?{urlencode({**query, 'limit': PAGE_SIZE})}", ROLE):
        found["events"] += page["events"]
        found["records"] += page["records"]
        found["sources"] = page["sources"]
    of = {name: value for name, value in query.items() if name == "source"}
    asked = urlencode({**of, "state": "differs", "limit": PAGE_SIZE})
    found["manifests"] = [each for page in pages("intake", f"/v1/manifests?{asked}", ROLE) for each in page]
    return found


def _open(found: Mapping[str, Any]) -> bool:
    accounts = [*found["events"], *found["records"]]
    overdue = any(each["overdue"] for each in found["sources"])
    return overdue or bool(found["manifests"]) or not all(each["closes"] for each in accounts)


def _show(console: Console, found: Mapping[str, Any]) -> None:
    for title, day, rows in (
        ("Events received", "received_on", found["events"]),
        ("Records accepted", "accepted_on", found["records"]),
    ):
        console.print(_table(title, day, rows))
    for line in overdue(found["sources"]):
        _say(console, line)
    for each in found["manifests"]:
        least = "" if each["named"] else "at least "
        _say(
            console,
            f"manifest of {each['source']}, {each['from']} to {each['to']}: {each['arrived']:,} of "
            f"{each['expected']:,} "
            f"came, {least}{each['missing_count']:,} missing, {least}{each['extra_count']:,} too many"
            + "".join(f"\n  missing {id_}" for id_ in each["missing"][:5])
            + "".join(f"\n  too many {id_}" for id_ in each["extra"][:5]),
        )
    if not _open(found):
        _say(console, "Every account closes.")


def silent() -> list[str]:
    """Say which sources are overdue; nothing where intake does not answer."""
    try:
        return overdue(next(pages("intake", "/v1/reconciliation?limit=1", ROLE))["sources"])
    except StackError:
        return []


def overdue(sources: Iterable[Mapping[str, Any]]) -> list[str]:
    """Say, in a sentence each, what did not come for longer than the pack allows."""
    heard = {"events": "last_event_at", "manifests": "last_manifest_at"}
    return [
        f"overdue   no {what} of {each['source']}; the last came {each[heard[what]] or 'never'}"
        for each in sources
        for what in each["overdue"]
    ]


def _table(title: str, day: str, rows: list[dict[str, Any]]) -> Table:
    """Show each account with the terms that anything stands in."""
    terms = [
        name
        for name in dict.fromkeys(name for row in rows for name in row)
        if name not in ("source", day, "received", "closes", "difference") and any(row[name] for row in rows)
    ]
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    table.add_column("source", overflow="fold")
    for name in ("day", "received", *terms):
        # Where there is little room the headings are folded, never a day or a number cut.
        least = max((len(_cell(row[day if name == "day" else name])) for row in rows), default=0)
        side: Literal["left", "right"] = "left" if name == "day" else "right"
        table.add_column(name.replace("_", " "), justify=side, min_width=least, overflow="fold")
    table.add_column("closes", overflow="fold")
    for row in rows:
        closes = "yes" if row["closes"] else f"no, by {row['difference']:,}"
        cells = [_cell(row[name]) for name in (day, "received", *terms)]
        table.add_row(row["source"], *cells, closes, style=None if row["closes"] else "red")
    return table


def _cell(value: str | int) -> str:
    return value if isinstance(value, str) else f"{value:,}"


def _timeliness(query: Mapping[str, str], *, as_json: bool) -> int:
    rows = [
        each
        for page in pages("intake", f"/v1/timeliness?{urlencode({**query, 'by': 'source'})}", ROLE)
        for each in page
    ]
    [spread] = pages("intake", f"/v1/timeliness/spread?{urlencode(query)}", ROLE)
    if as_json:
        print(json.dumps({"lags": rows, "spread": spread}, indent=1))
        return 0
    console = Console()
    for lag, title in LAGS.items():
        _say(console, f"\nRecords by how long it took {title}")
        for line in bars(
            stepped(each for each in spread if each["lag"] == lag), console.width, mark_for(console.encoding)
        ):
            _say(console, line)
        console.print(_lags([row for row in rows if row["lag"] == lag]))
    return 0


def stepped(spread: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """Count records by the step that they fall into."""
    counts = dict.fromkeys((*STEPS, LONGER, UNTOLD, REVERSED), 0)
    for each in spread:
        seconds = each["upto_seconds"]
        name = {-1: UNTOLD, -2: REVERSED}.get(seconds)
        name = name or next((step for step, most in STEPS.items() if seconds <= most), LONGER)
        counts[name] += each["records"]
    return counts


def _lags(rows: list[dict[str, Any]]) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("source", overflow="fold")
    for name in ("records", "half within", "95 in 100 within", "longest", "late"):
        table.add_column(name, justify="right")
    for row in rows:
        lengths = [length(row[name]) for name in ("p50_seconds", "p95_seconds", "max_seconds")]
        style = "red" if row["late"] else None
        table.add_row(row["source"], f"{row['records']:,}", *lengths, f"{row['late']:,}", style=style)
    return table


def length(seconds: int | None) -> str:
    """Say a length of time in its largest unit."""
    if seconds is None:
        return "-"
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds} s"


def _say(console: Console, line: str) -> None:
    console.print(line, highlight=False, markup=False, soft_wrap=True)
