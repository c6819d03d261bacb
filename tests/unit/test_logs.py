"""Every log line is one JSON object that says which process of which service it comes from."""

import json
import logging

import pytest

from shared.logs import start_logs


@pytest.fixture
def root_logger():
    """Put the root logger back as it was."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    yield root
    root.handlers[:], root.level = before, level


def test_a_line_names_service_and_process_and_keeps_the_words_given(root_logger, capsys) -> None:
    start_logs("info", service="intake", process="intake-api")
    logging.getLogger("tests").warning("%s of them", 3, extra={"count": 3, "color_message": "in colours"})
    logging.getLogger("aiokafka.conn").error("said by ourselves")
    line = json.loads(capsys.readouterr().err)
    at = line.pop("at")
    assert at.endswith("+00:00")
    assert line == {
        "level": "warning",
        "logger": "tests",
        "message": "3 of them",
        "count": 3,
        "service": "intake",
        "process": "intake-api",
    }
