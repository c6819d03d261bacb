"""Read a mapping file (TOML), and say every mistake in it with its key and the mend before any row is read."""

import difflib
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from shared.topics import BY_NAME
from tools.adapters.mapping.cells import FORMATTED, KINDS, converter, format_mistake
from tools.adapters.mapping.rules import Cell, Constant, Every, Items, RecordOf, Rule, Table
from tools.adapters.outgoing import Mistake
from tools.adapters.tables import ENCODINGS, Shape

INBOUND = "records.events.v1"
WITH_SEQUENCE = ("record.captured", "record.revised", "record.withdrawn", "nominal.recorded")
DEPTH_MAX = 8
MISTAKES_SHOWN_MAX = 20

_TOP = ("file", "event", "data", "lookup")
_FILE = ("encoding", "delimiter")
_EVENT = ("type", "source", "id", "time", "sequence", "subject")
_CELL = ("column", "columns", "kind", "format", "zone", "split", "join", "lookup", "default", "required")
_OF_A_CELL = ("format", "zone", "split", "join", "lookup", "required")  # No event's data has a field of such a name.
_NOT_IN_SLUG = re.compile(r"[^a-z0-9]+")


def slug(name: str) -> str:
    """Give a column's name as the name of a field."""
    return _NOT_IN_SLUG.sub("_", name.lower()).strip("_")


@dataclass(frozen=True, slots=True)
class Template:
    """A mapping that was found sound: how the file is written, and what each row's event is made of."""

    shape: Shape
    type: str
    source: str
    id: Cell | None  # None: the digest of the row.
    prefix: str
    data: Table
    time: Rule | None
    sequence: Rule | None
    subject: Rule | None
    digest: str  # Of the file's bytes: another mapping is another publication.

    @property
    def columns(self) -> frozenset[str]:
        """The columns that the file must have."""
        rules = [rule for rule in (self.id, self.data, self.time, self.sequence, self.subject) if rule is not None]
        return frozenset[str]().union(*(rule.columns for rule in rules))


