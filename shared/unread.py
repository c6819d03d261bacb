"""How much of a topic waits for a group, by what that group told Kafka: to wait for it by, and for nothing else."""

from confluent_kafka import ConsumerGroupTopicPartitions, IsolationLevel, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from shared.brokers import Brokers
from shared.topics import BY_NAME

ANSWER_SECONDS_MAX = 2.0


class Unread:
    """Counts what a group has not settled of one topic."""

    def __init__(self, brokers: Brokers, group: str, topic: str) -> None:
        self._admin = AdminClient({**brokers.librdkafka(), "log_level": 0})
        self._parts = [TopicPartition(topic, part) for part in range(BY_NAME[topic].partitions)]
        self._group = ConsumerGroupTopicPartitions(group, self._parts)

    def rows(self) -> int | None:
        """Give how many messages wait, a transaction's marker as one; None for a group that never told of itself.

        Blocks for four seconds at most, so call it in a thread. Raises `KafkaException` where Kafka gives no answer.
        """
        [told] = self._admin.list_consumer_group_offsets([self._group], request_timeout=ANSWER_SECONDS_MAX).values()
        wanted = {part: OffsetSpec.latest() for part in self._parts}
        ends = self._admin.list_offsets(
            wanted, isolation_level=IsolationLevel.READ_COMMITTED, request_timeout=ANSWER_SECONDS_MAX
        )
        settled = {each.partition: each.offset for each in told.result().topic_partitions}
        known = [(end.result().offset, settled.get(part.partition, -1)) for part, end in ends.items()]
        waiting = [max(end - at, 0) for end, at in known if at >= 0]  # Below 0: it never said.
        return sum(waiting) if waiting else None
