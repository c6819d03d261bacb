"""Where Kafka is and as whom it is asked: one value, in the words of each of the three clients."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiokafka.helpers import create_ssl_context

MECHANISM = "SCRAM-SHA-512"


@dataclass(frozen=True, slots=True)
class Brokers:
    """Kafka's bootstrap servers; with a user they are asked by SASL/SCRAM, with an authority's file over TLS."""

    servers: str
    user: str = ""
    password: str = field(default="", repr=False)
    ca_file: Path | None = None

    def __str__(self) -> str:
        """Give the addresses alone, for sentences."""
        return self.servers

    @property
    def protocol(self) -> str:
        """Name the protocol as Kafka does."""
        return ("SASL_" if self.user else "") + ("SSL" if self.ca_file else "PLAINTEXT")

    def librdkafka(self) -> dict[str, Any]:
        """Give confluent-kafka's settings."""
        told = {"bootstrap.servers": self.servers, "security.protocol": self.protocol}
        if self.user:
            told |= {"sasl.mechanism": MECHANISM, "sasl.username": self.user, "sasl.password": self.password}
        if self.ca_file:
            told["ssl.ca.location"] = str(self.ca_file)
        return told

    def kafka_python(self) -> dict[str, Any]:
        """Give kafka-python's arguments."""
        told = self._arguments()
        if self.ca_file:
            told["ssl_cafile"] = str(self.ca_file)
        return told

    def aiokafka(self) -> dict[str, Any]:
        """Give aiokafka's arguments."""
        told = self._arguments()
        if self.ca_file:
            told["ssl_context"] = create_ssl_context(cafile=str(self.ca_file))
        return told

    def _arguments(self) -> dict[str, Any]:
        told = {"bootstrap_servers": self.servers, "security_protocol": self.protocol}
        if self.user:
            told |= {"sasl_mechanism": MECHANISM}
            told |= {"sasl_plain_username": self.user, "sasl_plain_password": self.password}
        return told
