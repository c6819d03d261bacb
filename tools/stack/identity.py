"""Which process is ours: its pid and the moment it started, for pids are used again."""

import os
import signal
from pathlib import Path
from typing import NamedTuple


class Identity(NamedTuple):
    """A process that was started here, for ever distinct from a later one with the same pid."""

    pid: int
    started: str


def _stat(pid: int) -> list[str]:
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return []
    return text.rpartition(")")[2].split()  # The command's name may hold spaces; what follows it does not.


def identify(pid: int) -> Identity | None:
    """Identify a living process; None if it is gone or only waits to be buried."""
    fields = _stat(pid)
    if not fields or fields[0] in "ZX":
        return None
    return Identity(pid, fields[19])


def alive(identity: Identity) -> bool:
    """Say whether this very process still lives."""
    return identify(identity.pid) == identity


def send(identity: Identity, number: signal.Signals) -> bool:
    """Signal this very process, or nobody; says whether it was there."""
    if not alive(identity):
        return False
    try:
        os.kill(identity.pid, number)
    except ProcessLookupError:
        return False
    return True


def descendants(pid: int) -> list[int]:
    """List the processes below one, nearest first."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (fields := _stat(int(entry.name))):
            parents[int(entry.name)] = int(fields[1])
    found = [pid]
    for parent in found:
        found += [child for child, its_parent in parents.items() if its_parent == parent]
    return found[1:]


def note(path: Path, identity: Identity) -> None:
    """Write a pid file."""
    path.write_text(f"{identity.pid} {identity.started}\n")


def noted(path: Path) -> Identity | None:
    """Read a pid file; None if there is none or it makes no sense."""
    try:
        pid, started = path.read_text().split()
        return Identity(int(pid), started)
    except (FileNotFoundError, ValueError):
        return None
