"""Small plots and tables in plain characters, made to fit a line."""

from collections.abc import Mapping, Sequence

FULL, PLAIN = "█", "#"


def bars(counts: Mapping[str, int], width: int, mark: str = FULL) -> list[str]:
    """Draw one line for each count, none longer than the width; whatever is not nothing has a mark."""
    names = max((len(name) for name in counts), default=0)
    numbers = max((len(f"{count:,}") for count in counts.values()), default=0)
    room, most = max(width - names - numbers - 4, 1), max(counts.values(), default=0)
    return [
        f"{name:<{names}}  {count:>{numbers},}  {mark * _length(count, most, room)}".rstrip()
        for name, count in counts.items()
    ]


def _length(count: int, most: int, room: int) -> int:
    return max(1, count * room // most) if count > 0 else 0


def table(rows: Sequence[Sequence[object]]) -> list[str]:
    """Set rows in columns, the first to the left and the others, which hold numbers, to the right."""
    cells = [[f"{cell:,}" if isinstance(cell, int) else str(cell) for cell in row] for row in rows]
    widths = [max(len(cell) for cell in column) for column in zip(*cells, strict=True)]
    return [
        "  ".join([f"{row[0]:<{widths[0]}}", *(f"{c:>{w}}" for c, w in zip(row[1:], widths[1:], strict=True))]).rstrip()
        for row in cells
    ]


def mark_for(encoding: str) -> str:
    """Give the mark that an encoding can write."""
    try:
        FULL.encode(encoding)
    except (LookupError, UnicodeEncodeError):
        return PLAIN
    return FULL
