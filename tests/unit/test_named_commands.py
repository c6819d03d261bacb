"""Every `./tenure` command that a message tells somebody to run is there."""

import ast
import re
from pathlib import Path

import pytest

from tools.cli.main import COMMANDS
from tools.stack.paths import ROOT

NAMED = re.compile(r"`\./tenure ([a-z]+)((?: [a-z]+)?)")
TOPICS = {"apply", "check"}


def _said(path: Path) -> list[str]:
    """Give the strings of a module; what is filled into one is left out."""
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.JoinedStr):
            found.append("".join(str(part.value) for part in node.values if isinstance(part, ast.Constant)))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.append(node.value)
    return found


@pytest.mark.parametrize("folder", ["shared", "services", "tools"])
def test_a_message_names_only_commands_that_exist(folder):
    named = {
        (path.name, command, verb.strip())
        for path in (ROOT / folder).rglob("*.py")
        for text in _said(path)
        for command, verb in NAMED.findall(text)
    }
    assert [each for each in named if each[1] not in COMMANDS] == []
    assert [each for each in named if each[1] == "topics" and each[2] and each[2] not in TOPICS] == []
