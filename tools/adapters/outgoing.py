"""An event on its way out of an upstream system: CloudEvents 1.0, binary mode."""

from dataclasses import dataclass, field


class Mistake(Exception):
    """A file cannot be published as it is: the sentence names file, line and the mend."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One event, ready to send; `kind` is only for counting."""

    kind: str
    source: str
    id: str
    type: str
    data: bytes
    subject: str | None = None
    time: str | None = None  # None where the source knows no instant; it is never made up.
    sequence: str | None = None
    content_type: str = "application/json"
    extensions: dict[str, str] = field(default_factory=dict)
    about: str | None = None  # Whom the data names, for an event without a subject of its own.

    @property
    def key(self) -> str:
        """Give the Kafka key: the record or nominal it is about; its own id where it names none."""
        return self.subject or self.about or self.id

    @property
    def headers(self) -> list[tuple[str, bytes]]:
        """Give the event's attributes as Kafka headers."""
        attributes = {
            "ce_specversion": "1.0",
            "ce_id": self.id,
            "ce_source": self.source,
            "ce_type": self.type,
            "ce_subject": self.subject,
            "ce_time": self.time,
            "ce_sequence": self.sequence,
            "content-type": self.content_type,
        }
        attributes |= {f"ce_{name}": value for name, value in self.extensions.items()}
        return [(name, value.encode()) for name, value in attributes.items() if value is not None]
