"""Where the story plays: a fresh stack of its own below .tenure/demo, of which nothing is left running."""

import fcntl
import shutil
import signal
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager

from shared.clock import monotonic
from tools.demo.estate import Estate
from tools.demo.telling import Teller
from tools.stack import sweep
from tools.stack.assembly import Stack
from tools.stack.errors import StackError
from tools.stack.paths import DEMO, LOCAL, ROOT

STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
PACK = ROOT / "policy" / "demonstration.toml"


@contextmanager
def alone() -> Iterator[None]:
    """Hold the demonstration's lock; one at a time in this folder."""
    LOCAL.make()
    with (LOCAL.run / "demo.lock").open("w") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StackError("A demonstration plays here already; wait for its end, or stop it with Ctrl-C.") from None
        yield


@contextmanager
def estate(teller: Teller, broker: Mapping[str, str]) -> Iterator[Estate]:
    """Start a fresh stack on the broker that is asked for, if one is; stop it in order, whatever happens."""
    teller.say("a demonstration of its own: a fresh stack below .tenure/demo, made-up people, rehearsed years")
    teller.chapter("The system starts: broker, database, six processes")
    stack, began = Stack(DEMO, {"TENURE_POLICY": str(PACK), **broker}), monotonic()
    _start(stack, teller)
    teller.say(f"all of it runs, {monotonic() - began:.0f} s after the start")
    found = Estate(stack, teller)
    try:
        yield found
    finally:
        found.close()
        do_not_stop()
        stack.stop()


def _start(stack: Stack, teller: Teller) -> None:
    ready = 0
    with teller.waiting("processes are ready", len(stack.processes)) as waiting:

        def say(line: str) -> None:
            nonlocal ready
            ready += " is ready on port " in line
            teller.say(line)
            waiting.at(lambda: ready)

        stack.start(say)


def do_not_stop() -> None:
    """Hear no more requests to stop: it is stopping, and being told twice changes nothing."""
    for number in STOPS:
        signal.signal(number, signal.SIG_IGN)


def clear(kept: Collection[str] = ()) -> None:
    """Stop what an earlier demonstration left, if it was killed, and remove all that is not to be kept."""
    if not DEMO.home.exists():
        return
    sweep.sweep(DEMO)
    for each in DEMO.home.iterdir():
        if each.name not in kept:
            shutil.rmtree(each) if each.is_dir() else each.unlink()
    if not any(DEMO.home.iterdir()):
        DEMO.home.rmdir()
