"""The last day of one record by its row and its persons, then with its case files: each member as the whole asks."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import NamedTuple
from uuid import UUID

from shared.ids import record_id
from tools.verify.dating.book import Book, Placed
from tools.verify.dating.clocks import Undated, clock_of, floor_of, happened
from tools.verify.dating.people import Person, gift_of
from tools.verify.dating.told import NotJudged, Told
from tools.verify.dating.versions import Table

OWN_DATE = ("created_on", "recorded_at", "reported_at", "occurred_on")


class Dated(NamedTuple):
    """How long a record is kept; one that waits for something to happen has no day yet, and lacks nothing."""

    until: date | None = None
    group: str | None = None
    permanent: bool = False
    waits: bool = False
    undated: bool = False

    def shown(self) -> tuple[str, date | None, str | None]:
        """Give its state, last day and group as a schedule has them."""
        state = "exception" if self.undated else "permanent" if self.permanent else "current"
        return state, None if self.permanent or self.waits else self.until, self.group


class Member(NamedTuple):
    """A record, where it belongs, and what it comes to without its case files."""

    record: Told
    placed: Placed
    own: Dated

    @property
    def whole(self) -> bool:
        """Whether its row is a rule for a case file with all its parts."""
        row = self.placed.row or {}
        return not self.unfit and "case_file" in (row.get("unit"), row.get("follows"))

    @property
    def unfit(self) -> bool:
        """Whether only a case file would date it, and it is in none."""
        return self.placed.follows == "case_file" and not files_of(self.record)


def files_of(record: Told) -> frozenset[UUID]:
    """Name the case files that a record is part of."""
    body = record.shown.body
    return frozenset(record_id(body.get("source_system") or "", each) for each in body.get("part_of") or ())


def date_alone(book: Book, record: Told, placed: Placed, persons: Sequence[Person]) -> Dated:
    """Date a record without its case files."""
    if placed.row is None:
        return Dated(undated=True)
    try:
        floor = floor_of(book, placed.row, book.shown_dates(record))
        grouped = [each for each in persons if each.group]
        if placed.follows == "mopi" and record.withdrawn:
            until = max((day for day in (floor, _before_withdrawn(book, record, placed)) if day), default=None)
            return Dated(until, waits=until is None)
        if placed.follows == "mopi" and grouped:
            until = max((day for day in (floor, *(each.until for each in grouped)) if day), default=None)
            group, undated = book.highest(each.group for each in grouped), any(each.undated for each in grouped)
            return Dated(until, group, undated=undated)
        return _by_row(book, record, placed.row, floor)
    except Undated:
        return Dated(undated=True)


def _before_withdrawn(book: Book, record: Told, placed: Placed) -> date | None:
    """Give the last day that those on it gave a record, by its own facts, before it was withdrawn."""
    on = gift_of(book, record, placed.offenders).notice_on
    if on is None or placed.group is None:
        return None
    rule = book.groups[placed.group]
    return book.later(on, rule.get("clear") or rule["cadence"])


def _by_row(book: Book, record: Told, row: Table, floor: date | None) -> Dated:
    if "age" in row:
        raise NotJudged("under rows that count from birthdays")
    retain = row.get("retain")
    if row.get("follows") == "case_file":
        return Dated(floor)
    if retain == "permanent":
        return Dated(permanent=True)
    clock = clock_of(book, row, record, book.shown_dates(record))
    if clock.on is None or retain is None:
        return Dated(floor, waits=clock.waits, undated=not clock.waits)
    until = clock.on if retain == "none" else book.later(clock.on, retain)
    return Dated(max(until, floor or until))


def in_file(book: Book, members: Mapping[UUID, Member], wanted: UUID) -> Dated:
    """Date a record with its case files: a file as its parts ask, a part as its files do."""
    files = {key: files_of(each.record) & members.keys() for key, each in members.items()}
    if book.pack["pack"].get("prevails") or any(files[file] for its in files.values() for file in its):
        raise NotJudged("in files within files, or where one rule prevails")
    member, named = members[wanted], files_of(members[wanted].record)
    if named - members.keys():
        return member.own._replace(undated=True)
    parts = {key for key, its in files.items() if wanted in its}
    if not named:
        return _whole(book, member, [members[key] for key in parts])
    binding = [file for file in named if member.placed.follows == "case_file" or members[file].whole]
    parts_of = {file: [members[key] for key, its in files.items() if file in its] for file in binding}
    return _together(member.own, [_whole(book, members[file], parts) for file, parts in parts_of.items()])


def _whole(book: Book, file: Member, parts: Collection[Member]) -> Dated:
    closed = max(happened(book, file.record, "closed"), default=None) if "closed" in book.triggers else None
    for part in parts:
        dates = book.dates(part.record.shown, part.record)
        on = next((dates[name] for name in OWN_DATE if name in dates), None)
        if closed and (on is None or on > closed):
            raise NotJudged("in files that were closed before a part's own date")
    alone = file.own
    if file.unfit:
        alone = alone._replace(undated=True)
    return _together(alone, [part.own for part in parts]) if file.whole else alone


def _together(own: Dated, asked: Sequence[Dated]) -> Dated:
    """Keep a record as long as it asks itself, and as long as all these do."""
    every = [own, *asked]
    return own._replace(
        until=max((each.until for each in every if each.until), default=None),
        permanent=any(each.permanent for each in every),
        waits=any(each.waits for each in every),
        undated=any(each.undated for each in every),
    )
