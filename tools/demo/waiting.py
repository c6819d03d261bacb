"""Shows that something is awaited and how far it is: a spinner on a terminal, a line now and then elsewhere."""

from collections.abc import Callable

from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, ProgressColumn, SpinnerColumn, TextColumn, TimeElapsedColumn

from shared.clock import monotonic

SHOWN_AFTER_SECONDS = 0.5
TOLD_AFTER_SECONDS, TOLD_EVERY_SECONDS = 2.0, 5.0
COUNTED_EVERY_SECONDS = 1.0  # Who counts asks the services, and they have work to do.


class Waiting:
    """One wait; `at` says that it goes on, and how much of the total is there. Close it when it is over."""

    def __init__(self, console: Console, tell: Callable[[str], None], what: str, total: int = 0) -> None:
        self.console = console
        self.tell = tell
        self.what = what
        self.total = total
        self._began = monotonic()
        self._tell_at = self._began + TOLD_AFTER_SECONDS
        self._count_at, self._counted = self._began, 0
        self._shown: Progress | None = None

    @property
    def seconds(self) -> float:
        """Give for how long it has been waited."""
        return monotonic() - self._began

    def at(self, count: Callable[[], int] | None = None) -> None:
        """Show where it is; call it some times a second. It is counted only to be shown."""
        if self.console.is_terminal:
            self._spin(count)
        elif monotonic() >= self._tell_at:
            self._tell_at = monotonic() + TOLD_EVERY_SECONDS
            so_far = f": {count():,} of {self.total:,}" if count and self.total else ""
            self.tell(f"... {self.what}{so_far} ({self.seconds:.0f} s)")

    def close(self) -> None:
        """Take it off the screen."""
        if self._shown is not None:
            self._shown.stop()

    def _spin(self, count: Callable[[], int] | None) -> None:
        if self._shown is None:
            if self.seconds < SHOWN_AFTER_SECONDS:
                return
            # No thread of its own draws it: processes are forked meanwhile.
            self._shown = Progress(*self._columns(), console=self.console, transient=True, auto_refresh=False)
            self._shown.add_task(self.what, total=self.total or None)
            self._shown.start()
        if count and self.total and monotonic() >= self._count_at:
            self._count_at = monotonic() + COUNTED_EVERY_SECONDS
            self._counted = count()
        self._shown.update(self._shown.task_ids[0], completed=self._counted, refresh=True)

    def _columns(self) -> list[ProgressColumn]:
        counted: list[ProgressColumn] = [MofNCompleteColumn()] if self.total else []
        return [TextColumn("  "), SpinnerColumn(), TextColumn("{task.description}"), *counted, TimeElapsedColumn()]
