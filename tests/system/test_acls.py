"""A broker that asks for passwords: each user can do what is declared of it, by every client, and nothing else."""

import asyncio
import time
from collections.abc import Iterator

import aiokafka
import pytest
from aiokafka.errors import TopicAuthorizationFailedError
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from kafka import KafkaAdminClient
from kafka.admin import ACLOperation, ResourceType, ScramMechanism, UserScramCredentialUpsertion
from kafka.errors import ClusterAuthorizationFailedError
from kafka.errors import KafkaError as NoAnswer
from rich.console import Console

from shared.away import silence
from shared.brokers import Brokers
from shared.consumer import Where
from shared.incarnations import Incarnations, TopicsMissing
from shared.kafka import NOTHING
from shared.relay import in_transaction, make_producer, partitions_of
from shared.topics import BY_NAME, SERVICES, TOPICS
from shared.unread import Unread
from tests import stack
from tests.system.counting import wait_for
from tests.system.secured import SecuredKafka, make_certificate
from tools import acls, topics
from tools.adapters.jsonl import read
from tools.adapters.publish import Plan, publish
from tools.adapters.receipts import Tally
from tools.stack import keys, ports
from tools.stack.service import Service, readyz
from tools.stack.settings import common
from tools.verify.broker import Broker
from tools.verify.progress import Progress

ANSWER_SECONDS_MAX = 10
WORKER_SECONDS_MAX = 30
WRITTEN_BY = {user: {topic.name for topic in TOPICS if user in topic.written_by} for user in acls.USERS}
READ_BY = {user: {topic.name for topic in TOPICS if user in topic.read_by} for user in acls.USERS}
READ_BY["verify"] = set(BY_NAME)
REFUSED, AT_END = KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError._PARTITION_EOF
READING = {
    "enable.auto.commit": False,
    "enable.partition.eof": True,
    "auto.offset.reset": "earliest",
    "fetch.wait.max.ms": 100,
    "log_level": 0,
}


@pytest.fixture(scope="module")
def broker() -> Iterator[SecuredKafka]:
    """Give a broker with its topics, users and rules, applied as the container's job does."""
    with stack.folder() as paths:
        server = SecuredKafka(paths)
        with stack.or_skip():
            server.start()
        try:
            with pytest.MonkeyPatch.context() as told:
                administrator(told, server)
                assert topics.apply(server.bootstrap, say=lambda line: None) == []
                passwords = {user: server.passwords[user] for user in acls.USERS}
                assert acls.apply(server.bootstrap, passwords, say=lambda line: None) == []
            yield server
        finally:
            server.stop()


def administrator(told: pytest.MonkeyPatch, server: SecuredKafka) -> None:
    as_user(told, server, acls.ADMINISTRATOR)


def as_user(told: pytest.MonkeyPatch, server: SecuredKafka, user: str) -> None:
    told.setenv("TENURE_KAFKA", server.bootstrap)
    told.setenv("TENURE_KAFKA_USER", user)
    told.setenv("TENURE_KAFKA_PASSWORD", server.passwords[user])


@pytest.mark.parametrize("user", acls.USERS)
def test_a_user_writes_its_topics_and_no_other(broker, user):
    answers: dict[str, int | None] = {}
    # Not idempotent: then one refusal is not the end of the whole producer.
    producer = Producer({**broker.asked_by(user).librdkafka(), "log_level": 0})

    def delivered(error, message):
        answers[message.topic()] = error.code() if error else None

    for name in BY_NAME:
        producer.produce(name, b"{}", b"key", partition=0, on_delivery=delivered)
    left = producer.flush(ANSWER_SECONDS_MAX)

    assert left == 0
    assert answers == {name: None if name in WRITTEN_BY[user] else REFUSED for name in BY_NAME}


@pytest.mark.parametrize("user", acls.USERS)
def test_a_user_reads_its_topics_and_no_other(broker, user):
    answers: dict[str, int] = {}
    seen = READ_BY[user] | WRITTEN_BY[user]
    consumer = Consumer({**broker.asked_by(user).librdkafka(), **READING, "group.id": group_of(user)})
    consumer.assign([TopicPartition(name, 0, 0) for name in seen])
    try:
        for name in set(BY_NAME) - seen:  # It is not even told where they are.
            assert consumer.list_topics(name, ANSWER_SECONDS_MAX).topics[name].error.code() == REFUSED
        while set(answers) < seen:
            found = consumer.poll(ANSWER_SECONDS_MAX)
            assert found, f"nothing was said of {seen - set(answers)}"
            answers[found.topic()] = found.error().code() if found.error() else AT_END
    finally:
        consumer.close()

    assert answers == {name: AT_END if name in READ_BY[user] else REFUSED for name in seen}


