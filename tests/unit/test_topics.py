"""The declaration of topics keeps what the contract says of each."""

import pytest

from shared import events
from shared.topics import BY_NAME, TOPICS
from tools import topics
from tools.topics import BrokerMissing, bootstrap_servers, brokers_at, once_shown

DAY_MS = 24 * 3600 * 1000


def test_every_topic_that_events_name_is_declared():
    named = {value for name, value in vars(events).items() if name.isupper() and str(value).endswith(".v1")}

    assert named <= set(BY_NAME)


@pytest.mark.parametrize(
    ("name", "partitions", "config"),
    [
        (
            "records.events.v1",
            8,
            {"cleanup.policy": "delete", "retention.ms": str(7 * DAY_MS), "segment.ms": str(DAY_MS // 4)},
        ),
        (
            "retention.schedules.v1",
            8,
            {"cleanup.policy": "compact", "delete.retention.ms": str(7 * DAY_MS), "segment.ms": str(DAY_MS // 24)},
        ),
        (
            "records.registered.v1.dlq",
            1,
            {"cleanup.policy": "delete", "retention.ms": str(90 * DAY_MS), "segment.ms": str(DAY_MS)},
        ),
    ],
)
def test_a_topic_is_configured_as_the_contract_says(name, partitions, config):
    topic = BY_NAME[name]

    assert topic.partitions == partitions
    assert topic.config == {"message.timestamp.type": "LogAppendTime", **config}


def test_what_our_services_write_and_read_has_dead_letters_and_the_rest_has_none():
    letters = {topic.name.removesuffix(".dlq") for topic in TOPICS if topic.name.endswith(".dlq")}

    assert letters == {
        "records.registered.v1",
        "retention.reviews.v1",
        "review.decisions.v1",
        "review.tasks.v1",
        "retention.schedules.v1",
        "retention.holds.v1",
        "retention.policies.v1",
        "retention.disposals.v1",
        "records.disposal-receipts.v1",
    }


def test_the_broker_is_the_given_one_then_the_stacks_then_the_usual(tmp_path):
    stack = tmp_path / "stack.json"

    assert bootstrap_servers({}, stack) == "127.0.0.1:19092"
    stack.write_text('{"kafka": "127.0.0.1:29092"}')
    assert bootstrap_servers({}, stack) == "127.0.0.1:29092"
    assert bootstrap_servers({"TENURE_KAFKA": "kafka:9092"}, stack) == "kafka:9092"


@pytest.mark.parametrize("bootstrap", ["nonsense", "a:b", "", "a:1,", "a:1 b:2"])
def test_an_address_that_is_none_is_refused_before_it_is_guessed_at(bootstrap):
    with pytest.raises(BrokerMissing, match="not host:port"):
        brokers_at(bootstrap)


def test_a_change_is_waited_for_until_it_is_shown():
    shown = iter([["a topic is not there", "another"], ["another"], []])

    assert once_shown(lambda: next(shown)) == []


def test_what_is_never_shown_is_named(monkeypatch):
    monkeypatch.setattr(topics, "SHOWN_SECONDS_MAX", 0.2)

    assert once_shown(lambda: ["a topic is not there"]) == ["a topic is not there"]
