"""`tenure topics`: make the broker's topics what is declared, or say where they are not."""

import argparse

from tools import topics

NAME = "topics"
HELP = "create and mend the declared topics (apply), or list where the broker differs (check)"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("verb", choices=("apply", "check"), help="apply: create and mend; check: only say")
    parser.add_argument("--kafka", metavar="HOST:PORT", help="the broker, instead of TENURE_KAFKA's or the stack's")


def run(args: argparse.Namespace) -> int:
    """Apply or check; exit status 0: as declared, 1: drift, or no broker."""
    return topics.run(args.verb, args.kafka or topics.bootstrap_servers())
