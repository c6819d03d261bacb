"""Read data.police.uk's monthly CSV files as events: burglaries, their outcomes, stop and searches.

The files know no ids for stops and no instants for crimes. An event's id is made from what a row says and which of its
identical rows it is, so publishing a file again changes nothing, and no field comes from the clock.
"""

import csv
import gzip
import hashlib
import re
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO
from zoneinfo import ZoneInfo

import msgspec

from shared.ids import named, record_id
from tools.adapters.outgoing import Mistake, Outgoing

ZONE = ZoneInfo("Europe/London")
ROWS_PER_MONTH_MAX = 1_000_000
CELL_CHARACTERS_MAX = 10_000
STREET_SYSTEM = "police-uk-street"
STOPS_SYSTEM = "police-uk-stops"

_MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])")
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)")
_NOT_IN_SLUG = re.compile(r"[^a-z0-9]+")

_CRIME = ("Crime ID", "Month", "Reported by", "Falls within", "Longitude", "Latitude", "Location", "LSOA code")
_STREET = (*_CRIME, "LSOA name", "Crime type", "Last outcome category", "Context")
_OUTCOMES = (*_CRIME, "LSOA name", "Outcome type")
_SEARCHED = ("Gender", "Age range", "Self-defined ethnicity", "Officer-defined ethnicity", "Legislation")
_FOUND = ("Outcome", "Outcome linked to object of search", "Removal of more than just outer clothing")
_STOP = ("Type", "Date", "Part of a policing operation", "Policing operation", "Latitude", "Longitude")
_STOPS = (*_STOP, *_SEARCHED, "Object of search", *_FOUND)

# Their words for what became of a crime. A suspect charged in another case is not charged in this one.
TRIGGERS = {
    "Suspect charged": "charged",
    "Offender given a caution": "cautioned",
    "Offender given penalty notice": "penalty_issued",
    "Unable to prosecute suspect": "no_further_action",
    "Investigation complete; no suspect identified": "no_further_action",
    "Formal action is not in the public interest": "no_further_action",
    "Further action is not in the public interest": "no_further_action",
    "Further investigation is not in the public interest": "no_further_action",
}


class BadCell(Exception):
    """A row's cell cannot be used: what it is and the mend, without the line's number."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row as published: its place, its cells by column, and the id of the event that it is."""

    month: str
    number: int  # Its line's number less one: emptying other lines moves no row.
    cells: dict[str, str]
    event_id: str

    def cell(self, column: str) -> str:
        """Give a cell that must not be empty."""
        if not self.cells[column]:
            raise BadCell(f"{column!r} is empty: fill it in, or take the row out")
        return self.cells[column]

    def month_of(self, column: str) -> str:
        """Give a cell that must be a month."""
        if not _MONTH.fullmatch(self.cell(column)):
            raise BadCell(f"{column!r} is not a month: write it as YYYY-MM")
        return self.cells[column]

    def content(self) -> dict[str, str]:
        """Give every column that says something; an empty cell is a value not given."""
        return {_field(column): cell for column, cell in self.cells.items() if cell}


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of file: its columns, and how a row of it becomes an event."""

    name: str
    columns: tuple[str, ...]
    dated_by: str
    event: Callable[[Row], Outgoing]


def read(path: Path) -> Iterator[Outgoing]:
    """Read a file's events in its own order; a `Mistake` names the line and the mend, the header is checked first."""
    try:
        with _opened(path) as file:
            yield from _events(path, file)
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or error
        raise Mistake(f"{path}: {reason}: give a CSV file of data.police.uk, plain or gzip.") from error


def _opened(path: Path) -> IO[str]:
    # Bytes that are no UTF-8 come through as surrogates, so that the row they stand in can be named.
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8-sig", errors="surrogateescape", newline="")
    return path.open(encoding="utf-8-sig", errors="surrogateescape", newline="")


def _events(path: Path, file: IO[str]) -> Iterator[Outgoing]:
    lines = csv.reader(file, strict=True)
    try:
        kind, order = _header(path, next(lines, []))
        seen: Counter[str] = Counter()
        month = ""
        for cells in lines:
            if cells:
                values = _values(kind, order, cells)
                month = month or _dataset_month(path, kind, values)
                yield kind.event(_row(kind, month, lines.line_num - 1, values, seen))
    except BadCell as error:
        raise Mistake(f"{path}, line {lines.line_num}: {error}.") from error
    except UnicodeEncodeError as error:
        raise Mistake(f"{path}, line {lines.line_num}: not UTF-8: save the file as UTF-8.") from error
    except csv.Error as error:
        raise Mistake(f"{path}, line {lines.line_num}: not CSV ({error}): mend the row, or take it out.") from error


def _header(path: Path, header: list[str]) -> tuple[Kind, list[int]]:
    """Tell the file's kind by its columns, in whatever order they stand."""
    if not header:
        raise Mistake(f"{path}: is empty or begins with an empty line: give a CSV file of data.police.uk.")
    for kind in KINDS:
        if sorted(header) == sorted(kind.columns):
            return kind, [header.index(column) for column in kind.columns]
    nearest = max(KINDS, key=lambda kind: len(set(kind.columns) & set(header)))
    missing = [column for column in nearest.columns if column not in header]
    unknown = [column for column in header if column not in nearest.columns]
    wrong = [f"the column {column!r} is missing" for column in missing]
    wrong += [f"the column {column[:40]!a} is not known" for column in unknown]
    detail = "; ".join(wrong[:3]) or "a column stands twice"
    raise Mistake(f"{path}, line 1: {detail}. Give the columns of a {nearest.name} file as data.police.uk has them.")


