"""Gives people on a terminal the time to read."""

from collections.abc import Callable

SECONDS_PER_WORD = 0.1  # Quick readers' pace: they skim, and what was told while they waited is read already.
PAUSE_SECONDS_MAX = 6.0


class Pace:
    """Knows until when somebody reads what was told so far."""

    def __init__(self, clock: Callable[[], float], sleep: Callable[[float], None]) -> None:
        self._clock = clock
        self._sleep = sleep
        self._read_until = clock()

    def told(self, line: str) -> None:
        """Count a line that was told; reading it begins when all before it is read."""
        self._read_until = max(self._read_until, self._clock()) + len(line.split()) * SECONDS_PER_WORD

    def pause(self) -> None:
        """Wait until all of it is read, though never long; after it nothing is left to read."""
        left = self._read_until - self._clock()
        if left > 0:
            self._sleep(min(left, PAUSE_SECONDS_MAX))
        self._read_until = self._clock()
