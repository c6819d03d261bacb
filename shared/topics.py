"""Every topic there is: declared here, made and checked by `tenure topics`, and nowhere else."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

Kind = Literal["inbound", "internal", "public"]
Cleanup = Literal["delete", "compact"]

SERVICES = ("intake", "retention", "review")
KEYED_PARTITIONS = 8  # One for each shard; growing them needs no repair, for nothing relies on order.
SMALL_PARTITIONS = 1
TRANSIT_WINDOW = timedelta(days=7)
MONTH = timedelta(days=30)
QUARTER = timedelta(days=90)
TOMBSTONES_KEPT = timedelta(days=7)

# Kafka deletes and compacts whole closed segments: how long one stays open is added to what is kept.
SEGMENT_INBOUND = timedelta(hours=6)
SEGMENT_COMPACTED = timedelta(hours=1)
SEGMENT_OTHER = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic: who writes and reads it, how long it keeps what, and the types of event it carries."""

    name: str
    kind: Kind
    written_by: tuple[str, ...]  # Kafka's users; `tools.acls` makes it so, and that nobody but `read_by` reads.
    read_by: tuple[str, ...]
    types: tuple[str, ...]  # Each type's schema is its model in `shared.events`.
    retention: timedelta | None = MONTH  # None: the newest of each key is kept for ever.
    partitions: int = KEYED_PARTITIONS

    @property
    def cleanup(self) -> Cleanup:
        """Say whether old records go by age, or all but the newest of each key."""
        return "compact" if self.retention is None else "delete"

    @property
    def segment(self) -> timedelta:
        """Give how long a segment stays open at most."""
        if self.cleanup == "compact":
            return SEGMENT_COMPACTED
        return SEGMENT_INBOUND if self.kind == "inbound" else SEGMENT_OTHER

    @property
    def config(self) -> dict[str, str]:
        """Give the topic's own settings on the broker; any other setting on it is drift.

        `LogAppendTime`, because with the sender's time a back-load of old dates is deleted unread.
        """
        settings = {
            "cleanup.policy": self.cleanup,
            "message.timestamp.type": "LogAppendTime",
            "segment.ms": _milliseconds(self.segment),
        }
        if self.retention is None:
            settings["delete.retention.ms"] = _milliseconds(TOMBSTONES_KEPT)
        else:
            settings["retention.ms"] = _milliseconds(self.retention)
        return settings


def _milliseconds(span: timedelta) -> str:
    return str(span // timedelta(milliseconds=1))


def _types(*names: str) -> tuple[str, ...]:
    return tuple(f"tenure.{name}.v1" for name in names)


_EVENTS = (
    *_types("record.captured", "record.revised", "record.withdrawn", "nominal.recorded"),
    *_types("contact.recorded", "contact.withdrawn", "trigger.recorded", "trigger.withdrawn"),
)

WRITTEN = (
    Topic(
        "records.events.v1",
        "inbound",
        ("upstream",),
        ("intake",),
        _EVENTS,
        retention=TRANSIT_WINDOW,
    ),
    # The same events, as many as there are: read while live ones leave room.
    Topic("records.backload.v1", "inbound", ("upstream",), ("intake",), _EVENTS, retention=TRANSIT_WINDOW),
    Topic(
        "records.manifests.v1",
        "inbound",
        ("upstream",),
        ("intake",),
        _types("manifest.published"),
        partitions=SMALL_PARTITIONS,
    ),
    Topic(
        "records.receipts.v1",
        "public",
        ("intake",),
        ("upstream",),
        _types("receipt.issued", "manifest.reconciled"),
    ),
    Topic(
        "records.quarantine.v1",
        "public",
        ("intake",),
        ("data_stewards",),
        _types("event.parked", "event.resolved"),
        partitions=SMALL_PARTITIONS,
    ),
    # What a decision asks those who captured a record to correct.
    Topic(
        "records.corrections.v1",
        "public",
        ("review",),
        ("upstream",),
        _types("correction.requested"),
        retention=QUARTER,
        partitions=SMALL_PARTITIONS,
    ),
    Topic(
        "records.registered.v1",
        "internal",
        ("intake",),
        ("retention", "review"),
        _types("record.registered", "nominal.registered", "fact.registered")
        + _types("event.parked", "event.resolved", "watermark.advanced", "discard.requested"),
    ),
    Topic(
        "retention.reviews.v1",
        "internal",
        ("retention",),
        ("review",),
        _types("review.requested", "review.withdrawn"),
    ),
    Topic("review.decisions.v1", "internal", ("review",), ("retention",), _types("review.decided")),
    Topic(
        "review.tasks.v1",
        "public",
        ("review",),
        ("intake", "retention", "dashboards"),
        _types("task.changed"),
        retention=None,
    ),
    Topic(
        "retention.schedules.v1",
        "public",
        ("retention",),
        ("intake", "review", "dashboards"),
        _types("schedule.changed"),
        retention=None,
    ),
    Topic(
        "retention.holds.v1",
        "public",
        ("retention",),
        ("review", "upstream", "dashboards"),
        _types("hold.placed", "hold.released"),
        retention=None,
        partitions=SMALL_PARTITIONS,
    ),
    # The packs' texts, for those who judge by them: intake what it takes in and shows, review what it asks.
    Topic(
        "retention.policies.v1",
        "internal",
        ("retention",),
        ("intake", "review"),
        _types("policy.activated"),
        retention=None,
        partitions=SMALL_PARTITIONS,
    ),
    Topic(
        "retention.disposals.v1",
        "public",
        ("retention",),
        ("intake", "review", "upstream", "holders"),
        _types("disposal.executed", "link.ended", "discard.refused"),
    ),
    Topic(
        "records.disposal-receipts.v1",
        "public",
        ("intake", "review", "holders"),
        ("retention",),
        _types("disposal.confirmed", "epoch.ended"),
    ),
    Topic(
        "compliance.certificates.v1",
        "public",
        ("retention",),
        ("auditors", "dashboards"),
        _types("certificate.issued"),
        retention=None,
    ),
    Topic(
        "compliance.measures.v1",
        "public",
        ("intake", "retention"),
        ("dashboards",),
        _types("measure.taken"),
        retention=None,
        partitions=SMALL_PARTITIONS,
    ),
    Topic(
        "compliance.checkpoints.v1",
        "public",
        SERVICES,
        ("auditors",),
        _types("checkpoint.signed", "epoch.ended"),
        retention=None,
        partitions=SMALL_PARTITIONS,
    ),
    Topic(
        "access.events.v1",
        "public",
        ("intake",),
        ("professional_standards", "dashboards"),
        _types("content.viewed", "content.refused", "access.alerted"),
    ),
)


def _letters_of(topic: Topic) -> Topic:
    """Declare where readers of a topic say what they set aside; the bytes stay sealed in their database."""
    return Topic(
        f"{topic.name}.dlq",
        topic.kind,
        tuple(reader for reader in topic.read_by if reader in SERVICES),
        ("data_stewards",),
        _types("letter.parked"),
        retention=QUARTER,
        partitions=SMALL_PARTITIONS,
    )


def _has_letters(topic: Topic) -> bool:
    """Say whether our services both write and read it; inbound topics have the quarantine instead."""
    return topic.kind != "inbound" and any(reader in SERVICES for reader in topic.read_by)


TOPICS = WRITTEN + tuple(_letters_of(topic) for topic in WRITTEN if _has_letters(topic))
BY_NAME = {topic.name: topic for topic in TOPICS}
FAMILIES = frozenset(topic.name.split(".")[0] for topic in TOPICS)  # A topic of these that is not declared is drift.
