"""The objects and places that a record names, in the form in which two mentions of one are the same."""

from collections.abc import Collection, Iterator
from typing import Any
from unicodedata import normalize

_LISTS = ("objects", "places")


def things_in(data: dict[str, Any], compact: Collection[str]) -> Iterator[tuple[str, str]]:
    """Give the kind and the comparable reference of each object and place of a sound state."""
    for name in _LISTS:
        for each in data.get(name) or ():
            yield each["kind"], comparable(each["kind"], each["ref"], compact)


def comparable(kind: str, ref: str, compact: Collection[str]) -> str:
    """Give a reference without what makes no difference: case, width and the space around its words.

    Of the kinds in `compact` letters and digits alone count.
    """
    folded = normalize("NFKC", ref).casefold()
    if kind in compact:
        return "".join(character for character in folded if character.isalnum())
    return " ".join(folded.split())
