"""Which broker is used on which machine, and what is said of the embedded one."""

import stat

import pytest

from tests import stack
from tools.stack import broker
from tools.stack.errors import Missing, StackError

NEW, OLD = 'openjdk version "17.0.15" 2025-04-15', 'java version "1.8.0_402"'


@pytest.fixture
def machine(monkeypatch, tmp_path):
    """Give a function that puts programs on an otherwise empty PATH, on a clone without Kafka's jars."""
    monkeypatch.setattr(broker, "JARS", tmp_path / "lib")
    monkeypatch.setenv("PATH", str(tmp_path))

    def put(**programs: str | None) -> None:
        for name, says in programs.items():
            if says is not None:
                path = tmp_path / name
                path.write_text(f"#!/bin/sh\necho '{says}' >&2\n" if says else "not a program")
                path.chmod(path.stat().st_mode | stat.S_IXUSR)

    return put


@pytest.mark.parametrize(
    ("java", "mvn", "given", "expected"),
    [
        pytest.param(NEW, "Maven", {}, "kafka", id="Java and Maven"),
        pytest.param(None, "Maven", {}, "embedded", id="no Java"),
        pytest.param(OLD, "Maven", {}, "embedded", id="a Java that is too old"),
        pytest.param("", "Maven", {}, "embedded", id="a Java that does not run"),
        pytest.param(NEW, None, {}, "embedded", id="no Maven"),
        pytest.param(NEW, "Maven", {"TENURE_BROKER": "embedded"}, "embedded", id="asked for"),
        pytest.param(None, None, {"TENURE_KAFKA": "host:9092"}, "given", id="a broker that runs already"),
    ],
)
def test_the_first_broker_that_there_is_is_used(machine, java, mvn, given, expected):
    machine(java=java, mvn=mvn)

    assert broker.choose(given) == expected


@pytest.mark.parametrize("kind", ["kafka", "embedded"])
def test_a_user_is_refused_where_the_broker_is_our_own(machine, kind):
    machine(java=NEW, mvn="Maven")
    user = {"TENURE_KAFKA_USER": "upstream", "TENURE_KAFKA_PASSWORD": "x"}

    with pytest.raises(StackError, match="Set TENURE_KAFKA to the broker that is meant"):
        broker.choose({**user, "TENURE_BROKER": kind})
    assert broker.choose({**user, "TENURE_KAFKA": "host:9092"}) == "given"


def test_the_jars_need_no_maven(machine, tmp_path):
    machine(java=NEW)
    (tmp_path / "lib").mkdir()

    assert broker.choose({}) == "kafka"


@pytest.mark.parametrize(
    ("java", "mvn", "mend"),
    [
        pytest.param(None, None, "Java is missing; install the packages default-jre-headless", id="no Java"),
        pytest.param(OLD, "Maven", "too old .* install the package openjdk-17-jre-headless", id="old Java"),
        pytest.param(NEW, None, "Maven is missing, .* install the package maven", id="no Maven"),
    ],
)
def test_a_kafka_that_was_asked_for_is_refused_with_its_mend(machine, java, mvn, mend):
    machine(java=java, mvn=mvn)

    with pytest.raises(Missing, match=mend):
        broker.choose({"TENURE_BROKER": "kafka"})
    assert broker.warning().startswith("Warning: this is the embedded broker")
    assert broker.warning().endswith(broker.lacks())


def test_the_embedded_one_is_refused_in_production(machine):
    with pytest.raises(StackError, match=r"never under TENURE_ENV=production\. Java is missing; install"):
        broker.choose({"TENURE_ENV": "production"})


def test_an_unknown_broker_is_refused():
    with pytest.raises(StackError, match="TENURE_BROKER is 'rabbit'; it is kafka or embedded"):
        broker.choose({"TENURE_BROKER": "rabbit"})


def test_what_needs_kafka_is_skipped_with_that_reason():
    reason = r"only a real Kafka can show this\. Java is missing"
    with pytest.raises(pytest.skip.Exception, match=reason), stack.or_skip({}):
        raise Missing("Java is missing")


def test_what_needs_kafka_fails_where_it_is_required():
    with pytest.raises(Missing), stack.or_skip({"TENURE_REQUIRE": "kafka"}):
        raise Missing("Java is missing")


def test_any_other_trouble_is_never_skipped():
    with pytest.raises(StackError), stack.or_skip({}):
        raise StackError("Maven is missing its repository")
