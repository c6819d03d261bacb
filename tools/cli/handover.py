"""Hands a command's arguments to a tool's own program, told where the stack is."""

import importlib.util
import os
import sys
from typing import NoReturn

from tools.cli.running import take_settings
from tools.stack.errors import StackError

PROGRAMS = {"verify": "tools.verify", "demo": "tools.demo"}


def hand_over(module: str, arguments: list[str]) -> NoReturn:
    """Become `python -m module arguments`; refuses where there is no such program."""
    if importlib.util.find_spec(module) is None or importlib.util.find_spec(f"{module}.__main__") is None:
        raise StackError(f"{module} is not in this version.")
    take_settings()
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", module, *arguments])  # noqa: S606