@dataclass(slots=True)
class Reading:
    """A mapping under the eye: the mistakes found so far, and the lookups that it names."""

    mistakes: list[str] = field(default_factory=list)
    lookups: Mapping[str, Any] = field(default_factory=dict)

    def wrong(self, where: str, sentence: str) -> None:
        """Note a mistake."""
        self.mistakes.append(f"{where}: {sentence}")

    def known(self, where: str, given: Mapping[str, Any], keys: Iterable[str]) -> None:
        """Refuse keys that are not known; the nearest is named."""
        keys = list(keys)
        for key in sorted(set(given) - set(keys)):
            near = difflib.get_close_matches(key, keys, n=1)
            mend = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(keys)}."
            self.wrong(where, f"the key {key[:40]!r} is not known: {mend}")

    def table(self, given: Mapping[str, Any], key: str) -> Mapping[str, Any]:
        """Give a table of the file; one that is no table is a mistake."""
        found = given.get(key, {})
        if not isinstance(found, dict):
            self.wrong(key, f"is no table: write it as [{key}].")
            return {}
        return found

    def text(self, where: str, given: Mapping[str, Any], key: str) -> str:
        """Give a text that must be there."""
        found = given.get(key)
        if not isinstance(found, str) or not found:
            self.wrong(where, f'{key} is missing or no text: write {key} = "...".')
            return ""
        return found

    def rule(self, where: str, given: Any, depth: int = 0) -> Rule:
        """Read what a value is made of."""
        if depth > DEPTH_MAX:
            self.wrong(where, f"is nested deeper than {DEPTH_MAX}: an event's data is flatter.")
        elif isinstance(given, dict):
            return self._of_table(where, given, depth)
        elif isinstance(given, list):
            return Items(tuple(self.rule(f"{where}[{n}]", each, depth + 1) for n, each in enumerate(given)))
        elif not isinstance(given, str | int | bool):
            self.wrong(where, "is neither text, whole number, boolean, list nor table: write dates as text.")
        return Constant(given)

    def _of_table(self, where: str, given: Mapping[str, Any], depth: int) -> Rule:
        if given.get("columns") == "*":
            self.known(where, given, ("columns", "except"))
            return Every(slug, frozenset(self._names(where, given.get("except", []))))
        if "column" in given or "columns" in given:
            return self.cell(where, given)
        if set(given) == {"record_of"} and isinstance(given["record_of"], dict):
            inner = given["record_of"]
            self.known(f"{where}.record_of", inner, ("source_system", "source_record_id"))
            names = (inner.get("source_system", ""), inner.get("source_record_id", ""))
            return RecordOf(*(self.rule(f"{where}.record_of", each, depth + 1) for each in names))
        if any(key in _OF_A_CELL or difflib.get_close_matches(key, ("column", "columns")) for key in given):
            self.wrong(where, 'says how to read a cell and not of which column: add column = "Name".')
        return Table({key: self.rule(f"{where}.{key}", each, depth + 1) for key, each in given.items()})

    def cell(self, where: str, given: Mapping[str, Any]) -> Cell:
        """Read a rule that takes columns."""
        self.known(where, given, _CELL)
        names = self._names(where, [given["column"]] if "column" in given else given.get("columns"))
        kind, form = given.get("kind", "text"), given.get("format")
        if kind not in KINDS:
            self.wrong(where, f"kind is not one of {', '.join(KINDS)}.")
            kind = "text"
        for key in ("split", "join", "format", "zone"):
            if key in given and (not isinstance(given[key], str) or not given[key]):
                self.wrong(where, f"{key} is no text.")
                return Cell(names)
        zone = self._zone(where, given.get("zone"))
        if (form or zone) and kind not in FORMATTED:
            self.wrong(where, 'format and zone are for dates: add kind = "date", "month" or "instant".')
        elif form is not None and (said := format_mistake(kind, form, zone)):
            self.wrong(where, f"format: {said}.")
        return Cell(
            names,
            converter(kind, form, zone),
            given.get("join", " "),
            given.get("split"),
            self._lookup(where, given.get("lookup")),
            given.get("default"),
            given.get("required", False) is True,
        )

    def _names(self, where: str, given: Any) -> tuple[str, ...]:
        if not isinstance(given, list) or not all(isinstance(name, str) and name for name in given):
            self.wrong(where, 'names no columns: write column = "Name", or columns = ["One", "Two"].')
            return ()
        return tuple(given)

    def _zone(self, where: str, name: str | None) -> ZoneInfo | None:
        try:
            return None if name is None else ZoneInfo(name)
        except (ValueError, OSError, KeyError):
            self.wrong(where, f'there is no time zone {name[:40]!r}: such as "Europe/London".' if name else "no zone")
            return None

    def _lookup(self, where: str, given: Any) -> Mapping[str, Any] | None:
        if isinstance(given, str):
            if given not in self.lookups:
                self.wrong(where, f"there is no lookup {given[:40]!r}: write it as [lookup.{given[:40]}].")
            given = self.lookups.get(given, {})
        if given is not None and not (
            isinstance(given, dict) and all(isinstance(each, str | int | bool) for each in given.values())
        ):
            self.wrong(where, "lookup is no table of texts, whole numbers and booleans.")
            return {}
        return given


