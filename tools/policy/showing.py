"""A policy pack for reading: what is in it, the schedule as a table, one row or class in full."""

from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.table import Column, Table

from shared.policy import Class, Pack, Row
from shared.policy.scheme import lineage
from tools.cli.words import unknown
from tools.policy.plain import end_in_words, floor_in_words, in_words, kept_in_words, starts_in_words
from tools.stack.errors import StackError

_WIDTH = 18


def summary(pack: Pack, path: Path) -> list[str]:
    """Say what is in a pack."""
    confirmed = sum(row.confirmed is not None for row in pack.rows.values())
    mode = (
        f"live, approved by {' and '.join(pack.mode_approved_by)}" if pack.live else "observe: it disposes of nothing"
    )
    return [
        f"{path} is a policy pack: {pack.id}, from {pack.effective_on}, {mode}.",
        f"{len(pack.rows)} rows, of which owners have confirmed {confirmed}; {len(pack.classes)} classes, "
        f"{len(pack.record_types)} record types, {len(pack.groups)} groups, {len(pack.offences)} offences.",
        f"Its hash, by which every schedule cites it, is {pack.hash}.",
    ]


def table(pack: Pack, console: Console | None = None) -> None:
    """Print the retention schedule."""
    heads = ("row", "title", "clock starts at", "kept", "at the end", "floors", "evidence", "confirmed")
    shown = Table(*(Column(head, overflow="fold") for head in heads))  # Where there is little room no word is cut.
    title = None
    for row in pack.rows.values():
        if row.table != title:
            shown.add_section()
            shown.add_row("", f"[bold]{row.table or 'In no table'}[/bold]")
        title = row.table
        cells = (row.id, row.title, starts_in_words(row), kept_in_words(row), end_in_words(row), ", ".join(row.floors))
        shown.add_row(*cells, row.evidence, row.confirmed.by if row.confirmed else "no")
    (console or Console()).print(shown)


def one(pack: Pack, name: str) -> list[str]:
    """Tell one row or class in full."""
    if name in pack.rows:
        return list(_row(pack, pack.rows[name]))
    if name in pack.classes:
        return list(_class(pack, pack.classes[name]))
    raise StackError(unknown("row or class", name, [*pack.rows, *pack.classes]))


def _said(name: str, value: str | None) -> Iterator[str]:
    if value:
        yield f"{name:<{_WIDTH}}{value}"


def _row(pack: Pack, row: Row) -> Iterator[str]:
    yield f"{row.id}: {row.title}"
    yield ""
    for name in ("table", "authority", "owner", "evidence", "regime", "jurisdiction", "range", "note"):
        yield from _said(name, getattr(row, name))
    yield from _said("confirmed", f"by {row.confirmed.by} on {row.confirmed.on}" if row.confirmed else _unconfirmed())
    yield from _said("clock starts at", starts_in_words(row))
    yield from _said("notice", ", else ".join(row.notice).replace("_", " "))
    yield from _said("kept", kept_in_words(row))
    yield from _said("looked at every", in_words(row.cycle) if row.cycle else "")
    yield from _said("at the end", end_in_words(row))
    if not row.refuses:
        yield from _said("a rule for the", row.of_unit.replace("_", " "))
        yield from _said("a change reaches", row.reaches.replace("_", " "))
    yield from _said("refuses", ", ".join(row.refuses))
    for mark, says in (
        (row.counts_for_person, "It groups its offenders and moves their clocks."),
        (row.statutory, "Its date is a statute's."),
        (row.locked, "It is locked: no override shortens it without a named legal authority and two people."),
    ):
        yield from _said("", says if mark else "")
    for floor in row.floors:
        for number, line in enumerate(floor_in_words(pack.floors[floor])):
            yield from _said("" if number else f"floor {floor}"[: _WIDTH - 1], line)
    using = [each.id for each in pack.classes.values() if each.row == row.id]
    yield from _said("classes", ", ".join(using) or "none")


def _unconfirmed() -> str:
    return "by nobody: it dates records and opens reviews, and disposes of nothing by time alone"


def _class(pack: Pack, value: Class) -> Iterator[str]:
    line = list(lineage(pack.classes, value.id))
    yield f"{value.id}: {value.title}"
    yield ""
    yield from _said("under", " > ".join(each.id for each in line[1:]))
    yield from _said("takes", ", ".join(_conditions(value)) or "no record itself")
    whence = "" if value.row_from == value.id else f" (from {value.row_from})"
    yield from _said("row", f"{value.row}{whence}" if value.row else "none")
    yield from _said("backstop", in_words(value.backstop) if value.backstop else "")
    yield from _said("exception owner", (value.exception_owner or "").replace("_", " "))
    facets = {name: (word, each.id) for each in reversed(line) for name, word in each.facets}
    for name, (word, whose) in facets.items():
        yield from _said(name, word.replace("_", " ") + ("" if whose == value.id else f" (from {whose})"))
    yield from _said(
        "classes under it", ", ".join(each.id for each in pack.classes.values() if each.parent == value.id)
    )
    if value.row:
        yield ""
        yield from _row(pack, pack.rows[value.row])


def _conditions(value: Class) -> Iterator[str]:
    when = value.when
    if when is None:
        return
    for name in ("record_type", "source_system"):
        if given := getattr(when, name):
            yield f"{name.replace('_', ' ')} {given}"
    for name, yes, no in (
        ("offending_link", "with an offending link", "without an offending link"),
        ("serious", "of a serious offence", "of no serious offence"),
        ("part_of", "part of a case file", "part of no case file"),
    ):
        if (given := getattr(when, name)) is not None:
            yield yes if given else no
    yield from (f"offence {code}" for code in sorted(when.offence))
    yield from (f"metadata {key} = {word}" for key, word in when.metadata)
