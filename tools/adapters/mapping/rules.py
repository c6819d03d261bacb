"""What an event's data is made of: constants, cells, and objects and lists of those; nothing is what has no value."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from shared.ids import record_id
from tools.adapters.mapping.cells import Convert
from tools.adapters.tables import BadCell

Cells = Mapping[str, str]


class Rule(Protocol):
    """Gives one value of an event from a row; None is no value."""

    @property
    def columns(self) -> frozenset[str]:
        """The columns that it reads."""

    def value(self, cells: Cells) -> Any:
        """Give the value; `BadCell` where a cell cannot be used."""


@dataclass(frozen=True, slots=True)
class Constant:
    """The same for every row."""

    constant: Any
    columns: frozenset[str] = frozenset()

    def value(self, cells: Cells) -> Any:
        """Give it."""
        return self.constant


@dataclass(frozen=True, slots=True)
class Cell:
    """One column's text, or several joined, turned into a value; an empty cell is none."""

    names: tuple[str, ...]
    convert: Convert = str
    join: str = " "
    split: str | None = None
    lookup: Mapping[str, Any] | None = None
    default: Any = None
    required: bool = False

    @property
    def columns(self) -> frozenset[str]:
        """The columns that it reads."""
        return frozenset(self.names)

    def value(self, cells: Cells) -> Any:
        """Give the value; a cell that cannot be used is named."""
        given = [text for name in self.names if (text := cells[name].strip())]
        label = " + ".join(self.names)
        if not given:
            if self.required:
                raise BadCell(f"{label!r} is empty: fill it in, or take the row out")
            return self.default
        text = self.join.join(given)
        try:
            if self.split is None:
                return self._one(text)
            return [self._one(part.strip()) for part in text.split(self.split) if part.strip()] or None
        except BadCell as error:
            raise BadCell(f"{label!r} {error}") from None

    def _one(self, text: str) -> Any:
        if self.lookup is None:
            return self.convert(text)
        if text not in self.lookup:
            raise BadCell("holds a value that the mapping's lookup does not list: add it there, or mend the cell")
        return self.lookup[text]


@dataclass(frozen=True, slots=True)
class Every:
    """All columns that say something, by their names in small letters, but for those excepted."""

    fields: Callable[[str], str]
    excepted: frozenset[str] = frozenset()

    @property
    def columns(self) -> frozenset[str]:
        """The columns that must be there."""
        return self.excepted

    def value(self, cells: Cells) -> Any:
        """Give the columns as an object."""
        return {self.fields(name): text for name, text in cells.items() if text.strip() and name not in self.excepted}


@dataclass(frozen=True, slots=True)
class RecordOf:
    """The id of the record that a system knows by a name."""

    system: Rule
    name: Rule

    @property
    def columns(self) -> frozenset[str]:
        """The columns that it reads."""
        return self.system.columns | self.name.columns

    def value(self, cells: Cells) -> Any:
        """Give the id; none where the row names no record."""
        system, name = self.system.value(cells), self.name.value(cells)
        return str(record_id(str(system), str(name))) if system and name else None


@dataclass(frozen=True, slots=True)
class Table:
    """An object; one that reads columns is left out where all of them are empty."""

    fields: Mapping[str, Rule]

    @property
    def columns(self) -> frozenset[str]:
        """The columns that it reads."""
        return frozenset[str]().union(*(rule.columns for rule in self.fields.values()))

    def value(self, cells: Cells) -> Any:
        """Give the object without what has no value."""
        found = {name: value for name, rule in self.fields.items() if (value := rule.value(cells)) is not None}
        fed = [name for name, rule in self.fields.items() if rule.columns]
        return None if fed and not any(name in found for name in fed) else found


@dataclass(frozen=True, slots=True)
class Items:
    """A list; what has no value is left out."""

    rules: tuple[Rule, ...]

    @property
    def columns(self) -> frozenset[str]:
        """The columns that it reads."""
        return frozenset[str]().union(*(rule.columns for rule in self.rules))

    def value(self, cells: Cells) -> Any:
        """Give the list; none where it is empty."""
        return [value for rule in self.rules if (value := rule.value(cells)) is not None] or None
