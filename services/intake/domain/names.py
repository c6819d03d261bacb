"""The names in an event that ids are made from: whether an id can be made of them, and whose they may be."""

import re
from collections.abc import Iterator
from typing import Any

from services.intake.domain.reading import Sent
from services.intake.domain.shapes import Distinguished, Merged, Party, Unmerged
from shared.events import Reason
from shared.policy import Source

# An id is made of names joined by line feeds: a name that holds one could pass for two.
_CONTROL = re.compile("[\x00-\x1f]")
_NAMES = ("source_system", "source_record_id", "nominal_source", "nominal_id")
_LISTS = ("links", "related")
_PARTIES = {"from_": "/data/from", "into": "/data/into", "a": "/data/a", "b": "/data/b"}
_NOT_YOURS = "This source may not report on persons of that nominal source; the pack's nominal_sources say whose."


def nameable(text: str) -> bool:
    """Say whether an id can be made of this name."""
    return _CONTROL.search(text) is None


def name_reasons(sent: Sent, value: Any, source: Source) -> Iterator[Reason]:
    """Tell what is wrong with the names in a sound shape: control characters, and persons of others."""
    if b"\\" in sent.canonical:  # A control character is always escaped there.
        sentence = "A name that ids are made from holds a control character; send it without."
        yield from (
            Reason("control_character", pointer, sentence) for pointer, text in _named(value) if not nameable(text)
        )
    named = getattr(value, "nominal_source", None)
    yield from _half(value)
    if named is not None and named not in source.nominal_sources:
        yield Reason("not_your_nominal", "/data/nominal_source", _NOT_YOURS)
    if isinstance(value, Merged | Unmerged | Distinguished):
        yield from _index_reasons(value, source)


def _half(value: Any) -> Iterator[Reason]:
    """Tell of half a nominal: who is meant would be a guess, and a report about nobody moves nobody's clock."""
    told = {name: getattr(value, name, None) for name in ("nominal_source", "nominal_id")}
    missing = [name for name, text in told.items() if text is None]
    if len(missing) == 1:
        sentence = "A nominal is named by its source and its id together; send both, or neither."
        yield Reason("field_missing", f"/data/{missing[0]}", sentence)


def _index_reasons(value: Merged | Unmerged | Distinguished, source: Source) -> Iterator[Reason]:
    if not source.merges:
        sentence = "This source is not the index that says who is one person; the pack's merges say which is."
        yield Reason("may_not_merge", "/source", sentence)
    for pointer, party in _parties(value):
        if party.nominal_source not in source.nominal_sources:
            yield Reason("not_your_nominal", f"{pointer}/nominal_source", _NOT_YOURS)


def _parties(value: Any) -> Iterator[tuple[str, Party]]:
    for name, pointer in _PARTIES.items():
        if isinstance(party := getattr(value, name, None), Party):
            yield pointer, party


def _named(value: Any) -> Iterator[tuple[str, str]]:
    yield from _names_of(value, "/data")
    for pointer, party in _parties(value):
        yield from _names_of(party, pointer)
    for name in _LISTS:
        for number, item in enumerate(getattr(value, name, ())):
            yield from _names_of(item, f"/data/{name}/{number}")
    for number, text in enumerate(getattr(value, "part_of", ())):
        yield f"/data/part_of/{number}", text


def _names_of(value: Any, pointer: str) -> Iterator[tuple[str, str]]:
    for name in _NAMES:
        if isinstance(text := getattr(value, name, None), str):
            yield f"{pointer}/{name}", text
