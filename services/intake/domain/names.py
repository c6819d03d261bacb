"""The names in an event that ids are made from: whether they name anything, and whose they may be."""

import re
from collections.abc import Iterator, Set
from typing import Any
from unicodedata import category

from services.intake.domain.reading import Sent
from services.intake.domain.shapes import Distinguished, Merged, Party, RecordState, Unmerged
from shared.events import Reason
from shared.policy import Pack, Source
from shared.policy.door import plain

# An id is made of names joined by line feeds: a name that holds one could pass for two.
_CONTROL = re.compile("[\x00-\x1f]")
_PRINTED = re.compile("[!-~]")
_UNPRINTED = re.compile(rb'"[ \x7f]+"')  # In canonical bytes: a text of these alone.
_SEEN = frozenset("LNPS")  # The categories of characters that show by themselves...
_FILLERS = frozenset("\u115f\u1160\u2800\u3164\uffa0")  # ... but for these, which are there to show nothing.
_NAMES = ("source_system", "source_record_id", "nominal_source", "nominal_id")
_LISTS = ("links", "related")
_OWN = ("source_record_id", "nominal_id")  # Each names one; a source or a system is of many.
_OTHER_IDS = ("contact_event_id", "trigger_event_id", "activity_event_id", "merge_event_id", "staff_id")
_OTHER_LISTS = (("officers", "staff_id"), ("objects", "ref"), ("places", "ref"))
_PARTIES = {"from_": "/data/from", "into": "/data/into", "a": "/data/a", "b": "/data/b"}
_NOT_YOURS = "This source may not report on persons of that nominal source; the pack's nominal_sources say whose."


def nameable(text: str) -> bool:
    """Say whether an id can be made of this name."""
    return _CONTROL.search(text) is None and not blank(text)


def blank(text: str) -> bool:
    """Say whether a text shows nothing, in whatever characters: as an id it would be that of everybody without one."""
    if _PRINTED.search(text):
        return False
    return all(category(each)[0] not in _SEEN or each in _FILLERS for each in text)


def name_reasons(sent: Sent, value: Any, source: Source, pack: Pack) -> Iterator[Reason]:
    """Tell what is wrong with the names in a sound shape: they name nothing, hold control characters, are others'."""
    if b"\\" in sent.canonical:  # A control character is always escaped there.
        sentence = "A name that ids are made from holds a control character; send it without."
        yield from (
            Reason("control_character", pointer, sentence) for pointer, text in _named(value) if _CONTROL.search(text)
        )
    if _may_be_blank(sent.canonical):
        yield from _blanks(value)
    if not pack.says_nothing.isdisjoint(map(plain, _own_ids(value))):
        yield from _says_nothing(value, pack.says_nothing)
    if isinstance(value, RecordState):
        return  # Whom it names its links say, and these are whole; the index has no records.
    named = getattr(value, "nominal_source", None)
    if (named is None) is not (getattr(value, "nominal_id", None) is None):
        yield from _half(value)
    if named is not None and named not in source.nominal_sources and not blank(named):
        yield Reason("not_your_nominal", "/data/nominal_source", _NOT_YOURS)
    if isinstance(value, Merged | Unmerged | Distinguished):
        yield from _index_reasons(value, source)


def _may_be_blank(form: bytes) -> bool:
    """Say whether a text in canonical bytes may show nothing."""
    seldom = b"\x7f" in form or b'" ' in form  # Found far sooner than what the expression looks for.
    return not form.isascii() or (seldom and _UNPRINTED.search(form) is not None)


def _own_ids(value: Any) -> list[str]:
    """Give what `_named` gives as own ids, without their places: most events have nothing wrong with them."""
    if isinstance(value, RecordState):
        others = [link.nominal_id for link in value.links] + [each.source_record_id for each in value.related]
        return [value.source_record_id, *others, *value.part_of]
    return [text for _, text in _named(value, _OWN)]


def _blanks(value: Any) -> Iterator[Reason]:
    """Tell of ids that show nothing: they are as good as missing."""
    sentence = "An id that shows nothing names nobody; send the id, or leave out what it would name."
    for pointer, text in (*_named(value), *_other_ids(value)):
        if blank(text) and not _CONTROL.search(text):
            yield Reason("field_missing", pointer, sentence)


def _says_nothing(value: Any, words: Set[str]) -> Iterator[Reason]:
    """Tell of ids that are the pack's words for nothing: all who have one would be one."""
    sentence = "The pack counts this as saying nothing, and all so named would be one; send the id, or leave it out."
    for pointer, text in _named(value, _OWN):
        if plain(text) in words:
            yield Reason("id_says_nothing", pointer, sentence)


def _half(value: Any) -> Iterator[Reason]:
    """Tell of half a nominal: who is meant would be a guess, and a report about nobody moves nobody's clock."""
    sentence = "A nominal is named by its source and its id together; send both, or neither."
    for name in ("nominal_source", "nominal_id"):
        if getattr(value, name) is None:
            yield Reason("field_missing", f"/data/{name}", sentence)


def _index_reasons(value: Merged | Unmerged | Distinguished, source: Source) -> Iterator[Reason]:
    if not source.merges:
        sentence = "This source is not the index that says who is one person; the pack's merges say which is."
        yield Reason("may_not_merge", "/source", sentence)
    for pointer, party in _parties(value):
        if party.nominal_source not in source.nominal_sources and not blank(party.nominal_source):
            yield Reason("not_your_nominal", f"{pointer}/nominal_source", _NOT_YOURS)


def _parties(value: Any) -> Iterator[tuple[str, Party]]:
    for name, pointer in _PARTIES.items():
        if isinstance(party := getattr(value, name, None), Party):
            yield pointer, party


def _named(value: Any, names: tuple[str, ...] = _NAMES) -> Iterator[tuple[str, str]]:
    yield from _names_of(value, "/data", names)
    for pointer, party in _parties(value):
        yield from _names_of(party, pointer, names)
    for name in _LISTS:
        for number, item in enumerate(getattr(value, name, ())):
            yield from _names_of(item, f"/data/{name}/{number}", names)
    for number, text in enumerate(getattr(value, "part_of", ())):
        yield f"/data/part_of/{number}", text


def _other_ids(value: Any) -> Iterator[tuple[str, str]]:
    """Give what names an event, an officer or a thing; no id is made of it, and yet it tells two apart."""
    yield from _names_of(value, "/data", _OTHER_IDS)
    for name, id_ in _OTHER_LISTS:
        for number, item in enumerate(getattr(value, name, ())):
            yield from _names_of(item, f"/data/{name}/{number}", (id_,))


def _names_of(value: Any, pointer: str, names: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for name in names:
        if isinstance(text := getattr(value, name, None), str):
            yield f"{pointer}/{name}", text
