"""Read a CSV file row by row, however long: what is not CSV, or not in its encoding, is a mistake with its line."""

import csv
import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NamedTuple

from tools.adapters.outgoing import Mistake

CELL_CHARACTERS_MAX = 100_000
ENCODINGS = {"utf-8": "utf-8-sig", "latin-1": "latin-1", "windows-1252": "cp1252"}


class BadCell(Exception):
    """A row's cell cannot be used: what it is and the mend, without the line's number."""


class Shape(NamedTuple):
    """How a file is written."""

    encoding: str = "utf-8"
    delimiter: str = ","


class Line(NamedTuple):
    """One row: where it begins in the file, and its cells."""

    number: int
    cells: list[str]


@contextmanager
def opened(path: Path, shape: Shape, what: str) -> Iterator[IO[str]]:
    """Open a file, plain or gzip; one that cannot be read is a `Mistake`, and `what` is the mend."""
    # Bytes that are not of the encoding come through as surrogates, so that the row they stand in can be named.
    how = {"encoding": ENCODINGS[shape.encoding], "errors": "surrogateescape", "newline": ""}
    try:
        with gzip.open(path, "rt", **how) if path.suffix == ".gz" else path.open("r", **how) as file:  # type: ignore[call-overload]
            yield file
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or error
        raise Mistake(f"{path}: {reason}: {what}.") from error


def lines_of(path: Path, file: IO[str], shape: Shape) -> Iterator[Line]:
    """Give the rows that hold anything; the first is the header. A quoted cell may hold line breaks."""
    previous = csv.field_size_limit(CELL_CHARACTERS_MAX)
    reader = csv.reader(file, strict=True, delimiter=shape.delimiter)
    begins = 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                _refuse_strange(cells, shape)
                yield Line(begins, cells)
            begins = reader.line_num + 1
    except BadCell as error:
        raise Mistake(f"{path}, line {begins}: {error}.") from error
    except csv.Error as error:
        mend = "mend the row, or take it out; is a quotation mark missing?"
        raise Mistake(f"{path}, line {begins}: not CSV ({error}): {mend}") from error
    finally:
        csv.field_size_limit(previous)


def _refuse_strange(cells: list[str], shape: Shape) -> None:
    text = "".join(cells)
    if "\0" in text:
        raise BadCell("a cell holds a NUL character: take it out")
    if text.isascii():
        return
    if not text.isprintable() and any("\ud800" <= character <= "\udfff" for character in text):
        others = " or ".join(f'"{name}"' for name in ENCODINGS if name != shape.encoding)
        raise BadCell(
            f"not {shape.encoding}: save the file so, or write encoding = {others} under [file] of the mapping"
        )
