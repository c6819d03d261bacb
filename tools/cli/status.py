"""`tenure status`: what runs, where, and whether it is ready."""

import argparse
import json
import os
import shlex
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from rich.console import Console
from rich.table import Table

from tools.cli import lag, reconcile
from tools.cli.running import described, take_settings
from tools.stack import broker, postgres
from tools.stack.embedded import answers_as_kafka
from tools.stack.errors import StackError
from tools.stack.identity import Identity, alive
from tools.stack.keys import SERVICES, passwords
from tools.stack.paths import LOCAL
from tools.stack.ports import answers
from tools.stack.postgres import answers_queries
from tools.stack.service import readyz
from tools.stack.supervisor import up_already

NAME = "status"
HELP = "show what runs, where, and whether it is ready; exit status 0 only if everything is"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--json", action="store_true", help="for programs")
    how.add_argument(
        "--shell", action="store_true", help='the addresses as variables: eval "$(./tenure status --shell)"'
    )


def run(args: argparse.Namespace) -> int:
    """Show the stack; exit status 0: everything is ready, 1: something is not, 3: it is down."""
    found = described() or {}
    take_settings()
    up = up_already(LOCAL)
    if up and not found:
        raise StackError("The stack is starting for the first time; ask again in a moment.")
    if args.shell and up:
        print("\n".join(_addresses()))
        return 0
    rows, behind = _looked(found["processes"]) if up else ([], None)
    if args.json:
        about = {name: found.get(name) for name in ("broker", "kafka", "database_is", "database")} if up else {}
        waits = {} if behind is None else {"lag": behind.told()}
        print(json.dumps({"up": up, **about, "processes": rows, **waits}, indent=1))
    elif behind is not None:
        _show(found, rows)
        lag.show(behind, Console())
        for line in reconcile.silent() if any(row["process"] == "intake-api" and row["ready"] for row in rows) else ():
            print(line)
    else:
        print("The stack is down; `./tenure up` starts it.", file=sys.stderr if args.shell else sys.stdout)
    return 3 if not up else int(not all(row["ready"] for row in rows))


def _addresses() -> list[str]:
    """Give where everything is, as lines of shell; the database as the role that may only read."""
    variables = {
        "KAFKA": "TENURE_KAFKA",
        **{name.upper(): f"TENURE_{name.upper()}_URL" for name in SERVICES},
        "DATABASE": "TENURE_VERIFY_DATABASE_URL",
    }
    return [f"export {short}={shlex.quote(os.environ[name])}" for short, name in variables.items()]


def _looked(processes: dict[str, dict[str, Any]]) -> tuple[list[dict[str, Any]], lag.Lag]:
    """Ask everything at once: what hangs keeps nothing else waiting."""
    with ThreadPoolExecutor(len(processes) + 1) as at_once:
        behind = at_once.submit(lag.look)
        return list(at_once.map(_row, processes, processes.values())), behind.result()


def _row(name: str, process: dict[str, Any]) -> dict[str, Any]:
    runs = process["pid"] is not None and alive(Identity(process["pid"], process["started"]))
    ready, says = _readiness(name, process["port"]) if runs else (False, "not running")
    return {
        "process": name,
        "pid": process["pid"] if runs else None,
        "port": process["port"],
        "restarts": process["restarts"],
        "ready": ready,
        "says": says,
    }


def _readiness(name: str, port: int) -> tuple[bool, str]:
    if name == "kafka":
        ready = answers(port) and answers_as_kafka(f"127.0.0.1:{port}")
        return ready, "ready" if ready else "does not answer"
    if name == "postgres":
        secret = passwords(LOCAL.keys)["postgres"]
        ready = answers_queries(f"postgresql://postgres:{secret}@127.0.0.1:{port}/postgres")
        return ready, "ready" if ready else "does not answer"
    ready, said = readyz(port)
    return ready, f"ready{_of_backload(said)}" if ready else in_words(said)


def _of_backload(said: str) -> str:
    """Say what a back-load does, where there is one or it is paused."""
    try:
        told = json.loads(said)["backload"]
        if told["unread"]:
            return f"; back-load {told['state']}, {told['unread']:,} unread: nothing is disposed of until they are read"
        return "; back-load paused" if told["state"] == "paused" else ""
    except (ValueError, KeyError, TypeError):
        return ""


def in_words(said: str) -> str:
    """Say, from what `/readyz` answered, what a process waits for."""
    try:
        answer = json.loads(said)
        missing = [name for name, holds in answer["checks"].items() if not holds]
        sentences = dict.fromkeys(answer.get("waits_for", []))
    except (ValueError, KeyError, TypeError, AttributeError):
        return " ".join(said.split())[:200] or "does not answer"
    return " ".join([f"waits for {', '.join(missing)}.", *sentences])


def _show(found: dict[str, Any], rows: list[dict[str, Any]]) -> None:
    table = Table(box=None, pad_edge=False)
    for column in ("process", "pid", "port", "restarts"):
        table.add_column(column, justify="left" if column == "process" else "right")
    table.add_column("readiness", overflow="fold")
    for row in rows:
        cells = [row["process"], row["pid"] or "-", row["port"], row["restarts"]]
        table.add_row(*map(str, cells), row["says"], style=None if row["ready"] else "red")
    console = Console()
    console.print(table)
    broker_is = broker.NAMES[found.get("broker", "kafka")]
    database_is = postgres.NAMES[found.get("database_is", "wheel")]
    for line in (f"\nbroker    {found['kafka']}: {broker_is}", f"database  {found['database']}: {database_is}"):
        console.print(line, highlight=False, markup=False, soft_wrap=True)
