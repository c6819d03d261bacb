"""Which topics a broker has, by their ids: a topic deleted and made again is another one.

Asked with kafka-python: librdkafka's admin client ends the whole process over some answers that come late, as those of
a broker that was frozen do (an assertion in `rd_kafka_admin_response_parse`).
"""

from base64 import urlsafe_b64encode
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from kafka import KafkaAdminClient
from kafka.errors import KafkaError, UnknownTopicOrPartitionError

from shared.brokers import Brokers

ANSWER_MS_MAX = 4_000


class TopicsMissing(Exception):
    """The broker does not have every topic that is read."""


class Incarnations:
    """Asks one broker, over a connection that is made anew after each failure."""

    def __init__(self, brokers: Brokers) -> None:
        self.brokers = brokers
        self._client: Any = None

    def ask(self, topics: Iterable[str]) -> tuple[str, dict[str, str]]:
        """Give the cluster's id and each topic's; blocks, so call it in a thread.

        Raises `TopicsMissing`, and kafka-python's `KafkaError` while the broker is away.
        """
        try:
            if self._client is None:
                self._client = KafkaAdminClient(
                    **self.brokers.kafka_python(),
                    client_id="tenure-incarnations",
                    request_timeout_ms=ANSWER_MS_MAX,
                    bootstrap_timeout_ms=ANSWER_MS_MAX,
                )
            found = self._client.describe_topics(list(topics))
            cluster = self._client.describe_cluster()["cluster_id"]
        except KafkaError:
            self.close()
            raise
        missing = [each["name"] for each in found if each["error_code"] == UnknownTopicOrPartitionError.errno]
        if missing:
            raise TopicsMissing(f"Kafka lacks {', '.join(missing)}; `./tenure topics apply` makes what is declared.")
        if unsaid := [each["name"] for each in found if each["topic_id"] is None]:
            raise KafkaError(f"Kafka did not say the ids of {', '.join(unsaid)}.")
        return str(cluster), {each["name"]: _as_kafka_writes(each["topic_id"]) for each in found}

    def close(self) -> None:
        """Let the connection go."""
        client, self._client = self._client, None
        if client is not None:
            client.close()


def _as_kafka_writes(topic_id: str) -> str:
    """Give an id as Kafka's own tools show it: base64 without padding."""
    return urlsafe_b64encode(UUID(topic_id).bytes).decode().rstrip("=")
