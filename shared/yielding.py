"""How much a source of batches may hand out: all it has, a share beside others, or nothing while they need the room."""

import asyncio
from collections.abc import Callable

from shared.clock import monotonic
from shared.pace import Pace

MET_SECONDS = 2.0


class Yielding:
    """A source's pace, set from outside; its pumps ask the broker for nothing while there is no room.

    Not asking is the pause: aiokafka's own throws away what it has fetched.
    """

    def __init__(self, first: Pace, beside: Pace | None = None) -> None:
        self.pace, self._beside = first, beside
        self.handed = 0  # Records, since the process began.
        self.changed: Callable[[], None] = lambda: None
        self._opened = asyncio.Event()
        self._rests_until = 0.0
        self._met = -MET_SECONDS

    def set(self, pace: Pace) -> None:
        """Go on at another pace."""
        self.pace = pace
        if pace.room:
            self._opened.set()
        else:
            self._opened.clear()
        self.changed()

    def make_way(self) -> None:
        """Go on beside others from now on: one of theirs was just seen."""
        self._met = monotonic()
        if self._beside and self.pace.state == "alone":
            self.set(self._beside)

    @property
    def met(self) -> bool:
        """Say whether others came lately."""
        return monotonic() - self._met < MET_SECONDS

    async def open(self) -> None:
        """Wait until there is room."""
        await self._opened.wait()

    def room(self, settling: int) -> int:
        """Give how many records the next batch may hold; beside others one batch goes at a time."""
        if (settling and self.pace.rest) or monotonic() < self._rests_until:
            return 0
        return self.pace.room if self.pace.upto is None or self.handed < self.pace.upto else 0

    def took(self, seconds: float) -> None:
        """Rest in proportion to what a batch took."""
        if rest := seconds * self.pace.rest:
            self._rests_until = monotonic() + rest
            asyncio.get_running_loop().call_later(rest, self.changed)
