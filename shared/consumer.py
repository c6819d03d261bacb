"""Which topics a process reads, and the consumer it reads them with."""

from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer

FETCH_WAIT_MS = 20
FETCH_BYTES_MIN = 64 * 1024  # Or what came within the wait: else each event is a fetch of its own.


@dataclass(frozen=True, slots=True)
class Where:
    """Which topics a source reads, as whom."""

    bootstrap: str
    group: str
    slot: int
    topics: tuple[str, ...]

    def consumer(self) -> AIOKafkaConsumer:
        """Make the consumer: no automatic anything, a stable member id, a hard kill then costs half a second."""
        return AIOKafkaConsumer(
            bootstrap_servers=self.bootstrap,
            group_id=self.group,
            group_instance_id=f"{self.group}-{self.slot}",
            client_id=f"{self.group}-{self.slot}",
            enable_auto_commit=False,
            auto_offset_reset="none",
            isolation_level="read_committed",
            fetch_max_wait_ms=FETCH_WAIT_MS,
            fetch_min_bytes=FETCH_BYTES_MIN,
            rebalance_timeout_ms=30_000,
            session_timeout_ms=10_000,
            max_partition_fetch_bytes=4 * 1024 * 1024,
        )
