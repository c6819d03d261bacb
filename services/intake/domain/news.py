"""Until when has everything that came in been passed on? Worked out without reading any of it again."""

from collections import deque
from collections.abc import Mapping
from datetime import datetime

LOOKS_MAX = 3_600


class Looks:
    """What was seen of the inbound partitions, look by look.

    What lies at or beyond a partition's end was written after the look that saw this end: so the oldest unread record
    is younger than the last look whose end the stored position has reached.
    """

    def __init__(self) -> None:
        self._looks: deque[tuple[datetime, Mapping[int, int]]] = deque(maxlen=LOOKS_MAX)

    def add(self, at: datetime, ends: Mapping[int, int]) -> None:
        """Note where the partitions ended, as asked for after `at`."""
        self._looks.append((at, ends))

    def passed(self, positions: Mapping[int, int]) -> datetime | None:
        """Give the latest instant before which all was taken in; None where nothing is known."""
        for at, ends in reversed(self._looks):
            if all(positions.get(part, 0) >= end for part, end in ends.items()):
                return at
        return None
