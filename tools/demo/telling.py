"""Tells the story line by line, and stops it at the first thing that is not true."""

from collections.abc import Iterable

from rich.console import Console


class Untrue(Exception):
    """Something that the story tells is not so; the sentence says what was found instead."""


class Teller:
    """Prints chapters, lines, proofs and refusals; colour only on a terminal."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.chapters = 0
        self.proved = 0

    def chapter(self, title: str) -> None:
        """Begin a chapter."""
        self.chapters += 1
        self._print("")
        self._print(f"{self.chapters}. {title}", "bold")

    def say(self, line: str) -> None:
        """Tell one line."""
        self._print(f"   {line}")

    def quote(self, lines: Iterable[str]) -> None:
        """Tell what the system said, in its own words."""
        for line in lines:
            self._print(f"   | {line}", "dim")

    def prove(self, holds: bool, claim: str, found: object = None) -> None:
        """Tell a claim that was checked; an untrue one ends the story."""
        if not holds:
            raise Untrue(claim if found is None else f"{claim} - found instead: {found}")
        self.proved += 1
        self._print(f"   ok  {claim}", "green")

    def fail(self, sentence: str) -> None:
        """Tell why the story ends here."""
        self._print("")
        self._print(f"NOT TRUE: {sentence}", "bold red")

    def _print(self, line: str, style: str | None = None) -> None:
        # Neither wrapped nor read as markup: a pipe gets whole lines, and a sentence may hold brackets.
        self.console.print(line, style=style, highlight=False, markup=False, soft_wrap=True)


def shown(count: int, thing: str) -> str:
    """Give a count with its thing, in the plural where it is one."""
    return f"{count:,} {thing}" if count == 1 else f"{count:,} {thing}s"