def _values(kind: Kind, order: list[int], cells: list[str]) -> dict[str, str]:
    if len(cells) != len(order):
        raise BadCell(f"{len(cells)} cells, the header has {len(order)}: mend the row, or take it out")
    if max(map(len, cells)) > CELL_CHARACTERS_MAX:
        raise BadCell(f"a cell is longer than {CELL_CHARACTERS_MAX} characters: is a quotation mark missing?")
    if any("\0" in cell for cell in cells):
        raise BadCell("a cell holds a NUL character: take it out")
    return {column: cells[at] for column, at in zip(kind.columns, order, strict=True)}


def _dataset_month(path: Path, kind: Kind, values: dict[str, str]) -> str:
    """Give the month the file is of: as its name says, else that of its first row."""
    if (named_so := _MONTH.match(path.name)) is not None:
        return named_so[0]
    first = Row("", 0, values, "")
    return _london_day(first)[:7] if kind.dated_by == "Date" else first.month_of(kind.dated_by)


def _row(kind: Kind, month: str, number: int, values: dict[str, str], seen: Counter[str]) -> Row:
    """Identify a row by what it says and which of its identical rows it is (the first is 1)."""
    if number >= ROWS_PER_MONTH_MAX:
        raise BadCell(f"a month has at most {ROWS_PER_MONTH_MAX:,} rows: split the file by month")
    digest = hashlib.sha256(msgspec.json.encode(list(values.values()))).hexdigest()
    seen[digest] += 1
    return Row(month, number, values, str(named(f"police-uk\n{month}\n{kind.name}\n{digest}\n{seen[digest]}")))


def _field(column: str) -> str:
    return _NOT_IN_SLUG.sub("_", column.lower())


def _london_day(row: Row) -> str:
    """Give the civil day in London of a stop."""
    instant = row.cell("Date")
    if not _INSTANT.fullmatch(instant):
        raise BadCell("'Date' is not an instant: write day, time and offset, as 2022-08-01T10:05:00+00:00")
    try:
        return datetime.fromisoformat(instant).astimezone(ZONE).date().isoformat()
    except (ValueError, OverflowError):
        raise BadCell("'Date' is no day of the calendar: mend it, or take the row out") from None


def _street(row: Row) -> Outgoing:
    """A recorded crime; the same crime lower in the file, or in a later month, is a revision of it."""
    crime = row.cells["Crime ID"] or row.event_id  # Some rows have none: then the row is all there is to tell it by.
    state = {
        "source_system": STREET_SYSTEM,
        "source_record_id": crime,
        "record_type": "crime_report",
        "occurred_on": row.month_of("Month"),
        "precision": "month",
        "unit": row.cells["Falls within"] or None,
        "offences": [f"police-uk:{_slug(row.cell('Crime type'))}"],
        "content": row.content(),
    }
    sequence = int(row.month.replace("-", "")) * ROWS_PER_MONTH_MAX + row.number
    return _captured("street", row, state, sequence)


def _stop(row: Row) -> Outgoing:
    """A stop: each row its own record, rows that say the same included."""
    state = {
        "source_system": STOPS_SYSTEM,
        "source_record_id": row.event_id,
        "record_type": "stop_and_search",
        "occurred_on": _london_day(row),
        "content": row.content(),
    }
    return _captured("stop-and-search", row, state, 1, row.cells["Date"])


def _captured(kind: str, row: Row, state: Mapping[str, object], sequence: int, time: str | None = None) -> Outgoing:
    given = {name: value for name, value in state.items() if value is not None}
    return Outgoing(
        kind=kind,
        source=f"urn:police-uk:{kind}",
        id=row.event_id,
        type="tenure.record.captured.v1",
        data=msgspec.json.encode(given),
        subject=str(record_id(str(state["source_system"]), str(state["source_record_id"]))),
        time=time,
        sequence=str(sequence),
    )


def _outcome(row: Row) -> Outgoing:
    """What became of a crime: a trigger on its record, which may come later."""
    crime = str(record_id(STREET_SYSTEM, row.cell("Crime ID")))
    words = row.cell("Outcome type")
    data = {"record_id": crime, "trigger": TRIGGERS.get(words, "outcome_recorded")}
    if words not in TRIGGERS:
        data["value"] = _slug(words)
    data |= {"on": row.month_of("Month"), "precision": "month"}
    return Outgoing(
        kind="outcomes",
        source="urn:police-uk:outcomes",
        id=row.event_id,
        type="tenure.trigger.recorded.v1",
        data=msgspec.json.encode(data),
        subject=crime,
    )


def _slug(words: str) -> str:
    return _NOT_IN_SLUG.sub("-", words.lower()).strip("-")


KINDS = (
    Kind("street", _STREET, "Month", _street),
    Kind("outcomes", _OUTCOMES, "Month", _outcome),
    Kind("stop-and-search", _STOPS, "Date", _stop),
)
