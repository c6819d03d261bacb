"""Publish files of events to Kafka, and say what became of each.

Everything is read and checked before the first event is sent, so a file with a mistake in it publishes nothing; and
publishing again changes nothing. How far a file has come is kept, so an interrupted run is mended by running it again.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, takewhile
from pathlib import Path
from typing import Any

from rich.console import Console

from shared.events import BACKLOAD, INBOUND
from tools.adapters import jsonl, police_uk
from tools.adapters.journal import Journal, Journals, Progress
from tools.adapters.outgoing import Mistake, Outgoing
from tools.adapters.progress import Advance, stage
from tools.adapters.receipts import Receipts, Tally
from tools.adapters.sending import NotPublished, connected, partitions_of, sent
from tools.adapters.stopping import Stop, stoppable
from tools.topics import reachable

PENDING_MAX = 50_000  # Without a receipt; beyond it the sender waits, so memory stays flat however long the file.
LISTEN_EVERY = 500

Reader = Callable[[Path], Iterator[Outgoing]]
Look = Callable[[Path, int, Outgoing], None]
FORMATS: dict[str, Reader] = {"police-uk": police_uk.read, "jsonl": jsonl.read}

__all__ = ["BACKLOAD", "FORMATS", "INBOUND", "NotPublished", "Plan", "check", "publish", "read_by_name"]


@dataclass(frozen=True, slots=True)
class Plan:
    """Files that were read to their end without a mistake, and how many events of each kind they hold."""

    paths: tuple[Path, ...]
    read: Reader
    kinds: dict[Path, Counter[str]]
    topic: str = INBOUND
    limit: int | None = None

    @property
    def total(self) -> int:
        """Count the events of all files."""
        return sum(kinds.total() for kinds in self.kinds.values())

    def of(self, path: Path) -> Iterator[Outgoing]:
        """Read one file's events; where there is a limit, those that are within it."""
        return islice(self.read(path), None if self.limit is None else self.kinds[path].total())

    def events(self) -> Iterator[Outgoing]:
        """Read every file's events, one file after the other."""
        for path in self.paths:
            yield from self.of(path)


def read_by_name(path: Path) -> Iterator[Outgoing]:
    """Read a file in the format that its name tells: JSON lines, else data.police.uk's CSV."""
    lines = {".jsonl", ".ndjson"} & set(path.suffixes)
    return FORMATS["jsonl" if lines else "police-uk"](path)


def check(
    paths: Sequence[Path], read: Reader, *, topic: str = INBOUND, limit: int | None = None, look: Look | None = None
) -> Plan:
    """Read every file to its end, or to the limit of all, and count; a `Mistake` in any of them stops all."""
    if not paths:
        raise Mistake("No file was named: `./tenure publish FILE...`, for instance a CSV file of data.police.uk.")
    kinds: dict[Path, Counter[str]] = {}
    left = limit
    for path in dict.fromkeys(paths):  # A file that is named twice is published once.
        found = kinds[path] = Counter[str]()
        for number, event in enumerate(islice(read(path), left), start=1):
            found[event.kind] += 1
            if look is not None:
                look(path, number, event)
        left = None if left is None else left - found.total()
    return Plan(tuple(kinds), read, kinds, topic, limit)


def publish(
    plan: Plan,
    bootstrap: str,
    console: Console,
    tally: Tally,
    *,
    wait: bool = True,
    journals: Journals | None = None,
) -> None:
    """Send the plan's events and, if asked, wait for their receipts; the tally holds what is known when it ends."""
    with reachable(bootstrap), stoppable() as stop, connected(bootstrap) as (consumer, producer):
        partitions = partitions_of(consumer, plan.topic, bootstrap)
        receipts = Receipts(consumer) if wait else None
        with stage(console, "publishing", plan.total) as advance:
            run = _Run(plan, producer, partitions, receipts, stop, advance)
            kept = {path: journals.of(path) if journals else None for path in plan.paths}
            if all(run.publish(path, tally, journal) for path, journal in kept.items()):
                for journal in kept.values():  # Only now: cut off, the next run knows which files were done.
                    if journal:
                        journal.forget()


@dataclass(frozen=True, slots=True)
class _Run:
    """One run over the files of a plan, one after the other."""

    plan: Plan
    producer: Any
    partitions: int
    receipts: Receipts | None
    stop: Stop
    advance: Advance

    def publish(self, path: Path, tally: Tally, journal: Journal | None) -> bool:
        """Publish a file from where it was left; says whether all of it was, and has its receipts."""
        progress = journal.load() if journal else Progress()
        if self.receipts:
            self.receipts.begin(progress.heard)
        self.advance(progress.tally.received if self.receipts else progress.sent)
        try:
            done = self._send(path, progress, journal) and self._wait(progress, journal, 0)
        finally:
            tally.include(progress.tally)
            self._keep(progress, journal, now=True)
        return done

    def _send(self, path: Path, progress: Progress, journal: Journal | None) -> bool:
        """Send what was not sent yet; says whether all of it was, for the sender waits where receipts fall silent."""
        events = takewhile(lambda _: not self.stop.asked, islice(self.plan.of(path), progress.sent, None))
        for place in sent(events, self.producer, self.plan.topic, self.partitions):
            progress.tally.published += 1
            if self.receipts is None:
                self.advance()
            else:
                self.advance(self.receipts.expect(place, progress.pending, progress.tally))
                if progress.sent % LISTEN_EVERY == 0:
                    self.advance(self.receipts.hear(progress.pending, progress.tally))
                if len(progress.pending) >= PENDING_MAX and not self._wait(progress, journal, PENDING_MAX // 2):
                    return False
            self._keep(progress, journal)
        self.stop.heed()
        return True

    def _wait(self, progress: Progress, journal: Journal | None, down_to: int) -> bool:
        """Wait for receipts until so few are pending; says whether that came to be."""

        def step(count: int) -> None:
            self.advance(count)
            self._keep(progress, journal)
            self.stop.heed()

        return not self.receipts or self.receipts.collect(progress.pending, progress.tally, step, down_to)

    def _keep(self, progress: Progress, journal: Journal | None, *, now: bool = False) -> None:
        if journal:
            progress.heard = self.receipts.at if self.receipts else progress.heard
            journal.save(progress, now=now)
