"""How far the publication of a file has come, kept so that a run that was cut off goes on from there."""

import hashlib
import json
import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from shared.clock import monotonic
from tools.adapters.receipts import Place, Tally

SAVE_SECONDS = 2.0  # What a kill -9 costs: events since the last save are sent again, and answered `duplicate`.
VERSION = 1


@dataclass(slots=True)
class Progress:
    """How far one file has come: what was sent, what of it has no receipt yet, where receipts were read up to."""

    pending: set[Place] = field(default_factory=set)
    heard: dict[int, int] = field(default_factory=dict)  # Next offset of the receipts' topic, by partition.
    tally: Tally = field(default_factory=Tally)

    @property
    def sent(self) -> int:
        """Count the events, from the file's first on, that the broker has acknowledged."""
        return self.tally.published


@dataclass(frozen=True, slots=True)
class Journals:
    """The progress files of one way of publishing: to which topics of which broker, read how."""

    folder: Path
    where: str  # The broker's and the topics' ids: another broker knows nothing of this.
    how: str  # Format, mapping, limit.
    warn: Callable[[str], None]

    def of(self, path: Path) -> "Journal":
        """Give the progress file of a file, found by what the file holds."""
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        name = hashlib.sha256("\n".join((digest, self.where, self.how)).encode()).hexdigest()[:32]
        return Journal(self.folder / f"{name}.json", path.name, self.warn)


@dataclass(slots=True)
class Journal:
    """The progress file of one file."""

    path: Path
    name: str
    warn: Callable[[str], None]
    saved: float = field(default_factory=monotonic)
    broken: bool = False

    def load(self) -> Progress:
        """Give how far the file has come; one that cannot be read counts for nothing."""
        try:
            found = json.loads(self.path.read_bytes())
            return _progress(found) if found["version"] == VERSION else Progress()
        except FileNotFoundError:
            return Progress()
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            self.warn(f"The progress kept in {self.path} cannot be read; {self.name} is published from its start.")
            return Progress()

    def save(self, progress: Progress, *, now: bool = False) -> None:
        """Write it down, every two seconds or at once; either all of it is there or the one before."""
        if self.broken or (not now and monotonic() - self.saved < SAVE_SECONDS):
            return
        beside = self.path.with_suffix(f".{os.getpid()}")
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            beside.write_text(json.dumps(_told(self.name, progress), separators=(",", ":")))
            os.replace(beside, self.path)
        except OSError as error:
            self.broken = True
            self.warn(f"Progress cannot be kept in {self.path.parent} ({error.strerror}); cut off, it begins anew.")
        self.saved = monotonic()

    def forget(self) -> None:
        """Take it away: the file is published, and publishing it again begins anew."""
        with suppress(OSError):
            self.path.unlink(missing_ok=True)


def _told(name: str, progress: Progress) -> dict[str, Any]:
    tally = progress.tally
    pending: dict[str, list[int]] = {}
    for topic, part, offset in progress.pending:
        pending.setdefault(f"{topic} {part}", []).append(offset)
    return {
        "version": VERSION,
        "file": name,
        "published": tally.published,
        "outcomes": tally.outcomes,
        "reasons": [[*reason, count] for reason, count in tally.reasons.items()],
        "pending": pending,
        "heard": progress.heard,
    }


def _progress(found: dict[str, Any]) -> Progress:
    tally = Tally(int(found["published"]))
    tally.outcomes.update(found["outcomes"])
    tally.reasons.update({(code, pointer, sentence): count for code, pointer, sentence, count in found["reasons"]})
    heard = {int(part): int(offset) for part, offset in found["heard"].items()}
    return Progress(set(_places(found["pending"].items())), heard, tally)


def _places(pending: Iterable[tuple[str, list[int]]]) -> Iterable[Place]:
    for where, offsets in pending:
        topic, _, part = where.partition(" ")
        yield from ((topic, int(part), int(offset)) for offset in offsets)
