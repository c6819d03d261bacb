"""The servers that this run's tests share, wherever they come from: what every test takes for granted of them."""

import psycopg
from confluent_kafka import Consumer as Reader
from confluent_kafka import Producer, TopicPartition

from tests import servers
from tools import topics

REGISTERED = "records.registered.v1"


def in_transaction(bootstrap: str, value: bytes, commit: bool) -> None:
    """Publish one message as a relay does, and keep it or take it back."""
    producer = Producer({"bootstrap.servers": bootstrap, "transactional.id": "shared-servers"})
    producer.init_transactions(20)
    producer.begin_transaction()
    producer.produce(REGISTERED, value, partition=3)
    producer.flush(20)
    producer.commit_transaction(20) if commit else producer.abort_transaction(20)


def test_the_broker_takes_the_declared_topics_and_hides_what_was_taken_back(kafka):
    topics.apply(kafka.bootstrap, lambda line: None)
    in_transaction(kafka.bootstrap, b"taken back", commit=False)
    in_transaction(kafka.bootstrap, b"kept", commit=True)

    reader = Reader({"bootstrap.servers": kafka.bootstrap, "group.id": "shared-servers"})
    reader.assign([TopicPartition(REGISTERED, 3, 0)])
    found = reader.consume(1, timeout=20)
    reader.close()

    assert topics.check(kafka.bootstrap) == []
    assert [message.value() for message in found] == [b"kept"]


def test_the_database_is_of_the_declared_version_and_set_as_the_stacks(database):
    with psycopg.connect(database[0]) as admin:
        shown = {name: admin.execute(f"SHOW {name}").fetchone()[0] for name in ("server_version", "fsync", "jit")}

    assert shown == {
        "server_version": servers.IMAGES["postgres"].partition(":")[2].partition("-")[0],
        "fsync": "off",
        "jit": "off",
    }
