"""Until when has everything that came in been passed on? Worked out without reading any of it again."""

from collections import deque
from collections.abc import Mapping
from datetime import datetime

LOOKS_MAX = 3_600

Part = tuple[str, int]  # Topic, partition.


class Looks:
    """What was seen of the inbound partitions, look by look, as far back as something was not taken in.

    What lies at or beyond a partition's end was written after the look that saw this end: so the oldest unread record
    is younger than the last look whose end the stored position has reached.
    """

    def __init__(self) -> None:
        self._looks: deque[tuple[datetime, Mapping[Part, int]]] = deque()
        self._passed: datetime | None = None

    def add(self, at: datetime, ends: Mapping[Part, int]) -> None:
        """Note where the partitions ended, as asked for after `at`."""
        self._looks.append((at, ends))
        if len(self._looks) > LOOKS_MAX:  # A back-load takes its time: every second look tells as much.
            self._looks = deque(look for n, look in enumerate(self._looks) if n % 2 == 0)

    def passed(self, positions: Mapping[Part, int]) -> datetime | None:
        """Give the latest instant before which all was taken in; None where nothing is known."""
        while self._looks and all(positions.get(part, 0) >= end for part, end in self._looks[0][1].items()):
            self._passed = self._looks.popleft()[0]
        return self._passed
