"""What is ready of each topic, put together into batches: whatever has come, up to a bound; none waits to be filled."""

import asyncio
from collections.abc import Iterable, Iterator

from shared.batches import Batch, Source, Span
from shared.clock import monotonic
from shared.pace import Pace
from shared.yielding import Yielding

BATCH_RECORDS_MAX = 1_300  # Of eight partitions three: while one batch is stored and one waits for it, one is decoded.
SETTLING_MAX = 3  # Batches of one topic at a time,
FEW_RECORDS = 200  # and the others only of this many records: a few more to one transaction cost next to nothing.
ALL = Pace("alone", BATCH_RECORDS_MAX)


class Gathering:
    """The spans that wait for a batch, and the batches that are being settled."""

    def __init__(self, source: Source, topics: Iterable[str], yielding: Yielding | None = None) -> None:
        self.source = source
        self.changed = asyncio.Event()
        self.yielding = yielding or Yielding(ALL)
        self.yielding.changed = self.changed.set
        self.waiting: dict[str, list[Span]] = {topic: [] for topic in topics}
        self.settling: dict[str, set[Batch]] = {topic: set() for topic in self.waiting}

    def add(self, span: Span) -> None:
        """Let a span wait for its batch."""
        self.waiting[span.place.topic].append(span)
        self.changed.set()

    def left(self, batch: Batch) -> None:
        """Hear that a batch is done with: its topic may have another."""
        self.settling[batch.topic].discard(batch)
        self.yielding.took(monotonic() - batch.since)
        self.changed.set()

    def abandon(self) -> None:
        """Call lost what no agent has begun."""
        for spans in self.waiting.values():
            for span in spans:
                span.conclude(False)

    def stalled(self, seconds: float) -> str | None:
        """Name a topic of which a batch has been tried for longer than this."""
        late = (topic for topic, its in self.settling.items() for each in its if monotonic() - each.since > seconds)
        return next(late, None)

    def batches(self) -> Iterator[Batch]:
        """Give the batches that may be settled now."""
        for topic, settling in self.settling.items():
            while spans := self._together(topic, len(settling)):
                batch = Batch(self.source, spans, monotonic())
                settling.add(batch)
                yield batch

    def _together(self, topic: str, settling: int) -> list[Span]:
        """Take the spans of the next batch, if there is to be one now; one whose tries are counted goes alone."""
        for span in self.waiting[topic]:
            if len(span.records) > self.yielding.pace.room > 0:
                span.conclude(False)  # It is read again, in smaller pieces.
        waiting = [span for span in self.waiting[topic] if not span.outcome.done()]
        few = sum(len(span.records) for span in waiting) < FEW_RECORDS
        room = self.yielding.room(settling)
        if not waiting or not room or settling >= SETTLING_MAX or (settling and few):
            return []
        taken, room = [waiting[0]], room - len(waiting[0].records)
        for span in waiting[1:]:
            if not taken[0].alone and not span.alone and len(span.records) <= room:
                taken.append(span)
                room -= len(span.records)
        self.waiting[topic] = [span for span in waiting if span not in taken]
        self.yielding.handed += sum(len(span.records) for span in taken)
        return taken
