"""`tenure token`: a bearer token of the local stack's made-up people."""

import argparse

from tools.stack import keys
from tools.stack.errors import StackError
from tools.stack.issuer import PEOPLE, token
from tools.stack.paths import DEMO, LOCAL

NAME = "token"
HELP = "print a bearer token of a made-up person in a role, good for twelve hours on the local stack only"
EXAMPLES = """  ./tenure token records_manager
  ./tenure token D-RO2
  ./tenure token --demo auditor     for the stack of a demonstration that waits
  curl -H "Authorization: Bearer $(./tenure token auditor)" http://127.0.0.1:18082/v1/records

people:
""" + "\n".join(f"  {each.subject:<11}{each.role}" for each in PEOPLE)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("role", metavar="ROLE", help="a role, or a person's staff id")
    parser.add_argument("--demo", action="store_true", help="for the demonstration's stack, not that of `up`")


def run(args: argparse.Namespace) -> int:
    """Print the token; an unknown role is answered with the nearest."""
    if args.demo:
        if not DEMO.keys.exists():
            raise StackError("No demonstration is up here; `./tenure demo` starts one, and waits at its end.")
        print(token(args.role, DEMO.keys))
        return 0
    keys.make(LOCAL.keys)
    print(token(args.role))
    return 0
