"""`python -m tools.demo [--once]`: its own stack below .tenure/demo, the story on it, and nothing left behind."""

import argparse
import fcntl
import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from rich.console import Console

from tools.adapters.outgoing import Mistake
from tools.adapters.publish import NotPublished
from tools.demo.estate import Estate
from tools.demo.story import play
from tools.demo.telling import Teller, Untrue
from tools.stack import sweep
from tools.stack.assembly import Stack
from tools.stack.errors import StackError
from tools.stack.paths import LOCAL, ROOT, Paths
from tools.topics import BrokerMissing

FAILED, INTERRUPTED = 1, 130
HOME = LOCAL.home / "demo"
_POLL_SECONDS = 0.5
_STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main() -> int:
    """Play the story; exit status 0 only if everything told was true."""
    parser = argparse.ArgumentParser(prog="./tenure demo", description="Play a story through the whole system.")
    parser.add_argument("--once", action="store_true", help="end when the story ends; else Ctrl-C does")
    args = parser.parse_args()
    for name in [name for name in os.environ if name.startswith("TENURE_")]:
        del os.environ[name]  # A stack of `up` may run beside: nothing of it is used or touched.
    for number in _STOPS:
        signal.signal(number, _interrupt)  # SIGINT too: a shell in the background has it ignored.
    teller = Teller(Console())
    try:
        with _alone(), _estate(teller) as estate:
            return _told(estate, stay=not args.once)
    except KeyboardInterrupt:
        teller.say("stopped; nothing was left running")
        return INTERRUPTED
    except StackError as error:
        print(f"tenure: {error}", file=sys.stderr)
        return FAILED


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


@contextmanager
def _alone() -> Iterator[None]:
    """Hold the demonstration's lock; one at a time in this folder."""
    LOCAL.make()
    with (LOCAL.run / "demo.lock").open("w") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StackError("A demonstration plays here already; wait for its end, or stop it with Ctrl-C.") from None
        yield


@contextmanager
def _estate(teller: Teller) -> Iterator[Estate]:
    """Start a fresh stack, whatever an earlier demonstration left; stop it in order."""
    paths = Paths(HOME)
    if HOME.exists():
        sweep.sweep(paths)
        shutil.rmtree(HOME)
    teller.say("a demonstration of its own: a fresh stack below .tenure/demo, made-up people, rehearsed years")
    teller.chapter("The system starts: a real Kafka, a real PostgreSQL, six processes")
    stack = Stack(paths, {"TENURE_POLICY": str(ROOT / "policy" / "demonstration.toml")})
    stack.start(teller.say)
    estate = Estate(stack, teller)
    try:
        yield estate
    finally:
        estate.close()
        for number in _STOPS:
            signal.signal(number, signal.SIG_IGN)  # It is stopping; being told twice changes nothing.
        stack.stop()


def _told(estate: Estate, *, stay: bool) -> int:
    teller, began = estate.teller, time.monotonic()
    try:
        play(estate)
    except (Untrue, Mistake, NotPublished, BrokerMissing) as error:
        teller.fail(str(error))
        teller.say(f"the processes' logs are in {estate.stack.paths.logs.relative_to(ROOT)}/")
        return FAILED
    teller.say("")
    teller.say(f"All of it was true: {teller.proved} claims checked in {time.monotonic() - began:.0f} s.")
    if stay:
        _stay(estate)
    return 0


def _stay(estate: Estate) -> None:
    """Keep the stack up to be looked at, until Ctrl-C."""
    for service in ("intake", "retention", "review"):
        estate.teller.say(f"{service} answers at {estate.url(service)}/v1 (its contract is at /openapi.json)")
    estate.teller.say("Ctrl-C stops everything.")
    while True:
        estate.tend()
        time.sleep(_POLL_SECONDS)


if __name__ == "__main__":
    sys.exit(main())
