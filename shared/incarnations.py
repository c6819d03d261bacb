"""Which topics a broker has, by their ids: a topic deleted and made again is another one."""

from collections.abc import Iterable

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient

KAFKA_ANSWER_SECONDS_MAX = 5.0


class TopicsMissing(Exception):
    """The broker does not have every topic that is read."""


def incarnations(admin: AdminClient, topics: Iterable[str]) -> tuple[str, dict[str, str]]:
    """Give the cluster's id and each topic's; blocks, so call it in a thread."""
    asked = admin.describe_topics(TopicCollection(list(topics)))
    ids, missing = {}, []
    for topic, found in asked.items():
        try:
            ids[topic] = str(found.result(KAFKA_ANSWER_SECONDS_MAX).topic_id)
        except KafkaException as error:
            if error.args[0].code() != KafkaError.UNKNOWN_TOPIC_OR_PART:
                raise
            missing.append(topic)
    if missing:
        raise TopicsMissing(f"Kafka lacks {', '.join(missing)}; `./tenure topics apply` makes what is declared.")
    return str(admin.describe_cluster().result(KAFKA_ANSWER_SECONDS_MAX).cluster_id), ids
