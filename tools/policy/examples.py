"""Worked examples: lives written down by hand with the day that each must come to. Read here, run in `running`."""

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from shared.policy import BadPack, Mistake
from shared.policy.keys import Key, Keys, day, inner, many, one_of, read_keys, text, texts, whole, words
from shared.policy.mistakes import places

STANDS = ("kept", "due", "waiting", "permanent", "exception", "refused")
"""How a record stands on the day asked: its last day is to come, is past, is not known yet, ..."""
_PAIRS = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Captured:
    """A record of an example, as its source sent it."""

    id: str
    record_type: str | None = None
    system: str = "crime"
    sequence: int = 1
    dates: _PAIRS = ()
    received_on: date | None = None
    offences: tuple[str, ...] = ()
    group: str | None = None
    links: _PAIRS = ()
    """Persons and what each is on the record."""
    part_of: tuple[str, ...] = ()
    related: _PAIRS = ()
    """Other records of the example, and the kind of the reference."""
    assessment: str | None = None
    metadata: _PAIRS = ()


@dataclass(frozen=True, slots=True)
class Named:
    """A person of an example."""

    id: str
    date_of_birth: date | None = None
    died_on: date | None = None
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Happened:
    """Something that befell a record or a person, or that a review decided."""

    on: date
    trigger: str | None = None
    value: str | None = None
    contact: str | None = None
    decision: str | None = None
    next_on: date | None = None
    record: str | None = None
    person: str | None = None
    offence: str | None = None


@dataclass(frozen=True, slots=True)
class Example:
    """One worked example; the first record is the one it is about."""

    row: str
    title: str
    asked_on: date
    stands: str
    sentence: str
    records: tuple[Captured, ...]
    persons: tuple[Named, ...] = ()
    events: tuple[Happened, ...] = ()
    keep_until: date | None = None
    review_on: date | None = None
    group: str | None = None
    problem: str | None = None
    by_hand: str = ""
    """How the day was worked out."""
    source: str = field(default="", compare=False)
    line: int = field(default=0, compare=False)


_ID = Key(text, needed=True)
_WRITTEN = ("occurred_on", "reported_at", "recorded_at", "created_on")
_RECORD: Keys = {
    "id": _ID,
    "record_type": Key(text),
    "system": Key(text),
    "sequence": Key(whole),
    "received_on": Key(day),
    "offences": Key(texts),
    "group": Key(text),
    "links": Key(words),
    "part_of": Key(texts),
    "related": Key(words),
    "assessment": Key(text),
    "metadata": Key(words),
    **{name: Key(text) for name in _WRITTEN},
}
_PERSON: Keys = {"id": _ID, "date_of_birth": Key(day), "died_on": Key(day), "flags": Key(texts)}
_EVENT: Keys = {
    "on": Key(day, needed=True),
    "next_on": Key(day),
    **{name: Key(text) for name in ("trigger", "value", "contact", "decision", "record", "person", "offence")},
}


def _captured(**found: Any) -> Captured:
    dates = tuple((name, found.pop(name)) for name in _WRITTEN if name in found)
    return Captured(**found, dates=dates)


_EXAMPLE: Keys = {
    "row": _ID,
    "title": Key(text, needed=True),
    "asked_on": Key(day, needed=True),
    "stands": Key(one_of(*STANDS), needed=True),
    "sentence": Key(text, needed=True),
    "record": Key(many(inner(_captured, _RECORD)), needed=True, name="records"),
    "person": Key(many(inner(Named, _PERSON)), name="persons"),
    "event": Key(many(inner(Happened, _EVENT)), name="events"),
    "keep_until": Key(day),
    "review_on": Key(day),
    "group": Key(text),
    "problem": Key(text),
    "by_hand": Key(text),
}


def read_folder(folder: Path) -> list[Example]:
    """Read every file of a folder, in the order of their names."""
    return [example for path in sorted(folder.glob("*.toml")) for example in read_file(path)]


def read_file(path: Path) -> list[Example]:
    """Read one file of examples; one with mistakes is refused with all of them, each at its line."""
    content = path.read_text(encoding="utf-8")
    found = places(content)
    try:
        tables = tomllib.loads(content)
    except tomllib.TOMLDecodeError as error:
        raise BadPack(str(path), [Mistake(1, "file", f"not TOML: {error}", "mend the line")]) from None
    for key in tables.keys() - {"example"}:
        found.note(key, -1, None, "no such table", "write each example as [[example]]")
    examples = []
    for index, entry in enumerate(tables["example"] if isinstance(tables.get("example"), list) else []):
        read, wrong = read_keys(entry, _EXAMPLE)
        if not wrong:
            example = Example(**read, source=str(path), line=found.line("example", index))
            wrong = list(_at_odds(example))
            examples.append(example)
        for what, mend in wrong:
            found.note("example", index, entry.get("title"), what, mend)
    if found.mistakes:
        raise BadPack(str(path), found.mistakes)
    return examples


def _at_odds(example: Example) -> Iterator[tuple[str, str]]:
    """Tell what of an example names nothing, or cannot be."""
    records, persons = {each.id for each in example.records}, {each.id for each in example.persons}
    if not records:
        yield "has no record", "add [[example.record]]"
    for person in sorted({person for each in example.records for person, _ in each.links} - persons):
        yield f"links {person!r}, whom it does not describe", "add them as [[example.person]]"
    for event in example.events:
        yield from _cannot_happen(event, example.asked_on, {None, *records}, {None, *persons})
    if example.stands in ("kept", "due") and example.keep_until is None:
        yield "does not say until which day", "give `keep_until`"


def _cannot_happen(
    event: Happened, asked_on: date, records: set[str | None], persons: set[str | None]
) -> Iterator[tuple[str, str]]:
    if event.on > asked_on:
        yield f"has something happen on {event.on}, after the day asked", "ask on a later day"
    if event.record not in records or event.person not in persons:
        yield "has something happen to nobody in it", "name a record or a person of the example"
    if sum(each is not None for each in (event.trigger, event.contact, event.decision)) != 1:
        yield f"says not what happened on {event.on}", "give one of `trigger`, `contact` and `decision`"
