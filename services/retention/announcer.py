"""The compacted topic of schedules, published from the state table, and fenced like the relay."""

import threading
from collections.abc import Callable, Iterable
from typing import Any

import psycopg
from confluent_kafka import Producer

from services.retention.actions.announce import changed
from services.retention.storage.announce import SLOTS, Unannounced, mark_announced, take_slot, unannounced
from shared.clock import monotonic, wall_clock
from shared.crash import crash_point
from shared.events import SCHEDULES, ScheduleChanged, encode
from shared.ids import named, shard_of
from shared.relay import (
    POLL_SECONDS,
    Relay,
    Route,
    in_transaction,
    partitions_of,
    send,
    session_of,
)
from shared.tracing import HEADER

ROWS_MAX = 5_000
TRACES_MAX = 1_000


class Announcer(Relay):
    """A relay whose queue is the state table itself: many changes of one record in a moment are one event."""

    lanes = SLOTS

    def __init__(self, route: Route, counted: Callable[[int], None] = lambda count: None) -> None:
        super().__init__(route)
        self.counted = counted  # Hears how many were announced.
        self.name = "announcer"
        self._traces: dict[str, str] = {}
        self._remembering = threading.Lock()  # The loop remembers, this thread takes.

    def remember(self, traces: Iterable[tuple[str, str]]) -> None:
        """Remember, for a while, the traces that somebody wants to see of records about to change.

        A schedule is a state: which event moved it is nowhere written, so another process does not know.
        """
        with self._remembering:
            for subject, trace in traces:
                if len(self._traces) >= TRACES_MAX:
                    del self._traces[next(iter(self._traces))]
                self._traces[subject] = trace

    def _traced(self, subject: str) -> list[tuple[str, bytes]]:
        if not self._traces:
            return []
        with self._remembering:
            trace = self._traces.pop(subject, None)
        return [(HEADER, trace.encode())] if trace else []

    def _session(self) -> None:
        with session_of(self.route) as session:
            self.looked = 0.0
            self.producers.clear()
            self.partitions = partitions_of(self.route.brokers)
            while not self.stopping.is_set():
                self._hold(session)
                if not sum(self._announce(session, slot) for slot in list(self.producers)):
                    self.wake.wait(POLL_SECONDS)
                    self.wake.clear()

    def transactional_id(self, lane: int) -> str:
        """Name the producer of a slot, the same in every process."""
        return f"{self.route.service}-schedules-{lane}"

    def take(self, session: "psycopg.Connection[Any]", lane: int) -> bool:
        """Try to become the one announcer of a slot, for as long as the session lives."""
        return take_slot(session, lane)

    def _announce(self, session: "psycopg.Connection[Any]", slot: int) -> int:
        rows = unannounced(session, slot, ROWS_MAX)
        if not rows:
            return 0
        in_transaction(self.producers[slot], lambda producer: self._produce(producer, rows))
        crash_point("announcer_after_kafka_commit")
        mark_announced(session, rows)  # Raises when the session, and with it our slots, is gone.
        self.beat = monotonic()
        self.published += len(rows)
        self.counted(len(rows))
        return len(rows)

    def _produce(self, producer: Producer, rows: list[Unannounced]) -> None:
        count, at = self.partitions[SCHEDULES], wall_clock().isoformat()
        for row in rows:
            key = str(row.record_uid)
            headers = headers_of_schedule(key, row.version, at) + self._traced(key)
            partition = shard_of(key) % count
            send(producer, SCHEDULES, encode(changed(row)), key, partition=partition, headers=headers)


def headers_of_schedule(key: str, version: int, at: str) -> list[tuple[str, bytes]]:
    """Give the CloudEvents attributes: the id is the same however often a version is published."""
    pairs = {
        "ce_specversion": "1.0",
        "ce_id": str(named(f"schedule\n{key}\n{version}")),
        "ce_source": "urn:tenure:retention",
        "ce_type": ScheduleChanged.type,
        "ce_subject": key,
        "ce_time": at,
        "ce_partitionkey": key,
        "content-type": "application/json",
    }
    return [(name, value.encode()) for name, value in pairs.items()]
