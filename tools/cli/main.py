"""Finds the command that was asked for, and says what there is when none was."""

import argparse
import importlib
import sys

from tools.cli.handover import PROGRAMS, hand_over
from tools.cli.running import take_settings
from tools.cli.words import Parser, unknown
from tools.stack.errors import StackError

GROUPS = {
    "See it": {"demo": "play a realistic story through the whole system and prove what happened"},
    "Run it": {
        "up": "start broker, database and the six processes on this machine",
        "down": "stop them",
        "status": "show what runs, where, and whether it is ready",
        "logs": "show what the processes say",
        "secrets": "make the passwords and keys that docker-compose.yml mounts",
    },
    "Use it": {
        "publish": "publish record events from files, and count their receipts",
        "backload": "show how far a back-load has come, pause it, or let it go on",
        "explain": "say why a record's date is what it is",
        "policy": "check a policy pack, show its rows, take them to a spreadsheet and back",
        "reconcile": "show both accounts, manifests and silent sources, or how late records came",
        "reapply": "after a restored backup, erase again what was disposed of since",
        "epoch": "begin, re-wrap and end epochs of the sealing keys",
        "clock": "move the rehearsal's date forward",
        "token": "print a bearer token of a made-up person in a role, for curl",
        "topics": "create the declared topics, or list where the broker differs",
    },
    "Prove it": {
        "verify": "check every invariant, ledger and account from raw tables and topics",
        "documents": "write the public contract from the code's own models",
        "check": "run linters, types, import rules and house rules",
        "test": "run the tests against a real broker and a real database",
        "bench": "measure",
    },
}
COMMANDS = {name: line for group in GROUPS.values() for name, line in group.items()}
ON_THE_STACK = ("publish", "topics")
_USAGE = """Tenure keeps every police record exactly as long as policy says, and proves it.

usage: ./tenure COMMAND [ARGUMENTS]
"""
_EXAMPLES = """
examples:
  ./tenure demo --once                 the whole story, from capture to certificate
  ./tenure up --detach                 start the system and leave it running
  ./tenure publish FILE.csv --from police-uk
  ./tenure explain police-uk-stops:ID
  curl -H "Authorization: Bearer $(./tenure token auditor)" http://127.0.0.1:18082/v1/records
  ./tenure down

`./tenure COMMAND --help` says more about a command. Everything is kept in .tenure/, beside this file.
"""


def usage() -> str:
    """Write the page that `./tenure --help` shows."""
    lines = [_USAGE]
    for title, commands in GROUPS.items():
        lines += [f"{title}:", *(f"  {name:<11}{line}" for name, line in commands.items()), ""]
    return "\n".join(lines).rstrip() + "\n" + _EXAMPLES


def main(arguments: list[str]) -> int:
    """Run one command; the exit status is its own."""
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(usage(), end="")
        return 0
    name, rest = arguments[0], arguments[1:]
    if name not in COMMANDS:
        print(f"tenure: {unknown('command', name, COMMANDS)} `./tenure --help` says more.", file=sys.stderr)
        return 2
    try:
        return _run(name, rest)
    except StackError as error:
        print(f"tenure: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        return 0  # Whoever read us has seen enough (`| head`).


def _run(name: str, rest: list[str]) -> int:
    if name in PROGRAMS:
        return hand_over(PROGRAMS[name], rest)
    if name in ON_THE_STACK:
        take_settings()
    module = importlib.import_module(f"tools.cli.{name}")
    parser = Parser(prog=f"./tenure {name}", description=_sentence(module.HELP))
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    if hasattr(module, "EXAMPLES"):
        parser.epilog = "examples:\n" + module.EXAMPLES
    module.add_arguments(parser)
    ours, passed_on = _parted(rest)
    parsed = parser.parse_args(ours)
    parsed.passed_on = passed_on
    status: int = module.run(parsed)
    sys.stdout.flush()
    return status


def _parted(rest: list[str]) -> tuple[list[str], list[str]]:
    """Part the command's own arguments from what stands after `--`, for commands that pass it on."""
    if "--" not in rest:
        return rest, []
    at = rest.index("--")
    return rest[:at], rest[at + 1 :]


def _sentence(line: str) -> str:
    return line[0].upper() + line[1:] + ("" if line.endswith(".") else ".")
