"""The rows of a CSV file as events, by a mapping; the header is checked before the first row, memory stays flat."""

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

import msgspec

from shared.ids import named
from tools.adapters.jsonl import named_subject
from tools.adapters.mapping.cells import milliseconds
from tools.adapters.mapping.reading import Template, read_mapping
from tools.adapters.outgoing import Mistake, Outgoing
from tools.adapters.tables import BadCell, Line, lines_of, opened

SEQUENCE_MAX = 2**63 - 1

_ID = re.compile(r"[A-Za-z0-9._:/-]{1,128}")
_MEND = "give a CSV file with the columns that the mapping names, plain or gzip"


class Mapped:
    """A mapping that was found sound, and how it reads files."""

    def __init__(self, mapping: Path) -> None:
        """Read the mapping; a `Mistake` tells everything that is wrong with it."""
        self.path = mapping
        self.template: Template = read_mapping(mapping)

    def read(self, path: Path) -> Iterator[Outgoing]:
        """Read a file's events in its own order; a `Mistake` names the line and the mend."""
        shape = self.template.shape
        with opened(path, shape, _MEND) as file:
            lines = lines_of(path, file, shape)
            header = self._header(path, next(lines, Line(1, [])))
            for number, cells in lines:
                try:
                    if len(cells) != len(header):
                        raise BadCell(f"{len(cells)} cells, the header has {len(header)}: mend the row, or take it out")
                    yield self._event(dict(zip(header, cells, strict=True)))
                except BadCell as error:
                    raise Mistake(f"{path}, line {number}: {error}.") from error

    def _header(self, path: Path, line: Line) -> list[str]:
        names = [name.strip() for name in line.cells]
        twice = [n for n, name in enumerate(names, start=1) if name and names.count(name) > 1]
        wrong = [f"columns {' and '.join(map(str, twice))} share their names"] if twice else []
        wrong += [f"column {n} has no name" for n, name in enumerate(names, start=1) if not name][:1]
        wrong += [f"the column {name!r} is missing" for name in sorted(self.template.columns - set(names))]
        if not names:
            wrong = ["the file is empty"]
        if wrong:
            detail = "; ".join(wrong)
            raise Mistake(
                f"{path}, line {line.number}: {detail}. {self.path} names what it needs: mend one or the other."
            )
        return names

    def _event(self, cells: dict[str, str]) -> Outgoing:
        template = self.template
        data = msgspec.json.encode(template.data.value(cells) or {})
        subject = template.subject.value(cells) if template.subject else named_subject(data)
        return Outgoing(
            kind=template.type,
            source=template.source,
            id=self._id(cells),
            type=template.type,
            data=data,
            subject=subject,
            time=self._time(cells),
            sequence=self._sequence(cells),
        )

    def _id(self, cells: dict[str, str]) -> str:
        """Name the event: by its columns, else by all that the row says, so that sending again changes nothing."""
        template = self.template
        if template.id is None:
            digest = hashlib.sha256(msgspec.json.encode(sorted(cells.items()))).hexdigest()
            return str(named(f"csv\n{template.source}\n{template.type}\n{digest}"))
        if not all(cells[name].strip() for name in template.id.names):
            raise BadCell(f"{' + '.join(template.id.names)!r} is partly empty: fill it in, or take the row out")
        found = template.prefix + str(template.id.value(cells))
        if not _ID.fullmatch(found):
            names = " + ".join(template.id.names)
            raise BadCell(f'{names!r} is no event id (1 to 128 of A-Z a-z 0-9 . _ : / -): mend it, or map id = "row"')
        return found

    def _time(self, cells: dict[str, str]) -> str | None:
        found = self.template.time.value(cells) if self.template.time else None
        return None if found is None else str(found)

    def _sequence(self, cells: dict[str, str]) -> str | None:
        if self.template.sequence is None:
            return None
        found = self.template.sequence.value(cells)
        number = milliseconds(found) if isinstance(found, str) else found
        if number is None or not 1 <= number <= SEQUENCE_MAX:
            raise BadCell("the sequence is empty or below 1: fill it in, or take the row out")
        return str(number)
