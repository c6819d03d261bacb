"""A refusal on its way to its receipt."""

from typing import Any

from shared.events import Reason


class Refused(Exception):
    """Why something is not taken as it is: a code, a place, a sentence that does not quote the value."""

    def __init__(self, code: str, pointer: str, sentence: str) -> None:
        super().__init__(code)
        self.reason = Reason(code, pointer, sentence)
        self.data: dict[str, Any] | None = None
