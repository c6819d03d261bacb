"""Named crash points, for the fault tests: inert unless TENURE_CRASH_POINT was set when the process started."""

import os
import signal
from collections import Counter

_passages: Counter[str] = Counter()
_name, _, _count = os.environ.get("TENURE_CRASH_POINT", "").partition(":")
_nth = int(_count or "1")


def armed() -> bool:
    """Say whether any point is named: what looks for its own need not look then."""
    return bool(_name)


def crash_point(name: str) -> None:
    """End this process at once, as `kill -9` would, at the N-th passage of the point that NAME:N names."""
    if name != _name:
        return
    _passages[name] += 1
    if _passages[name] == _nth:
        os.kill(os.getpid(), signal.SIGKILL)
