"""Strings that were planted in content or named by whoever runs the verifier, and where they must not be."""

import json
import re
from collections import Counter
from collections.abc import Iterable
from typing import Any

PREFIX = b"canary-"  # The demonstration and the tests plant strings that begin so, in content alone.
_PLANTED = re.compile(rb"canary-[0-9a-z]{4,}")


class Canaries:
    """What is looked for, never told; and in which messages it was met."""

    def __init__(self, named: Iterable[str]) -> None:
        self.named = [each for each in named if each]
        self.planted: set[bytes] = set()
        self.messages: dict[str, str] = {}  # The first place by topic.
        self.met: Counter[str] = Counter()
        self.forms = (PREFIX, *sorted({form for each in self.named for form in _forms(each)}))
        self._any = re.compile(b"|".join(map(re.escape, self.forms))).search

    @property
    def known(self) -> int:
        """Say how many strings were planted or named."""
        return len(self.planted) + len(self.named)

    def in_bytes(self, text: bytes) -> bool:
        """Say whether anything that is looked for is there."""
        return self._any(text) is not None

    def inbound(self, message: Any) -> None:
        """Note what was planted in an event: the only place where it may be read."""
        value = message.value()
        if value and PREFIX in value:
            self.planted |= set(_PLANTED.findall(value))

    def elsewhere(self, message: Any) -> None:
        """Look at all of a message on any other topic: key, value and headers."""
        parts = [message.key(), message.value(), *[value for _, value in message.headers() or ()]]
        if self._any(b"\0".join([part for part in parts if part])):
            topic = message.topic()
            self.met[topic] += 1
            self.messages.setdefault(topic, f"{topic}[{message.partition()}]@{message.offset()}")


def _forms(text: str) -> set[bytes]:
    """Give a string as it is, and as JSON may write it."""
    return {text.encode(), json.dumps(text)[1:-1].encode(), json.dumps(text, ensure_ascii=False)[1:-1].encode()}
