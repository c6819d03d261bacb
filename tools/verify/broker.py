"""Reads topics whole: as nobody's group member, committed messages only, up to ends that are taken once."""

import logging
import os
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from confluent_kafka import (
    Consumer,
    IsolationLevel,
    KafkaError,
    KafkaException,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, OffsetSpec
from kafka.errors import KafkaError as NoAnswer

from shared.clock import monotonic
from shared.embedded import is_embedded
from shared.incarnations import Incarnations
from tools.topics import BrokerMissing, brokers_at
from tools.verify.findings import CouldNotRun
from tools.verify.progress import Progress

ANSWER_SECONDS_MAX = 5.0
OPEN_TRANSACTION_SECONDS_MAX = 20.0  # A killed producer's transaction is aborted after ten.
LOOK_SECONDS = 0.2
MESSAGES_AT_ONCE = 5_000
SILENCE_SECONDS_MAX = 30.0
UNTIL_NO_MORE = 2**63 - 1

Part = tuple[str, int]
Visit = Callable[[Any], None]


class Ends(NamedTuple):
    """Where each partition began and ended when the ends were taken."""

    low: dict[Part, int]
    high: dict[Part, int]


def address() -> str:
    """Find the broker that is to be read."""
    found = os.environ.get("TENURE_KAFKA")
    if not found:
        raise CouldNotRun("No broker is named: start the stack with `./tenure up`, or set TENURE_KAFKA to host:port.")
    return found


class Broker:
    """One Kafka cluster, read and never written."""

    def __init__(self, bootstrap: str, progress: Progress) -> None:
        self.bootstrap, self.progress = bootstrap, progress
        try:
            self.brokers = brokers_at(bootstrap)
        except BrokerMissing as error:
            raise CouldNotRun(str(error)) from None
        quiet = logging.getLogger("confluent_kafka")
        quiet.setLevel(logging.CRITICAL)
        self.settings: dict[str, Any] = {**self.brokers.librdkafka(), "log_level": 0, "logger": quiet}
        self.admin = AdminClient(self.settings)
        try:
            described = self.admin.describe_cluster().result(ANSWER_SECONDS_MAX)
            found = self.admin.list_topics(timeout=ANSWER_SECONDS_MAX).topics
        except (KafkaException, TimeoutError):
            raise CouldNotRun(
                f"Kafka at {bootstrap} does not answer: start it with `./tenure up`, "
                "or set TENURE_KAFKA to host:port of one that runs."
            ) from None
        self.cluster = str(described.cluster_id)
        self.partitions = {name: len(topic.partitions) for name, topic in found.items()}

    def incarnations(self, topics: Iterable[str]) -> dict[str, str]:
        """Give each topic's id as the workers store it: a topic that was deleted and made again is another one."""
        asked = Incarnations(self.brokers)
        try:
            return asked.ask(name for name in topics if name in self.partitions)[1]
        except NoAnswer as error:
            raise CouldNotRun(
                f"Kafka at {self.bootstrap} does not say its topics' ids ({error}). Run it again."
            ) from None
        finally:
            asked.close()

    def ends(self, topics: Iterable[str]) -> Ends:
        """Take the ends now, and wait until no open transaction hides what lies before them."""
        parts = [(name, n) for name in topics for n in range(self.partitions.get(name, 0))]
        if is_embedded(self.cluster):  # It tells wrong ends: read until it has no more, and let no check rest on that.
            return Ends(dict.fromkeys(parts, 0), dict.fromkeys(parts, UNTIL_NO_MORE))
        high = self._offsets(parts, OffsetSpec.latest(), IsolationLevel.READ_UNCOMMITTED)
        until = monotonic() + OPEN_TRANSACTION_SECONDS_MAX
        while monotonic() < until:
            stable = self._offsets(parts, OffsetSpec.latest(), IsolationLevel.READ_COMMITTED)
            if all(stable[part] >= high[part] for part in parts):
                break
            self.progress.at("waits for open transactions to end on the broker")
            time.sleep(LOOK_SECONDS)
        low = self._offsets(parts, OffsetSpec.earliest(), IsolationLevel.READ_UNCOMMITTED)
        return Ends(low, high)

    def _offsets(self, parts: Iterable[Part], which: OffsetSpec, isolation: IsolationLevel) -> dict[Part, int]:
        wanted = {TopicPartition(name, n): which for name, n in parts}
        if not wanted:
            return {}
        asked = self.admin.list_offsets(wanted, isolation_level=isolation, request_timeout=ANSWER_SECONDS_MAX)
        return {(tp.topic, tp.partition): found.result(ANSWER_SECONDS_MAX * 2).offset for tp, found in asked.items()}

    def read(self, ends: Ends, visits: Mapping[str, Visit]) -> None:
        """Show every committed message before the ends to its topic's visitor."""
        left = {part for part, end in ends.high.items() if part[0] in visits and ends.low[part] < end}
        total, done = sum(ends.high[part] - ends.low[part] for part in left if ends.high[part] < UNTIL_NO_MORE), 0
        consumer = self._consumer()
        try:
            consumer.assign([TopicPartition(*part, ends.low[part]) for part in left])
            heard = monotonic()
            while left:
                for message in consumer.consume(MESSAGES_AT_ONCE, timeout=1.0):
                    heard = monotonic()
                    done += _shown(message, ends, visits, left)
                if monotonic() - heard > SILENCE_SECONDS_MAX:
                    raise CouldNotRun(
                        f"Kafka at {self.bootstrap} stopped answering; nothing was concluded. Run it again."
                    )
                self.progress.at("reads the topics,", done, total)
        finally:
            consumer.close()

    def _consumer(self) -> Consumer:
        return Consumer(
            {
                **self.settings,
                "group.id": "tenure-verify",
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "isolation.level": "read_committed",
                "fetch.wait.max.ms": 100,
                "queued.max.messages.kbytes": 65_536,
            }
        )


def _shown(message: Any, ends: Ends, visits: Mapping[str, Visit], left: set[Part]) -> int:
    part = (message.topic(), message.partition())
    error = message.error()
    if error is not None:
        if error.code() != KafkaError._PARTITION_EOF:
            raise CouldNotRun(f"Kafka refuses to be read ({error.str()}); nothing was concluded.")
        left.discard(part)
        return 0
    if message.offset() >= ends.high[part] - 1:
        left.discard(part)
    if message.offset() < ends.high[part]:
        visits[part[0]](message)
    return 1