def read_mapping(path: Path) -> Template:
    """Read a mapping; a `Mistake` tells everything that is wrong with it."""
    try:
        raw = path.read_bytes()
        given = tomllib.loads(raw.decode())
    except OSError as error:
        raise Mistake(f"{path}: {error.strerror}: give the mapping as `--map FILE`.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Mistake(f"{path}: not TOML ({error}): mend it there.") from error
    reading = Reading()
    template = _template(reading, given, raw)
    if reading.mistakes:
        shown = reading.mistakes[:MISTAKES_SHOWN_MAX]
        more = len(reading.mistakes) - len(shown)
        raise Mistake("\n".join(f"{path}: {each}" for each in shown) + (f"\nand {more} more." if more else ""))
    return template


def _template(reading: Reading, given: Mapping[str, Any], raw: bytes) -> Template:
    reading.known("the mapping", given, _TOP)
    reading.lookups = reading.table(given, "lookup")
    event, data = reading.table(given, "event"), reading.table(given, "data")
    reading.known("[event]", event, _EVENT)
    if not data:
        reading.wrong("[data]", "is missing: it says what the event's data is made of.")
    kind = _type(reading, event)
    rules = {name: reading.rule(f"[event] {name}", event[name]) for name in ("time", "subject") if name in event}
    made = reading.rule("[data]", dict(data))
    cells, prefix = _id(reading, event)
    return Template(
        *(_shape(reading, reading.table(given, "file")), kind, reading.text("[event]", event, "source"), cells, prefix),
        *(made if isinstance(made, Table) else Table({}), rules.get("time"), _sequence(reading, event, kind)),
        *(rules.get("subject"), sha256(raw).hexdigest()),
    )


def _shape(reading: Reading, given: Mapping[str, Any]) -> Shape:
    reading.known("[file]", given, _FILE)
    encoding, delimiter = given.get("encoding", "utf-8"), given.get("delimiter", ",")
    if encoding not in ENCODINGS:
        reading.wrong("[file] encoding", f"is not one of {', '.join(ENCODINGS)}.")
        encoding = "utf-8"
    if not isinstance(delimiter, str) or len(delimiter) != 1 or delimiter in '"\r\n':
        reading.wrong("[file] delimiter", 'is not one character: such as "," or "\\t".')
        delimiter = ","
    return Shape(encoding, delimiter)


def _type(reading: Reading, event: Mapping[str, Any]) -> str:
    kind, types = reading.text("[event]", event, "type"), BY_NAME[INBOUND].types
    if kind and kind not in types:
        near = difflib.get_close_matches(kind, types, n=1)
        mend = f"did you mean {near[0]}?" if near else f"there are {', '.join(types)}."
        reading.wrong("[event] type", f"there is no type {kind[:60]!r}: {mend}")
    return kind


def _id(reading: Reading, event: Mapping[str, Any]) -> tuple[Cell | None, str]:
    """Read what names an event: columns that no two rows share, or all that the row says."""
    given = event.get("id")
    if given == "row":
        return None, ""
    if isinstance(given, dict):
        reading.known("[event] id", given, ("columns", "prefix"))
        names, prefix = reading._names("[event] id", given.get("columns")), given.get("prefix", "")
        if isinstance(prefix, str):
            return Cell(names, join=":", required=True), prefix
    reading.wrong("[event] id", 'write id = {columns = ["Reference", "Version"]}, or id = "row" for the row\'s digest.')
    return None, ""


def _sequence(reading: Reading, event: Mapping[str, Any], kind: str) -> Rule | None:
    """Read what orders the states of a record: a whole number, or an instant."""
    of_state = any(kind == f"tenure.{name}.v1" for name in WITH_SEQUENCE)
    given = event.get("sequence")
    if given is None:
        if of_state:
            reading.wrong(
                "[event]", "sequence is missing: states of a record are ordered by it; 1 if there is but one."
            )
        return None
    if not of_state and kind:
        reading.wrong("[event] sequence", f"{kind} carries none: take it out.")
    if isinstance(given, dict) and given.get("kind") not in ("integer", "instant"):
        reading.wrong("[event] sequence", 'is made of kind = "integer" or "instant".')
    elif not isinstance(given, dict) and (type(given) is not int or given < 1):
        reading.wrong("[event] sequence", "is neither a whole number from 1 on nor made of a column.")
    return reading.rule("[event] sequence", given)
