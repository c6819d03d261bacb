"""The schedule as a spreadsheet: one line a row of the pack, and back again without a difference.

Written for the programs that people have: a mark at the beginning so that accents survive, CRLF, no cell that a
spreadsheet would take for a formula. Read with the same forbearance, but a cell that says nothing sure is refused.
"""

import csv
import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from shared.policy import Pack
from shared.policy.keys import Wanted
from shared.policy.rule_keys import ROW
from tools.policy.plain import plain

_MARK = "\ufeff"
COLUMNS = tuple(name for key in ROW for name in ((f"{key}_by", f"{key}_on") if key == "confirmed" else (key,)))
_LISTS = {"notice", "clock", "age", "floors", "transfer", "refuses"}
_FLAGS = {"counts_for_person", "statutory", "locked"}
_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_GUARDED = re.compile(r"'+[=+\-@\t\r]")
_AGE = re.compile(r"(\d+) of ([a-z, ]+?)(?: under (\d+))?")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


class BadSheet(Exception):
    """The spreadsheet cannot be taken as it is; each line says the cell and the mend."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the sheet: its number as the spreadsheet counts, and the keys of its row."""

    number: int
    keys: dict[str, Any]


def address(column: int, line: int) -> str:
    """Name a cell as spreadsheets do: A1, AA7."""
    letters, column = "", column + 1
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return f"{letters}{line}"


def write(pack: Pack) -> bytes:
    """Write the rows of a pack."""
    out = io.StringIO(newline="")
    lines = csv.writer(out, lineterminator="\r\n")
    lines.writerow(COLUMNS)
    for row in pack.rows.values():
        keys = plain(row)
        lines.writerow([_guarded(_cell(name, keys)) for name in COLUMNS])
    return (_MARK + out.getvalue()).encode()


def read(content: bytes) -> list[Line]:
    """Read the lines of a sheet, or refuse it with every cell that cannot be taken."""
    lines = _lines(content)
    wrong, header = _header(next(lines, (1, []))[1])
    found: list[Line] = []
    seen: dict[str, str] = {}
    for number, cells in lines:
        if not any(cell.strip() for cell in cells):
            continue
        keys, bad = _keys(header, cells, number)
        name, at = str(keys.get("id", "")), address(header.get("id", 0), number)
        if name in seen:
            bad.append(f"{at}: row {name} stands in {seen[name]} already; keep one of the two")
        seen.setdefault(name, at)
        wrong += bad
        found.append(Line(number, keys))
    if wrong:
        raise BadSheet("\n".join(wrong))
    return found


def _lines(content: bytes) -> Iterator[tuple[int, list[str]]]:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BadSheet('A1: the file is not UTF-8; save it as "CSV UTF-8 (comma delimited)"') from None
    first = text.partition("\n")[0]
    delimiter = max((",", ";", "\t"), key=first.count)  # What a spreadsheet writes depends on its country.
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    number = 1
    try:
        for number, cells in enumerate(reader, start=1):
            yield number, cells
    except csv.Error as error:
        raise BadSheet(f"A{number + 1}: no line of a CSV file ({error}); export it anew") from None


def _header(cells: list[str]) -> tuple[list[str], dict[str, int]]:
    names = [cell.strip().lower() for cell in cells]
    header: dict[str, int] = {}
    wrong = []
    for column, name in enumerate(names):
        if name and name not in COLUMNS:
            wrong.append(f"{address(column, 1)}: there is no column {name!r}; remove it or use {', '.join(COLUMNS)}")
        elif name in header:
            wrong.append(f"{address(column, 1)}: the column {name!r} stands here twice; remove one")
        elif name:
            header[name] = column
    lost = [name for name in COLUMNS if name not in header]
    if lost:
        wrong.append(f"A1: {', '.join(lost)} missing; a column left out would empty it, so export the pack anew")
    return wrong, header


