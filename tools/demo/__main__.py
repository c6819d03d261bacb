"""`python -m tools.demo [--once] [--fast]`: its own stack below .tenure/demo, the story on it, nothing left behind."""

import argparse
import os
import signal
import sys
import time
from collections.abc import Mapping
from types import FrameType

from rich.console import Console

from shared.clock import monotonic
from tools.adapters.outgoing import Mistake
from tools.adapters.publish import NotPublished
from tools.demo import scene
from tools.demo.estate import Estate
from tools.demo.pace import Pace
from tools.demo.story import play
from tools.demo.telling import Teller, Untrue
from tools.stack.errors import StackError
from tools.stack.paths import DEMO, ROOT
from tools.topics import BrokerMissing

FAILED, INTERRUPTED = 1, 130
HELP = """Play a story through the whole system, and check every line of it.

A broker, a database and the six processes start in a stack of their own below
.tenure/demo; whatever `./tenure up` runs is not touched. Real open police data
and made-up people come in, years are rehearsed, people decide, a hold wins,
processes are killed, certificates are checked. Each line that begins with "ok"
is a claim held against what the services answer. The first one that is not
true ends the story, and says which it was.

On a terminal the story is paced for reading, two to three minutes, and stays
up in the end to be looked around in until Ctrl-C. In a pipe it is plain lines,
as they happen, without pauses."""
MORE = """examples:
  ./tenure demo                          watch, look around, end with Ctrl-C
  ./tenure demo --once --fast            no pauses, ends by itself: tests, CI
  ./tenure demo --once > story.txt       keep what it told
  TENURE_BROKER=embedded ./tenure demo   as where there is no Java
  ./tenure token --demo records_manager  a token for a demonstration that waits

exit status: 0 all of it was true, 1 something was not, 130 stopped before the end"""
_POLL_SECONDS = 0.5


def main() -> int:
    """Play the story; exit status 0 only if everything told was true."""
    args = _arguments()
    broker = {name: os.environ[name] for name in ["TENURE_BROKER"] if os.environ.get(name)}
    for name in [name for name in os.environ if name.startswith("TENURE_")]:
        del os.environ[name]  # A stack of `up` may run beside: nothing of it is used or touched.
    for number in scene.STOPS:
        signal.signal(number, _interrupt)  # SIGINT too: a shell in the background has it ignored.
    console = Console()
    teller = Teller(console, Pace(monotonic, time.sleep) if console.is_terminal and not args.fast else None)
    try:
        with scene.alone():
            return _played(teller, broker, stay=not args.once)
    except KeyboardInterrupt:
        teller.say("stopped before the end; nothing was left running, and nothing was kept")
        return INTERRUPTED
    except StackError as error:
        print(f"tenure: {error}", file=sys.stderr)
        return FAILED


def _arguments() -> argparse.Namespace:
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog="./tenure demo", description=HELP, epilog=MORE, formatter_class=form)
    parser.add_argument("--once", action="store_true", help="end when the story ends; else Ctrl-C does")
    parser.add_argument("--fast", action="store_true", help="no pauses for reading")
    return parser.parse_args()


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _played(teller: Teller, broker: Mapping[str, str], *, stay: bool) -> int:
    """Play on a fresh stack; what it wrote goes with it, but for the evidence to check or the logs of a failure."""
    scene.clear()
    kept = ["logs"]  # Whatever fails names one of them.
    try:
        with scene.estate(teller, broker) as estate:
            status = _told(estate)
            if stay and not status:
                _stay(estate)
        if not status:
            kept = [] if stay else ["proof"]
            where = f"; the certificate's evidence stays in {DEMO.home.relative_to(ROOT)}/proof" if kept else ""
            teller.say(f"stopped; nothing was left running{where}")
    except KeyboardInterrupt:
        kept = []
        raise
    finally:
        scene.do_not_stop()
        scene.clear(kept)
    return status


def _told(estate: Estate) -> int:
    teller, began = estate.teller, monotonic()
    try:
        play(estate)
    except (Untrue, Mistake, NotPublished, BrokerMissing) as error:
        teller.fail(str(error))
        teller.say(f"the processes' logs are in {estate.stack.paths.logs.relative_to(ROOT)}/")
        return FAILED
    teller.say("")
    teller.say(f"All of it was true: {teller.proved} claims checked in {monotonic() - began:.0f} s.")
    return 0


def _stay(estate: Estate) -> None:
    """Keep the stack up to be looked at, until Ctrl-C: the end that is meant."""
    estate.teller.say("It stays up to be looked around in. Ctrl-C stops everything.")
    try:
        while True:
            estate.tend()
            time.sleep(_POLL_SECONDS)
    except KeyboardInterrupt:
        estate.teller.say("stopping")


if __name__ == "__main__":
    sys.exit(main())
