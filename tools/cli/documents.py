"""`tenure documents`: write the public contract from the code's own models, or say where it differs."""

import argparse

from tools.documents.writing import faults, release, write

NAME = "documents"
HELP = "write docs/contract, the public contract, from the code's own models"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what to do instead of writing."""
    instead = parser.add_mutually_exclusive_group()
    instead.add_argument("--check", action="store_true", help="write nothing; exit status 1 where something differs")
    instead.add_argument("--release", action="store_true", help="keep what is written as the last released contract")


def run(args: argparse.Namespace) -> int:
    """Write, compare or release."""
    if args.release:
        release()
        print("What stands in docs/contract is now what later versions are compared with.")
        return 0
    if args.check:
        found = list(faults())
        print("\n".join(found), end="\n" if found else "")
        return 1 if found else 0
    print(f"{write()} documents in docs/contract.")
    return 0
