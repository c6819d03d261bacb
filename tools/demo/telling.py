"""Tells the story line by line, and stops it at the first thing that is not true."""

import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any

from rich.console import Console

from tools.demo import plot
from tools.demo.pace import Pace
from tools.demo.waiting import Waiting

WIDTH_MAX = 96
INDENT = "   "


class Untrue(Exception):
    """Something that the story tells is not so; the sentence says what was found instead."""


class Teller:
    """Prints chapters, lines, plots, proofs and refusals; colour only on a terminal, pauses only if it is paced."""

    def __init__(self, console: Console, pace: Pace | None = None) -> None:
        self.console = console
        self.pace = pace
        self.width = min(console.width, WIDTH_MAX) if console.is_terminal else WIDTH_MAX
        self.chapters = 0
        self.proved = 0

    def chapter(self, title: str, promise: str = "") -> None:
        """Begin a chapter, once the one before it is read; the promise is what it will show."""
        if self.pace is not None:
            self.pace.pause()
        self.chapters += 1
        self._print("")
        self._wrapped(f"{self.chapters}. ", title, "bold")
        if promise:
            self._wrapped(INDENT, promise, "italic")

    def say(self, line: str) -> None:
        """Tell one line."""
        self._wrapped(INDENT, line)

    def quote(self, lines: Iterable[str]) -> None:
        """Tell what the system said, in its own words."""
        for line in lines:
            room = " " * (len(line) - len(line.lstrip()) + 2)
            self._wrapped(f"{INDENT}| ", line, "dim", f"{INDENT}| {room}")

    def bars(self, counts: Mapping[str, int]) -> None:
        """Plot counts."""
        for line in plot.bars(counts, self.width - len(INDENT), plot.mark_for(self.console.encoding)):
            self._print(INDENT + line, "cyan")

    def table(self, *rows: tuple[object, ...]) -> None:
        """Set numbers side by side."""
        for line in plot.table(rows):
            self._print(INDENT + line, "cyan")

    def command(self, line: str, prompt: str = "$") -> None:
        """Show a command as it can be copied: it is never wrapped."""
        self._print(f"{INDENT}{prompt} {line}", "cyan")

    def prove(self, holds: bool, claim: str, found: object = None) -> None:
        """Tell a claim that was checked; an untrue one ends the story."""
        if not holds:
            raise Untrue(claim if found is None else f"{claim} - found instead: {found}")
        self.proved += 1
        self._wrapped(f"{INDENT}ok  ", claim, "green")

    def fail(self, sentence: str) -> None:
        """Tell why the story ends here."""
        self._print("")
        self._wrapped("NOT TRUE: ", sentence, "bold red")

    @contextmanager
    def waiting(self, what: str, total: int = 0) -> Iterator[Waiting]:
        """Show on the screen that something is awaited, while the block lasts."""
        with closing(Waiting(self.console, self.say, what, total)) as waiting:
            yield waiting

    def _wrapped(self, first: str, text: str, style: str | None = None, later: str | None = None) -> None:
        # Words are never broken: ids, paths and addresses are there to be copied.
        whole: dict[str, Any] = {"break_long_words": False, "break_on_hyphens": False}
        indent = " " * len(first) if later is None else later
        room = self.width
        for line in textwrap.wrap(text, room, initial_indent=first, subsequent_indent=indent, **whole) or [first]:
            self._print(line.rstrip(), style)

    def _print(self, line: str, style: str | None = None) -> None:
        # Not read as markup, and wrapped already: a sentence may hold brackets.
        self.console.print(line, style=style, highlight=False, markup=False, soft_wrap=True)
        if self.pace is not None:
            self.pace.told(line)


def shown(count: int, thing: str) -> str:
    """Give a count with its thing, in the plural where it is one."""
    return f"{count:,} {thing}" if count == 1 else f"{count:,} {thing}s"


def listed(counts: Mapping[str, int], write: Callable[[str], str] = str) -> str:
    """Give counts in one line."""
    return ", ".join(f"{count:,} {write(name)}" for name, count in counts.items())
