"""`tenure up`: start the stack and stay with it, or leave it running."""

import argparse
import subprocess
import sys
import time

from shared.starting import misshapen
from tools.cli import words
from tools.stack.assembly import PROCESSES
from tools.stack.errors import StackError
from tools.stack.paths import LOCAL, ROOT
from tools.stack.supervisor import READY_LINE, supervise, up_already

NAME = "up"
HELP = "start broker, database and the six processes on this machine; data is kept in .tenure/"
EXAMPLES = """  ./tenure up                          stay in front; Ctrl-C stops everything
  ./tenure up --detach                 return when everything is ready
  ./tenure up --only kafka,postgres    the servers alone
  TENURE_KAFKA=host:9092 ./tenure up   with a broker that runs already (TENURE_DATABASE_URL likewise)
  TENURE_BROKER=embedded ./tenure up   with the broker in memory that is used where there is no Java 17 or Maven
"""
WAIT_SECONDS_MAX = 180
_POLL_SECONDS = 0.1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("-d", "--detach", action="store_true", help="return when everything is ready; `down` stops it")
    parser.add_argument("--only", default="", metavar="NAME,...", help=f"only some of {', '.join(PROCESSES)}")


def run(args: argparse.Namespace) -> int:
    """Start; exit status 0 after an orderly stop, or when all is ready if detached."""
    only = [name for name in args.only.split(",") if name]
    if unknown := sorted(set(only) - set(PROCESSES)):
        raise StackError(words.unknown("process", unknown[0], PROCESSES))
    if faults := misshapen():  # Each process would say so and end, and be started again.
        raise StackError(" ".join(faults))
    if not args.detach:
        return supervise(LOCAL, only, _say)
    if up_already(LOCAL):
        print("The stack is up already; `./tenure status` shows it.")
        return 0
    return _detach(args.only)


def _say(line: str) -> None:
    ready = "Everything is ready. Ctrl-C stops it; `./tenure status` shows it."
    print(ready if line == READY_LINE else line, flush=True)


def _detach(only: str) -> int:
    LOCAL.make()
    log = LOCAL.logs / "supervisor.log"
    with log.open("wb") as output:
        command = [sys.executable, "-m", "tools.stack.supervisor", f"--only={only}"]
        supervisor = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
    shown, until = 0, time.monotonic() + WAIT_SECONDS_MAX
    while time.monotonic() < until:
        ended = supervisor.poll() is not None
        lines = log.read_text().splitlines()
        for line in lines[shown:]:
            if line == READY_LINE:
                print("Everything is ready. `./tenure status` shows it, `./tenure down` stops it.")
                return 0
            print(line, flush=True)
        shown = len(lines)
        if ended:
            return 1
        time.sleep(_POLL_SECONDS)
    message = f"Not ready in {WAIT_SECONDS_MAX} s; it goes on trying."
    raise StackError(message + " `./tenure status` and `./tenure logs` tell more.")
