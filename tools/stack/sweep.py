"""Ends what this folder's stack left running, and nothing else: pid and start time must both match."""

import signal
import time

from tools.stack.assembly import STOP_ORDER
from tools.stack.identity import Identity, alive, noted, send
from tools.stack.paths import Paths

STOP_SECONDS_MAX = 15.0
_POLL_SECONDS = 0.1


def sweep(paths: Paths) -> list[str]:
    """Stop what pid files name and still lives, in order; gives the names of what was found alive."""
    found = []
    for names, grace in STOP_ORDER:
        there = {name: identity for name in names if (identity := noted(paths.run / f"{name}.pid"))}
        for name, identity in there.items():
            number = signal.SIGINT if name == "postgres" else signal.SIGTERM
            send(identity, signal.SIGCONT)
            if send(identity, number):
                found.append(name)
        _await_end(list(there.values()), grace)
        for name in there:
            (paths.run / f"{name}.pid").unlink(missing_ok=True)
    return found


def down(paths: Paths) -> list[str]:
    """Stop the supervisor and what it runs; gives the names of what ran, nothing if nothing did."""
    stopped = []
    supervisor = noted(paths.run / "supervisor.pid")
    if supervisor is not None and send(supervisor, signal.SIGTERM):
        _await_end([supervisor], STOP_SECONDS_MAX)
        (paths.run / "supervisor.pid").unlink(missing_ok=True)
        stopped.append("supervisor")
    return stopped + sweep(paths)


def _await_end(identities: list[Identity], grace: float) -> None:
    until = time.monotonic() + grace
    while any(map(alive, identities)) and time.monotonic() < until:
        time.sleep(_POLL_SECONDS)
    for identity in identities:
        send(identity, signal.SIGKILL)