def group_of(user):
    return f"tenure-{user}" if user in (*SERVICES, "verify") else f"{user}-one"


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_publishes_under_its_own_transactional_ids_and_no_other(broker, service):
    brokers = broker.asked_by(service)
    partitions = partitions_of(brokers)
    for transactional_id in (f"{service}-0", f"{service}-schedules-1"):
        producer = make_producer(brokers, transactional_id)
        in_transaction(producer, lambda producer: to_each(producer, WRITTEN_BY[service]))

    assert set(partitions) == WRITTEN_BY[service] | READ_BY[service]
    for other in (*(f"{name}-0" for name in SERVICES if name != service), f"{service}"):
        with pytest.raises(KafkaException) as refused:
            make_producer(brokers, other)
        assert refused.value.args[0].code() == KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED


def to_each(producer, names):
    for name in names:
        producer.produce(name, b"{}", b"key", partition=0)


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_joins_no_group_but_its_own(broker, service):
    for group in (*(f"tenure-{other}" for other in SERVICES if other != service), "tenure-verify", "dashboards-1"):
        consumer = Consumer({**broker.asked_by(service).librdkafka(), **READING, "group.id": group})
        consumer.subscribe([min(READ_BY[service])])
        answer = consumer.poll(ANSWER_SECONDS_MAX)
        consumer.close()
        assert answer.error().code() == KafkaError.GROUP_AUTHORIZATION_FAILED


@pytest.mark.parametrize("group", ["", "-unhurried"], ids=["hurried", "unhurried"])
@pytest.mark.parametrize("service", SERVICES)
async def test_a_workers_own_consumer_joins_its_group_and_hears_its_topics(broker, service, group):
    where = Where(broker.asked_by(service), service, 0, tuple(sorted(READ_BY[service])), group)
    consumer = where.consumer()
    consumer.subscribe(where.topics)
    await consumer.start()
    try:
        async with asyncio.timeout(ANSWER_SECONDS_MAX):
            while not consumer.assignment():
                await consumer.getmany(timeout_ms=50)
            assert {each.topic for each in consumer.assignment()} == READ_BY[service]
    finally:
        await consumer.stop()


async def test_intake_may_ask_how_far_retention_is_and_review_may_not(broker):
    parts = [aiokafka.TopicPartition("records.registered.v1", part) for part in range(8)]
    producer = make_producer(broker.asked_by("intake"), "intake-0")
    in_transaction(producer, lambda producer: to_each(producer, ["records.registered.v1"]))
    where = Where(broker.asked_by("retention"), "retention", 0, tuple(sorted(READ_BY["retention"])))
    consumer = where.consumer()
    consumer.subscribe(where.topics)
    await consumer.start()
    try:
        async with asyncio.timeout(ANSWER_SECONDS_MAX):
            while not set(parts) <= consumer.assignment():
                await consumer.getmany(NOTHING, timeout_ms=50)
            ends = await consumer.end_offsets(parts)
            await consumer.commit({part: max(end - 1, 0) for part, end in ends.items()})
    finally:
        await consumer.stop()

    def rows(service: str) -> int:
        return Unread(broker.asked_by(service), "tenure-retention", "records.registered.v1").rows()

    assert rows("intake") == sum(1 for end in ends.values() if end) > 0
    with pytest.raises(KafkaException) as refused:
        rows("review")
    assert refused.value.args[0].code() == KafkaError.GROUP_AUTHORIZATION_FAILED


async def test_a_workers_own_consumer_is_refused_anothers_topic(broker):
    consumer = Where(broker.asked_by("intake"), "intake", 0, ("review.decisions.v1",)).consumer()
    consumer.subscribe(("review.decisions.v1",))
    try:
        with pytest.raises(TopicAuthorizationFailedError):
            await asyncio.wait_for(consumer.start(), ANSWER_SECONDS_MAX)
    finally:
        await consumer.stop()


def test_topic_ids_are_told_to_who_may_read_or_write_the_topic_alone(broker):
    asked = Incarnations(broker.asked_by("review"))
    try:
        assert set(asked.ask(READ_BY["review"])[1]) == READ_BY["review"]
        with pytest.raises((NoAnswer, TopicsMissing)):
            asked.ask(["records.events.v1"])
    finally:
        asked.close()


def test_who_names_no_user_is_told_nothing(broker):
    asked = Incarnations(Brokers(broker.bootstrap))
    try:
        with pytest.raises(NoAnswer):
            asked.ask(["records.events.v1"])
    finally:
        asked.close()


def test_a_wrong_password_is_refused_and_thought_of(broker, monkeypatch):
    as_user(monkeypatch, broker, "intake")
    monkeypatch.setenv("TENURE_KAFKA_PASSWORD", "wrong")

    with pytest.raises(topics.BrokerMissing, match="asked as intake: check TENURE_KAFKA_PASSWORD"):
        topics.check(broker.bootstrap)


async def test_all_three_clients_ask_over_tls(broker):
    brokers = Brokers(f"127.0.0.1:{broker.tls}", "review", broker.passwords["review"], broker.certificate)
    asked = Incarnations(brokers)
    consumer = Where(brokers, "review", 1, ("retention.reviews.v1",)).consumer()
    try:
        assert asked.ask(["retention.reviews.v1"])[0]
        assert "retention.reviews.v1" in partitions_of(brokers)
        await consumer.start()
        assert "retention.reviews.v1" in await consumer.topics()
    finally:
        asked.close()
        await consumer.stop()


