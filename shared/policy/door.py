"""What the door asks of a record: what it must say, which words count as saying nothing, what is refused outright."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from typing import Protocol
from unicodedata import normalize

from shared.policy.keys import Key, Keys, text_set


@dataclass(frozen=True, slots=True)
class Forbidden:
    """What may not be held here: refused, and nothing of it stored."""

    markings: frozenset[str] = frozenset()
    types: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Boilerplate:
    """Words by which a required field says nothing."""

    texts: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The grades of an evaluation (3x5x2); a part without any takes whatever comes."""

    source: frozenset[str] = frozenset()
    assessment: frozenset[str] = frozenset()
    handling: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class References:
    """How the references of objects and places are compared."""

    compact: frozenset[str] = frozenset()
    """The kinds of which letters and digits alone count: a number plate, a telephone number."""


KNOWN_MAX = 1_024  # Markings and types are few, and every event has them looked at.
_BETWEEN_WORDS = re.compile(r"[\W_]+")

FORBIDDEN: Keys = {"markings": Key(text_set), "types": Key(text_set)}
BOILERPLATE: Keys = {"texts": Key(text_set, needed=True)}
EVALUATION: Keys = {name: Key(text_set) for name in ("source", "assessment", "handling")}
REFERENCES: Keys = {"compact": Key(text_set, needed=True)}


class Typed(Protocol):
    """What a record's state says that its type can be told by."""

    @property
    def record_type(self) -> str | None:
        """The type as sent."""

    @property
    def source_system(self) -> str | None:
        """The system that captured it."""

    @property
    def offences(self) -> Iterable[str] | None:
        """Its offence codes."""

    @property
    def metadata(self) -> Mapping[str, str] | None:
        """Its metadata."""


def plain(text: str) -> str:
    """Give a text as words are compared: without the space around it, in one case."""
    return text.strip().casefold()


@lru_cache(maxsize=KNOWN_MAX)
def bare(text: str) -> str:
    """Give a text as what is forbidden is compared: letters and digits alone, in one case, however they are written."""
    return "".join(_words(text))


@lru_cache(maxsize=KNOWN_MAX)
def beginnings(text: str) -> frozenset[str]:
    """Give a text and what it begins with, word by word, as `bare` does: a marking may have a caveat behind it."""
    return frozenset(accumulate(_words(text)))


def _words(text: str) -> list[str]:
    return [word for word in _BETWEEN_WORDS.split(normalize("NFKC", text).casefold()) if word]
