"""`tenure secrets`: make the passwords and keys that docker-compose.yml mounts."""

import argparse

from tools.containers.secrets import FOLDER, make

NAME = "secrets"
HELP = "make the passwords and keys that docker-compose.yml mounts; what is there is kept"
EXAMPLES = """  ./tenure secrets && docker compose up --build --detach --wait
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments: none."""


def run(args: argparse.Namespace) -> int:
    """Make what is missing, and say where; never what is in it."""
    made = make(FOLDER)
    print(f"{len(made)} files were made in {FOLDER}, which only you can enter." if made else f"All is in {FOLDER}.")
    return 0
