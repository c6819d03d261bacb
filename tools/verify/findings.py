"""What one check found: whether its invariant holds, how much was looked at, and counter-examples by id."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

Verdict = Literal["holds", "fails", "not_checkable"]

SHOWN_MAX = 5


class Finding(NamedTuple):
    """The result of one check; counter-examples are ids, never content."""

    id: str
    title: str
    verdict: Verdict
    checked: int
    found: int
    examples: list[str]
    reason: str
    seconds: float = 0.0

    def told(self) -> dict[str, Any]:
        """Give it for programs."""
        return {**self._asdict(), "seconds": round(self.seconds, 3)}


@dataclass
class Tally:
    """Counts what a check looks at and what it finds wrong; keeps the first few ids of each kind of wrong."""

    checked: int = 0
    wrong: Counter[str] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)
    waiting: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)

    def looked(self, count: int = 1) -> None:
        """Count what was checked."""
        self.checked += count

    def fail(self, what: str, example: object) -> None:
        """Count one counter-example of a kind."""
        self.wrong[what] += 1
        if self.wrong[what] <= SHOWN_MAX and len(self.examples) < SHOWN_MAX:
            self.examples.append(f"{what}: {example}")

    def wait(self, why: str, count: int = 1) -> None:
        """Count what is on its way and so has its place elsewhere."""
        if count:
            self.waiting[why] += count

    def note(self, sentence: str) -> None:
        """Say something that belongs to the result."""
        self.notes.append(sentence)

    def finding(self, id_: str, title: str) -> Finding:
        """Close the count."""
        kinds = [f"{count:,} {what}" for what, count in sorted(self.wrong.items())]
        kinds += [f"{count:,} {why}" for why, count in sorted(self.waiting.items())]
        reason = "; ".join(kinds + self.notes)
        verdict: Verdict = "fails" if self.wrong else "holds"
        return Finding(id_, title, verdict, self.checked, self.wrong.total(), self.examples, reason)


class NotCheckable(Exception):
    """A check cannot be made here; the message says why."""


class CouldNotRun(Exception):
    """Nothing can be checked: a server is missing. The message names it and the mend."""
