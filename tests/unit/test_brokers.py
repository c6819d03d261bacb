"""One value says where Kafka is and as whom it is asked, to each of the three clients in its own words."""

import pytest
from pydantic import ValidationError

from shared.brokers import Brokers
from shared.settings import Settings
from tools.acls import OUTSIDE, USERS, declared, sentence
from tools.topics import brokers_at

INTAKE = Brokers("kafka:9092", "intake", "s3cret")


def test_without_a_user_nothing_is_asked_of_anybody():
    plain = Brokers("kafka:9092")

    assert plain.librdkafka() == {"bootstrap.servers": "kafka:9092", "security.protocol": "PLAINTEXT"}
    assert plain.kafka_python() == plain.aiokafka()
    assert plain.kafka_python() == {"bootstrap_servers": "kafka:9092", "security_protocol": "PLAINTEXT"}


def test_a_user_is_named_to_each_client_in_its_own_words():
    assert INTAKE.librdkafka() == {
        "bootstrap.servers": "kafka:9092",
        "security.protocol": "SASL_PLAINTEXT",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": "intake",
        "sasl.password": "s3cret",
    }
    assert INTAKE.kafka_python() == INTAKE.aiokafka()
    assert INTAKE.kafka_python() == {
        "bootstrap_servers": "kafka:9092",
        "security_protocol": "SASL_PLAINTEXT",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": "intake",
        "sasl_plain_password": "s3cret",
    }


def test_the_password_is_in_no_sentence():
    assert "s3cret" not in f"{INTAKE} {INTAKE!r}"
    assert f"{INTAKE}" == "kafka:9092"


def test_a_secret_is_read_from_the_folder_of_secrets_and_the_environment_wins(tmp_path, monkeypatch):
    (tmp_path / "tenure_kafka_password").write_text("from a file\n")
    (tmp_path / "tenure_intake_database_url").write_text("postgresql+asyncpg://a:b@c/d")
    monkeypatch.setenv("TENURE_SECRETS", str(tmp_path))
    monkeypatch.setenv("TENURE_KAFKA_USER", "intake")

    assert Settings().brokers.password == "from a file"
    assert Settings().database_url("intake") == "postgresql+asyncpg://a:b@c/d"
    assert brokers_at("other:9092") == Brokers("other:9092", "intake", "from a file")
    monkeypatch.setenv("TENURE_KAFKA_PASSWORD", "from the environment")
    assert Settings().brokers.password == "from the environment"


@pytest.mark.parametrize("alone", ["TENURE_KAFKA_USER", "TENURE_KAFKA_PASSWORD"])
def test_a_user_without_a_password_is_refused(monkeypatch, alone):
    monkeypatch.setenv(alone, "intake")

    with pytest.raises(ValidationError, match="TENURE_KAFKA_USER and TENURE_KAFKA_PASSWORD are set together"):
        Settings()


def test_the_rules_are_those_of_the_contract():
    rules = {sentence(rule) for rule in declared()}

    assert {rule for rule in rules if rule.startswith("User:upstream ")} == {
        "User:upstream may write topic records.events.v1",
        "User:upstream may write topic records.backload.v1",
        "User:upstream may write topic records.manifests.v1",
        "User:upstream may read topic records.receipts.v1",
        "User:upstream may read topic records.corrections.v1",
        "User:upstream may read topic retention.holds.v1",
        "User:upstream may read topic retention.disposals.v1",
        "User:upstream may read group upstream-*",
    }
    assert {rule for rule in rules if rule.endswith((" topic records.events.v1", " topic records.registered.v1"))} == {
        "User:upstream may write topic records.events.v1",
        "User:intake may read topic records.events.v1",
        "User:intake may write topic records.registered.v1",
        "User:retention may read topic records.registered.v1",
        "User:review may read topic records.registered.v1",
    }
    assert {rule for rule in rules if " transactional id " in rule} == {
        f"User:{service} may write transactional id {service}-*" for service in ("intake", "retention", "review")
    }
    assert {rule for rule in rules if rule.startswith("User:dashboards may write")} == set()


def test_internal_topics_are_read_by_the_services_and_the_verifier_alone():
    internal = ("records.registered.v1", "retention.reviews.v1", "review.decisions.v1")
    readers = {rule.principal for rule in declared() if rule.resource_pattern.resource_name in internal}

    assert readers == {"User:intake", "User:retention", "User:review"}


def test_no_users_groups_are_anothers():
    names = sorted(["tenure-intake", "tenure-retention", "tenure-review", "tenure-verify"] + [f"{u}-" for u in OUTSIDE])

    assert not [(one, other) for one in names for other in names if one != other and other.startswith(one)]
    assert len(set(USERS)) == len(USERS)
