"""Show how far a long job is: a bar on a terminal, plain lines elsewhere."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from shared.clock import monotonic

LINE_EVERY_SECONDS = 2.0


class Advance(Protocol):
    """Say that so many more are done; none tells the screen that time went by."""

    def __call__(self, count: int = 1) -> None:
        """Count them."""


class _Rate(ProgressColumn):
    """So many a second."""

    def render(self, task: Task) -> Text:
        """Give the rate of the last moments, or of the whole once it is over."""
        rate = task.finished_speed or task.speed or 0
        return Text(f"{rate:,.0f}/s")


@contextmanager
def stage(console: Console, name: str, total: int) -> Iterator[Advance]:
    """Show one stage of `total` steps until the block is left."""
    if console.is_terminal:
        with _bar(console, name, total) as advance:
            yield advance
        return
    lines = _Lines(console, name, total)
    yield lines.advance
    lines.end()


@contextmanager
def _bar(console: Console, name: str, total: int) -> Iterator[Advance]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), _Rate(), TimeRemainingColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task(name, total=total)

        def advance(count: int = 1) -> None:
            progress.advance(task, count)

        yield advance


class _Lines:
    """A line every two seconds, and one at the end."""

    def __init__(self, console: Console, name: str, total: int) -> None:
        self.console = console
        self.name = name
        self.total = total
        self.done = 0
        self.began = self.printed = monotonic()

    def advance(self, count: int = 1) -> None:
        """Count, and print a line when the last one is old."""
        self.done += count
        now = monotonic()
        if now - self.printed >= LINE_EVERY_SECONDS:
            self.printed = now
            rate = self.done / (now - self.began)
            left = f", {(self.total - self.done) / rate:,.0f} s left" if rate else ""
            self._print(f"{rate:,.0f}/s{left}")

    def end(self) -> None:
        """Print where it ended."""
        took = monotonic() - self.began
        self._print(f"{self.done / took if took else 0:,.0f}/s, took {took:.1f} s")

    def _print(self, pace: str) -> None:
        self.console.print(f"{self.name}: {self.done:,} of {self.total:,}, {pace}", highlight=False)
