"""Ctrl-C at a moment when nothing is half done; a second one at once."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType


@dataclass(slots=True)
class Stop:
    """Whether somebody asked to stop."""

    asked: bool = False

    def heed(self) -> None:
        """Stop here, if it was asked for."""
        if self.asked:
            raise KeyboardInterrupt


@contextmanager
def stoppable() -> Iterator[Stop]:
    """Note the first SIGINT or SIGTERM and leave it to the block when to stop; the second stops it where it is."""
    stop = Stop()

    def note(number: int, frame: FrameType | None) -> None:
        if stop.asked:
            raise KeyboardInterrupt
        stop.asked = True

    try:
        before = {each: signal.signal(each, note) for each in (signal.SIGINT, signal.SIGTERM)}
    except ValueError:  # Not the main thread: whoever owns that hears the signals.
        yield stop
        return
    try:
        yield stop
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
