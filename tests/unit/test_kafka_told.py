"""What a consumer tells Kafka of how far it is: of what is its own, again when that failed, and never too early."""

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import IllegalStateError, KafkaError

from shared.batches import App
from shared.brokers import Brokers
from shared.consumer import Where
from shared.kafka import BatchSource

OURS, THEIRS = TopicPartition("t", 0), TopicPartition("t", 1)


class Kafka:
    """Takes what it is told as aiokafka does: all of it, or nothing where one partition is another's."""

    def __init__(self) -> None:
        self.told: dict[TopicPartition, int] = {}
        self.away = False

    def assignment(self) -> set[TopicPartition]:
        return {OURS}

    async def commit(self, done: dict[TopicPartition, int]) -> None:
        if self.away:
            raise KafkaError
        if done.keys() - self.assignment():
            raise IllegalStateError("not assigned")
        self.told |= done


@pytest.fixture
def source() -> BatchSource:
    made = BatchSource(App("tests"), None, Where(Brokers("127.0.0.1:1"), "g", 0, ("t",)), None, lambda: False)
    made.consumer = Kafka()
    return made


async def test_what_is_no_longer_ours_does_not_keep_the_rest_from_being_told(source):
    source.done = {THEIRS: 7, OURS: 5}
    await source._tell_kafka()
    assert (source.consumer.told, source.done) == ({OURS: 5}, {})


async def test_what_kafka_did_not_take_is_told_again_and_nothing_newer_is_lost(source):
    source.consumer.away, source.done = True, {OURS: 5}
    await source._tell_kafka()
    assert (source.consumer.told, source.done) == ({}, {OURS: 5})

    source.consumer.away = False
    source.done[OURS] = 9
    await source._tell_kafka()
    assert (source.consumer.told, source.done) == ({OURS: 9}, {})


async def test_nothing_is_told_while_what_was_read_is_not_worked_through(source):
    behind, source.done = [True], {OURS: 5}
    source.behind = lambda: behind[0]
    await source._tell_kafka()
    assert source.consumer.told == {}

    behind[0] = False
    await source._tell_kafka()
    assert source.consumer.told == {OURS: 5}