def _keys(header: dict[str, int], cells: list[str], number: int) -> tuple[dict[str, Any], list[str]]:
    keys: dict[str, Any] = {}
    wrong: list[str] = []
    for name, column in header.items():
        cell = _unguarded(cells[column] if column < len(cells) else "")
        try:
            _take(keys, name, cell)
        except Wanted as wanted:
            wrong.append(f"{address(column, number)}: `{name}` cannot be {cell!r}; {wanted}")
    wrong += [
        f"{address(column, number)}: {cell!r} stands under no heading; remove it"
        for column, cell in enumerate(cells)
        if cell.strip() and column not in header.values()
    ]
    if not keys.get("id"):
        wrong.append(f"{address(header.get('id', 0), number)}: the row has no `id`; give it one, or empty the line")
    at = header.get("confirmed_by", 0)
    if "confirmed" in keys and len(keys["confirmed"]) == 1:
        wrong.append(f"{address(at, number)}: confirmed needs who and since when; fill in both, or neither")
    return keys, wrong


def _take(keys: dict[str, Any], name: str, cell: str) -> None:
    """Put what a cell says under its key, and let the key's own reader judge it."""
    if not cell.strip():
        return
    if name in ("confirmed_by", "confirmed_on"):
        keys.setdefault("confirmed", {})[name[-2:]] = cell if name == "confirmed_by" else _day(cell)
        return
    keys[name] = _read(name, cell)
    ROW[name].read(keys[name])


def _read(name: str, cell: str) -> Any:
    if name in _LISTS:
        parts = [each.strip() for each in cell.split(";") if each.strip()]
        return [_one(name, each) for each in parts]
    if name in _FLAGS:
        if cell.strip().lower() not in ("yes", "true", "no", "false"):
            raise Wanted("write yes, or leave it empty")
        return cell.strip().lower() in ("yes", "true")
    return cell if name in ("title", "authority", "owner", "range", "note") else cell.strip()


def _one(name: str, cell: str) -> Any:
    if name == "clock" and "=" in cell:
        trigger, _, values = cell.partition("=")
        return {"trigger": trigger.strip(), "values": [each.strip() for each in values.split("|")]}
    if name == "age":
        match = _AGE.fullmatch(cell)
        if match is None:
            raise Wanted('write like "25 of subject, victim under 18"')
        under = {"under": int(match[3])} if match[3] else {}
        return {"of": [each.strip() for each in match[2].split(",")], "years": int(match[1]), **under}
    return cell


def _day(cell: str) -> date:
    if not _DAY.fullmatch(cell.strip()):
        raise Wanted("write a date like 2026-04-01, in a column that is formatted as text")
    try:
        return date.fromisoformat(cell.strip())
    except ValueError:
        raise Wanted("there is no such day") from None


def _cell(name: str, keys: dict[str, Any]) -> str:
    if name in ("confirmed_by", "confirmed_on"):
        return str(keys.get("confirmed", {}).get(name[-2:], ""))
    value = keys.get(name, "")
    if value is True:
        return "yes"
    return "; ".join(map(_item, value)) if isinstance(value, list) else str(value)


def _item(value: Any) -> str:
    if not isinstance(value, dict):
        return str(value)
    if "trigger" in value:
        return f"{value['trigger']}={'|'.join(value['values'])}"
    under = f" under {value['under']}" if "under" in value else ""
    return f"{value['years']} of {', '.join(value['of'])}{under}"


def _guarded(cell: str) -> str:
    """Put a mark before what a spreadsheet would take for a formula; reading takes exactly that mark away."""
    return f"'{cell}" if _FORMULA.match(cell) else cell


def _unguarded(cell: str) -> str:
    return cell[1:] if _GUARDED.match(cell) else cell


def lines_of(lines: Iterable[Line]) -> dict[str, int]:
    """Give the line on which each row stands."""
    return {str(line.keys["id"]): line.number for line in lines}
