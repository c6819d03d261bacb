"""What became of events: their receipts, matched by where on the topic each event arrived."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import msgspec
from kafka import KafkaConsumer, TopicPartition

from shared.clock import monotonic
from tools.adapters.progress import Advance

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

    def add(self, receipt: Receipt) -> None:
        """Count one receipt."""
        self.outcomes[receipt.outcome] += 1
        if receipt.outcome in REFUSED:
            first = receipt.reasons[0] if receipt.reasons else Reason("no_reason_given")
            self.reasons[first.code, first.pointer, first.sentence] += 1


class Receipts:
    """Receipts from where their topic ended when this was made: make it before the first publish."""

    def __init__(self, consumer: KafkaConsumer) -> None:
        """Place the consumer at the end of every partition; what is there already is about others."""
        self._consumer = consumer
        partitions = [TopicPartition(TOPIC, number) for number in consumer.partitions_for_topic(TOPIC) or ()]
        consumer.assign(partitions)
        for partition, offset in consumer.end_offsets(partitions).items():
            consumer.seek(partition, offset)

    def collect(self, pending: set[Place], tally: Tally, advance: Advance) -> None:
        """Wait for the receipts of the pending places, taking each out; give up when none comes for a minute."""
        heard = monotonic()
        while pending and monotonic() - heard < SILENCE_SECONDS_MAX:
            polled = self._consumer.poll(timeout_ms=POLL_MS, max_records=POLL_RECORDS_MAX)
            count = sum(_settle(record, pending, tally) for records in polled.values() for record in records)
            advance(count)
            if count:
                heard = monotonic()


def _settle(record: Any, pending: set[Place], tally: Tally) -> bool:
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
        return False
    pending.remove(place)
    tally.add(receipt)
    return True
