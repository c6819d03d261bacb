"""Which topics a process reads, and the consumer it reads them with."""

from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer

from shared.brokers import Brokers
from shared.yielding import Yielding

# Whatever came within the wait, or this much: else each event is a fetch of its own. Each pass of each stage has its
# price whatever it carries: with shorter waits the passes fill two cores at 500 events/s, and wait for each other.
FETCH_WAIT_MS = 35
UNHURRIED_WAIT_MS = 250  # Of topics that nobody waits for.
FETCH_BYTES_MIN = 64 * 1024
# Of eight partitions somewhat under three full batches at a time: one waits for the database while another is decoded.
# What is fetched beyond would only wait in memory, at several times its size.
PARTITION_FETCH_BYTES_MAX = 640 * 1024


def group_of(service: str) -> str:
    """Name the group in which a service reads what somebody waits for."""
    return f"tenure-{service}"


@dataclass(frozen=True, slots=True)
class Where:
    """Which topics a source reads, as whom."""

    brokers: Brokers
    service: str
    slot: int
    topics: tuple[str, ...]
    suffix: str = ""  # Of its group's name, where it is not the service's first.
    wait_ms: int = FETCH_WAIT_MS
    yielding: Yielding | None = None  # Who says how much of it may be handed out; None: all.

    @property
    def group(self) -> str:
        """The consumer group."""
        return group_of(self.service) + self.suffix

    def consumer(self) -> AIOKafkaConsumer:
        """Make the consumer: no automatic anything, a stable member id, a hard kill then costs half a second."""
        return AIOKafkaConsumer(
            **self.brokers.aiokafka(),
            group_id=self.group,
            group_instance_id=f"{self.group}-{self.slot}",
            client_id=f"{self.group}-{self.slot}",
            enable_auto_commit=False,
            auto_offset_reset="none",
            isolation_level="read_committed",
            fetch_max_wait_ms=self.wait_ms,
            fetch_min_bytes=FETCH_BYTES_MIN,
            rebalance_timeout_ms=30_000,
            session_timeout_ms=10_000,
            max_partition_fetch_bytes=PARTITION_FETCH_BYTES_MAX,
        )
