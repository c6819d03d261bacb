"""The embedded broker: what of Kafka it keeps and what not, and how its forgetting is made good."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from uuid import UUID

import psycopg
import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from shared.brokers import Brokers
from shared.db import connect, transaction
from shared.embedded import is_embedded
from shared.events import REGISTERED
from shared.incarnations import Incarnations
from shared.log import Entry, put
from shared.relay import Fenced, in_transaction, make_producer
from shared.unread import Unread
from tests import stack
from tools import topics
from tools.stack.embedded import Embedded, publish_all_again
from tools.stack.settings import role_url
from tools.verify.broker import Broker
from tools.verify.progress import Progress

NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)


@pytest.fixture(scope="module")
def server() -> Iterator[Embedded]:
    with stack.folder() as paths:
        started = Embedded(paths)
        started.start()
        topics.apply(started.bootstrap, lambda line: None)
        yield started
        started.stop()


def test_its_topics_are_as_declared(server):
    assert topics.check(server.bootstrap) == []


def test_each_start_is_another_cluster(server):
    before, its = asked(server)

    server.stop()
    server.start()
    topics.apply(server.bootstrap, lambda line: None)

    after, others = asked(server)
    assert is_embedded(before)
    assert is_embedded(after)
    assert before != after
    assert its != others


def test_a_real_kafka_is_never_taken_for_it():
    assert not is_embedded("MkU3OEVBNTcwNTJENDM2Qk")


def test_the_verifier_reads_past_the_end_that_it_tells(server):
    published(server, part=1, count=2_000)

    assert said_end(server, part=1) < 2_000, "it tells ends as Kafka does: shared/embedded.py has lost its reason"
    assert len(shown(server, part=1)) == 2_000


def test_a_relay_that_another_has_replaced_is_fenced(server):
    first = make_producer(Brokers(server.bootstrap), "same")
    second = make_producer(Brokers(server.bootstrap), "same")
    in_transaction(second, lambda producer: producer.produce(REGISTERED, b"second", partition=2))

    with pytest.raises(Fenced):
        in_transaction(first, lambda producer: producer.produce(REGISTERED, b"first", partition=2))
    assert shown(server, part=2) == [b"second"]


def test_messages_of_an_aborted_transaction_are_shown(server):
    producer = make_producer(Brokers(server.bootstrap), "aborts")
    producer.begin_transaction()
    producer.produce(REGISTERED, b"aborted", partition=3)
    producer.flush(10)
    producer.abort_transaction(10)

    assert shown(server, part=3) == [b"aborted"], "it hides them as Kafka does: shared/embedded.py has lost a reason"


async def test_everything_is_published_again_in_its_order(database):
    admin, paths = database
    own = f"{admin.rpartition('/')[0]}/tenure_forgotten"
    stack.clone(f"{admin.rpartition('/')[0]}/postgres", "tenure_forgotten")
    entries = [Entry(REGISTERED, f"key {n % 2}", "t", UUID(int=n), n, b"{}") for n in range(2_500)]
    engine = connect(role_url(own, "tenure_intake_worker", paths), name="tests", pool_size=2)
    async with transaction(engine) as connection:
        ids = await put(connection, [*entries, Entry(None, "k", "t", UUID(int=1), 1, b"{}")], NOW)
    await engine.dispose()

    for _ in range(2):  # Whatever had been published by then.
        publish_all_again(own)

    with psycopg.connect(own) as asked:
        queued = asked.execute(
            "SELECT l.key, l.version, l.log_id FROM intake.unpublished u,"
            " unnest(u.log_ids) WITH ORDINALITY i(log_id, n) JOIN intake.log l USING (log_id) ORDER BY u.queue_id, i.n"
        ).fetchall()
    assert sorted(row[2] for row in queued) == sorted(id_ for id_ in ids if id_ > 0)
    for key in {entry.key for entry in entries}:
        assert [row[1] for row in queued if row[0] == key] == [each.version for each in entries if each.key == key]


def test_it_says_how_much_a_group_has_not_settled_without_failing(server):
    published(server, part=3, count=2_000)
    unread = Unread(Brokers(server.bootstrap), "tenure-retention", REGISTERED)
    assert unread.rows() is None, "who never said how far it is holds nobody up"

    group = Consumer({"bootstrap.servers": server.bootstrap, "group.id": "tenure-retention"})
    group.commit(offsets=[TopicPartition(REGISTERED, 3, 0)], asynchronous=False)
    group.close()
    assert unread.rows() == said_end(server, part=3) > 0


def asked(server: Embedded) -> tuple[str, dict[str, str]]:
    with closing(Incarnations(Brokers(server.bootstrap))) as incarnations:
        return incarnations.ask([REGISTERED])


def published(server: Embedded, part: int, count: int) -> None:
    producer = Producer({"bootstrap.servers": server.bootstrap, "linger.ms": 50})
    for n in range(count):
        producer.produce(REGISTERED, b"%d" % n, partition=part)
    assert producer.flush(10) == 0


def said_end(server: Embedded, part: int) -> int:
    wanted = {TopicPartition(REGISTERED, part): OffsetSpec.latest()}
    admin = AdminClient({"bootstrap.servers": server.bootstrap})
    [answer] = admin.list_offsets(wanted).values()
    return int(answer.result(5).offset)


def shown(server: Embedded, part: int) -> list[bytes]:
    """Give what the verifier sees of a partition."""
    broker, seen = Broker(server.bootstrap, Progress(quiet=True)), []

    def see(message) -> None:
        if message.partition() == part:
            seen.append(message.value())

    broker.read(broker.ends([REGISTERED]), {REGISTERED: see})
    return seen
