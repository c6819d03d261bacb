"""Says on the error stream what is being done, once it takes longer than a moment."""

import sys

from shared.clock import monotonic

SAID_EVERY_SECONDS = 2.0


class Progress:
    """A line every two seconds, naming the stage and how far it is."""

    def __init__(self, *, quiet: bool = False) -> None:
        self.quiet = quiet
        self.said = monotonic()

    def at(self, stage: str, done: int | None = None, total: int | None = None) -> None:
        """Say where the work is, unless it was said a moment ago."""
        if self.quiet or monotonic() - self.said < SAID_EVERY_SECONDS:
            return
        self.said = monotonic()
        count = "" if done is None else f" {done:,}" + (f" of {total:,}" if total else "")
        print(f"verify: {stage}{count}", file=sys.stderr, flush=True)