def test_a_broker_with_anothers_certificate_is_told_no_password(broker, tmp_path):
    make_certificate(tmp_path / "other.pem", tmp_path / "whole.pem")
    brokers = Brokers(f"127.0.0.1:{broker.tls}", "review", broker.passwords["review"], tmp_path / "other.pem")

    with pytest.raises(KafkaException):
        partitions_of(brokers)


@pytest.mark.parametrize("user", ["intake", "upstream", "verify"])
def test_only_the_administrator_changes_rules_passwords_and_topics(broker, user):
    client = KafkaAdminClient(**broker.asked_by(user).kafka_python())
    rule = acls._rule(user, ACLOperation.WRITE, ResourceType.TOPIC, "review.decisions.v1")
    password = UserScramCredentialUpsertion("review", ScramMechanism.SCRAM_SHA_512, "taken over")
    try:
        assert client.create_acls([rule])["failed"] == [ClusterAuthorizationFailedError]
        with pytest.raises(ClusterAuthorizationFailedError):
            client.describe_acls(acls.ANYTHING)
        assert client.alter_user_scram_credentials([password])["review"] is not None
        with pytest.raises(NoAnswer, match=r"(?i)authoriz"):
            client.create_topics({"records.mine.v1": {"num_partitions": 1, "replication_factor": 1}})
        with pytest.raises(NoAnswer, match=r"(?i)authoriz"):
            client.delete_topics(["records.events.v1"])
    finally:
        client.close()


def test_applying_again_changes_nothing_and_what_drifted_is_mended(broker, monkeypatch):
    administrator(monkeypatch, broker)
    said: list[str] = []
    assert acls.apply(broker.bootstrap, say=said.append) == []
    assert said == []

    extra = acls._rule("intake", ACLOperation.WRITE, ResourceType.TOPIC, "review.decisions.v1")
    gone = acls._rule("upstream", ACLOperation.WRITE, ResourceType.TOPIC, "records.events.v1")
    stray = acls._rule("somebody", ACLOperation.READ, ResourceType.TOPIC, "records.events.v1")
    with topics.admin(broker.bootstrap) as client:
        client.create_acls([extra, stray])
        acls._take_away(client, [gone])
    drifted = [
        "User:upstream may write topic records.events.v1 is declared and not there.",
        "User:intake may write topic review.decisions.v1 is there and not declared.",
        "User:somebody may read topic records.events.v1: that user is not declared.",
    ]
    wait_for(lambda: acls.check(broker.bootstrap) == drifted, ANSWER_SECONDS_MAX, "the drift to be shown")

    assert acls.apply(broker.bootstrap, say=said.append) == []

    assert said == [
        "added: User:upstream may write topic records.events.v1",
        "took away: User:intake may write topic review.decisions.v1",
        "left alone: User:somebody may read topic records.events.v1",
    ]


def test_a_refused_password_is_told_from_a_broker_that_is_away(broker):
    refused = f"Kafka at {broker.bootstrap} refuses the user intake or its password; set TENURE_KAFKA_USER"
    away = "Kafka at 127.0.0.1:1 does not answer; work goes on when it does."

    assert silence(broker.asked_by("intake", "wrong")).startswith(refused)
    assert silence(Brokers("127.0.0.1:1", "intake", "wrong")) == away
    assert "refuses" not in silence(broker.asked_by("intake"))


def test_a_worker_with_a_wrong_password_says_so_and_waits(broker, database, worker_url):
    paths = database[1]
    paths.make()
    keys.make(paths.keys)
    told = {**common(paths), "TENURE_KAFKA": broker.bootstrap, "TENURE_KAFKA_USER": "intake"}
    told |= {"TENURE_KAFKA_PASSWORD": "wrong", "TENURE_INTAKE_DATABASE_URL": worker_url("intake")}
    port = ports.choose()
    worker = Service("intake", "worker", paths, port, {**told, "TENURE_HEALTH_PORT": str(port)})
    worker.spawn()
    try:
        until = time.monotonic() + WORKER_SECONDS_MAX
        while "refuses the user intake or its password" not in readyz(port)[1]:
            assert worker.running(), worker.last_lines()
            assert time.monotonic() < until, readyz(port)[1]
            time.sleep(0.2)
    finally:
        worker.stop()
    assert "wrong" not in worker.log.read_text()


def test_the_publish_command_and_the_verifier_ask_as_their_users(broker, monkeypatch, tmp_path):
    as_user(monkeypatch, broker, "upstream")
    tally, events = Tally(), tmp_path / "none.jsonl"
    events.write_text("")
    publish(Plan((events,), read, {}), broker.bootstrap, Console(quiet=True), tally)

    as_user(monkeypatch, broker, "verify")
    verifier = Broker(broker.bootstrap, Progress(quiet=True))
    assert set(verifier.incarnations(BY_NAME)) == set(BY_NAME)
    assert verifier.ends(["records.events.v1"]).high
    assert topics.check(broker.bootstrap) == []
