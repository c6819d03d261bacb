"""The house rules find what they are for, and leave alone what is allowed."""

from pathlib import Path

import pytest

from tools.checks.rules import broken


@pytest.mark.parametrize(
    ("path", "text", "told"),
    [
        pytest.param("services/intake/actions.py", "session.commit()", "only an edge", id="commit inside"),
        pytest.param("services/intake/actions.py", "datetime.now(UTC)", "now(", id="clock in a room"),
        pytest.param("shared/log.py", "uuid4()", "uuid4(", id="random id"),
        pytest.param("services/retention/storage.py", "Q = 'select 1 where d < CURRENT_DATE'", "bind", id="SQL clock"),
        pytest.param("services/retention/storage/due.py", "Q = 'select now()'", "bind", id="SQL clock in a folder"),
        pytest.param("services/review/agents.py", "app.topic('x')", "too early", id="Faust topic"),
        pytest.param("shared/utils.py", "", "may hold anything", id="a name that may hold anything"),
        pytest.param("shared/a.py", "def long():\n" + "    pass\n" * 41, "at most 40", id="long function"),
        pytest.param("shared/b.py", "x = 1\n" * 301, "at most 300", id="long file"),
    ],
)
def test_a_broken_rule_is_told_with_its_place(path, text, told):
    [line] = broken(Path(path), text)

    assert line.startswith(f"{path}:1: ")
    assert told in line


@pytest.mark.parametrize(
    ("path", "text"),
    [
        pytest.param("shared/clock.py", "datetime.now(UTC)", id="the clock itself"),
        pytest.param("services/intake/main.py", "datetime.now(UTC)", id="the composition root"),
        pytest.param("shared/kafka.py", "consumer.commit()", id="Kafka's commit is for lag only"),
        pytest.param("services/retention/storage.py", "Q = 'select 1 where d < :today'", id="bound today"),
    ],
)
def test_what_is_allowed_is_left_alone(path, text):
    assert broken(Path(path), text) == []
