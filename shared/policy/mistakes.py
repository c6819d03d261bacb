"""What is wrong with a pack: where, and how to mend it. All of it at once, never the first only."""

import re
from dataclasses import dataclass, field

from shared.errors import Code, LifecycleError


@dataclass(frozen=True, slots=True, order=True)
class Mistake:
    """One thing wrong with a pack, and what would put it right."""

    line: int
    where: str
    what: str
    mend: str

    def __str__(self) -> str:
        """Say what is wrong and how to mend it, in one line."""
        return f"{self.where}: {self.what}; {self.mend}"


class BadPack(LifecycleError):
    """The policy pack cannot be used as it is written."""

    code = Code.INVALID

    def __init__(self, name: str, mistakes: list[Mistake]) -> None:
        """Say all of them, each with its file and line."""
        self.name = name
        self.mistakes = tuple(sorted(mistakes))
        super().__init__("\n".join(f"{name}:{mistake.line}: {mistake}" for mistake in self.mistakes))


@dataclass(slots=True)
class Places:
    """Where each table of a pack stands in its file, and the mistakes found so far."""

    lines: dict[tuple[str, int], int]
    mistakes: list[Mistake] = field(default_factory=list)

    def note(self, table: str, index: int, name: str | None, what: str, mend: str) -> None:
        """Keep a mistake of the n-th entry of a table, by its name where it has one."""
        where = table if index < 0 else f"{table} {name or f'no. {index + 1}'}"
        self.mistakes.append(Mistake(self.line(table, index), where, what, mend))

    def line(self, table: str, index: int) -> int:
        """Find the line of an entry's header; an entry without one stands where its table begins."""
        return self.lines.get((table, max(index, 0))) or self.lines.get((table, 0), 1)


_HEADER = re.compile(r"\s*(?:\[\[\s*([\w-]+)\s*\]\]|\[\s*([\w-]+)\s*\]|([\w-]+)\s*=)")


def places(text: str) -> Places:
    """Find the line of every `[[table]]`, `[table]` and top-level key."""
    lines: dict[tuple[str, int], int] = {}
    seen: dict[str, int] = {}
    inside = False
    for number, line in enumerate(text.splitlines(), start=1):
        match = _HEADER.match(line)
        if match is None or (match[3] and inside):
            continue
        inside = inside or match[3] is None
        table = match[1] or match[2] or match[3]
        lines[table, seen.setdefault(table, 0)] = number
        seen[table] += 1
    return Places(lines)
