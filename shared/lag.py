"""How far a topic's stored positions are behind its ends, without reading anything again."""

from collections import deque
from collections.abc import Mapping

LOOKS_MAX = 720


class Lag:
    """What was seen of one topic, look by look, as far back as something waits."""

    def __init__(self) -> None:
        self._looks: deque[tuple[float, Mapping[int, int]]] = deque()
        self._begun: dict[int, tuple[int, float]] = {}

    def begin(self, part: int, position: int, stamp: float) -> None:
        """Note when the message at a partition's position was written: it has been taken in hand."""
        self._begun[part] = (position, stamp)

    def look(self, now: float, ends: Mapping[int, int], positions: Mapping[int, int]) -> tuple[int, float]:
        """Give how many rows wait, and for how many seconds the oldest does: at least, for it may be older than us.

        What lies before an end was there at the look that saw it.
        """
        self._looks.append((now, ends))
        while self._looks and all(positions.get(part, 0) >= end for part, end in self._looks[0][1].items()):
            self._looks.popleft()
        if len(self._looks) > LOOKS_MAX:  # It is long: every second look tells as much.
            self._looks = deque(look for n, look in enumerate(self._looks) if n % 2 == 0)
        behind = {part: end - positions.get(part, 0) for part, end in ends.items()}
        rows = sum(max(each, 0) for each in behind.values())
        if not rows or not self._looks:
            return 0, 0.0
        known = [
            stamp
            for part, (position, stamp) in self._begun.items()
            if positions.get(part, 0) == position and behind.get(part, 0) > 0
        ]
        return rows, max(now - min([self._looks[0][0], *known]), 0.0)
