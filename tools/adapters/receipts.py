"""What became of events: their receipts, matched by where on the topic each event arrived."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
from kafka import KafkaConsumer, TopicPartition

from shared.clock import monotonic

TOPIC = "records.receipts.v1"
SILENCE_SECONDS_MAX = 60.0  # A worker killed and started again is back well within it.
POLL_MS = 250
POLL_RECORDS_MAX = 5_000
REFUSED = ("quarantined", "unreadable", "forbidden")

Place = tuple[str, int, int]  # Topic, partition, offset.


class Arrival(msgspec.Struct):
    """Where an event arrived; events that came by HTTP have none of these."""

    topic: str | None = None
    partition: int | None = None
    offset: int | None = None


class Reason(msgspec.Struct):
    """Why an event was not accepted."""

    code: str
    pointer: str = ""
    sentence: str = ""


class Receipt(msgspec.Struct):
    """The part of a receipt that counting needs."""

    arrival: Arrival
    outcome: str
    reasons: list[Reason] = []


@dataclass(slots=True)
class Tally:
    """What became of what was published; `reasons` counts each refused event once, by its first reason."""

    published: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    reasons: Counter[tuple[str, str, str]] = field(default_factory=Counter)

    @property
    def received(self) -> int:
        """Count the events that have their receipt."""
        return self.outcomes.total()

    @property
    def refused(self) -> int:
        """Count what was not taken in as sent."""
        return sum(self.outcomes[outcome] for outcome in REFUSED)

    @property
    def missing(self) -> int:
        """Count what has no receipt yet."""
        return max(self.published - self.received, 0)

    def add(self, receipt: Receipt) -> None:
        """Count one receipt."""
        self.outcomes[receipt.outcome] += 1
        if receipt.outcome in REFUSED:
            first = receipt.reasons[0] if receipt.reasons else Reason("no_reason_given")
            self.reasons[first.code, first.pointer, first.sentence] += 1

    def include(self, other: "Tally") -> None:
        """Count another's as well."""
        self.published += other.published
        self.outcomes += other.outcomes
        self.reasons += other.reasons


class Receipts:
    """Receipts from some place on: the end of their topic before the first publish, or where an earlier run stopped."""

    def __init__(self, consumer: KafkaConsumer) -> None:
        """Take every partition of the receipts' topic."""
        self._consumer = consumer
        self._partitions = [TopicPartition(TOPIC, number) for number in consumer.partitions_for_topic(TOPIC) or ()]
        self._at: dict[int, int] = {}
        self._early: dict[Place, Receipt] = {}  # Of events whose arrival the broker has not acknowledged to us yet.
        self._arrived: dict[int, int] = {}
        consumer.assign(self._partitions)

    def begin(self, heard: Mapping[int, int]) -> None:
        """Go to where an earlier run stopped listening; else to the end, for what is there already is about others."""
        ends = self._consumer.end_offsets(self._partitions)
        first = self._consumer.beginning_offsets(self._partitions) if heard else {}
        for partition, end in ends.items():
            known = heard.get(partition.partition, end)
            self._at[partition.partition] = min(max(known, first.get(partition, 0)), end)
            self._consumer.seek(partition, self._at[partition.partition])

    @property
    def at(self) -> dict[int, int]:
        """Give the next offset by partition."""
        return dict(self._at)

    def hear(self, pending: set[Place], tally: Tally, wait_ms: int = 0) -> int:
        """Take the receipts that are there of the pending places, each out of them; gives how many."""
        polled = self._consumer.poll(timeout_ms=wait_ms, max_records=POLL_RECORDS_MAX)
        count = 0
        for partition, records in polled.items():
            count += sum(_settle(record, pending, tally, self._early) for record in records)
            self._at[partition.partition] = records[-1].offset + 1
        # Of a partition ours are acknowledged in order: what is before the last and was not ours is somebody else's.
        self._early = {place: each for place, each in self._early.items() if place[2] > self._arrived.get(place[1], -1)}
        return count

    def expect(self, place: Place, pending: set[Place], tally: Tally) -> int:
        """Wait for the receipt of an arrival; gives 1 where it was there before the acknowledgement."""
        self._arrived[place[1]] = place[2]
        if (receipt := self._early.pop(place, None)) is None:
            pending.add(place)
            return 0
        tally.add(receipt)
        return 1

    def collect(self, pending: set[Place], tally: Tally, step: Callable[[int], None], down_to: int = 0) -> bool:
        """Wait until so few are pending; give up when no receipt comes for a minute, and say so."""
        heard = monotonic()
        while len(pending) > down_to:
            count = self.hear(pending, tally, POLL_MS)
            step(count)
            if count:
                heard = monotonic()
            elif monotonic() - heard > SILENCE_SECONDS_MAX:
                return False
        return True


def _settle(record: Any, pending: set[Place], tally: Tally, early: dict[Place, Receipt] | None = None) -> bool:
    """Count a receipt if it is of ours; one that was sent twice counts once."""
    try:
        receipt = msgspec.json.decode(record.value or b"", type=Receipt)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return False  # Not one of ours: others write manifests' answers on the same topic.
    arrival = receipt.arrival
    if arrival.topic is None or arrival.partition is None or arrival.offset is None:
        return False
    place = (arrival.topic, arrival.partition, arrival.offset)
    if place not in pending:
        if early is not None:
            early[place] = receipt
        return False
    pending.remove(place)
    tally.add(receipt)
    return True
