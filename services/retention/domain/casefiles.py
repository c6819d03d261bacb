"""Case files and their parts: what a part gives its files, what they give it, and what keeps it from joining one."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

import msgspec

from services.retention.domain.dates import Dates, first_of, last_of
from services.retention.domain.facts import Fact, RecordState, first_possible, happening
from services.retention.domain.suppliers import CLASS, dating
from shared.ids import record_id
from shared.policy import End, Pack, Row

if TYPE_CHECKING:
    from services.retention.domain.records import Side
    from services.retention.domain.schedule import Kept, Schedule

CLOSED = "closed"
"""The trigger by which a case file is closed; what the pack lets undo it opens it again."""
NOT_KNOWN, GONE, LATE, NO_DATE = "case_file_not_known", "case_file_gone", "dated_after_file_closed", "no_part_date"
MEMBER, FILE = "case_member_undated", "case_file_undated"
# Never the day it was received: whether a part may join must not depend on which came first.
ITS_OWN = ("created_on", "recorded_at", "reported_at", "occurred_on")


class Ties(msgspec.Struct, frozen=True):
    """Which other records the states of a record name, and as what."""

    files: frozenset[UUID] = frozenset()
    """The case files that it is part of by the state that shows."""
    ever: frozenset[UUID] = frozenset()
    """Those that any state named: a hold over one of them covers it still."""
    on: date | None = None
    """Its own date, by which it may join a file or came too late."""
    reopens: bool = False
    """Of a case file: whether a part dated after it was closed opens it again."""
    related: frozenset[tuple[UUID, str]] = frozenset()
    related_ever: frozenset[tuple[UUID, str]] = frozenset()
    """Those that any state named: a look back may see them."""


class Share(msgspec.Struct, frozen=True):
    """What one record asks of those that must wait for it, or several of them together."""

    until: date | None = None
    by_age: bool = False
    permanent: bool = False
    waits: bool = False
    undated: bool = False
    """Nobody can tell yet: `until` then says at least until."""


class CaseFile(msgspec.Struct, frozen=True):
    """A case file as a part of it sees it."""

    record: UUID
    known: bool = True
    gone: bool = False
    binds: bool = False
    """Whether its rule is one for the whole file: its parts then wait for it, and go with it."""
    bars_after: date | None = None
    """A part dated after this day may not join any more."""
    share: Share = Share()
    end: End = "review"


class Case(msgspec.Struct, frozen=True):
    """All that other records say to one record through case files."""

    on: date | None = None
    files: tuple[CaseFile, ...] = ()
    parts: Share | None = None
    """What all its parts ask together; None where it has none."""
    circle: str | None = None


NO_CASE = Case()


class Filed(NamedTuple):
    """What an explanation tells of case files: those that a record is part of, how many parts it has, what they ask."""

    case: Case = NO_CASE
    parts: int = 0
    asked: Mapping[UUID, Share] = {}
    """Of very many parts those that ask for longest."""
    opened_on: date | None = None
    """The date of the part that opened it again after it was closed."""


def ties_of(
    states: Sequence[RecordState], shown: RecordState, dates: Dates, pack: Pack, *, withdrawn: bool = False
) -> Ties:
    """Read whom the states of a record name; one withdrawn as a whole refers to nothing any more."""
    known = pack.record_types.get(shown.record_type or "")
    return Ties(
        files=_files(shown),
        ever=frozenset(each for state in states for each in _files(state)),
        on=first_of(ITS_OWN, dates),
        reopens=known is not None and known.late_parts == "reopen",
        related=frozenset() if withdrawn else _related(shown),
        related_ever=frozenset(each for state in states for each in _related(state)),
    )


def _related(state: RecordState) -> frozenset[tuple[UUID, str]]:
    return frozenset((record_id(each.source_system, each.source_record_id), each.kind) for each in state.related or ())


def _files(state: RecordState) -> frozenset[UUID]:
    return frozenset(record_id(state.source_system or "", each) for each in state.part_of or ())


def reopened(facts: Sequence[Fact], last: date | None, pack: Pack) -> Sequence[Fact]:
    """Leave out what closed a file before the date of its last part: such a part opens it again."""
    if last is None:
        return facts
    return [fact for fact in facts if not (_closes(fact) and (on := first_possible(fact, pack)) and on < last)]


def _closes(fact: Fact) -> bool:
    return fact.kind == "trigger" and happening(fact).trigger == CLOSED


def is_whole(side: "Side", pack: Pack) -> bool:
    """Say whether a record is dated by a rule for a case file with all its parts."""
    return any(row.of_unit == "case_file" for row in _rows(side, pack))


def as_file(side: "Side", pack: Pack) -> bool:
    """Say whether a record is kept as its case files are, whatever their rule is for."""
    return any(row.as_file for row in _rows(side, pack, named=False))


def _rows(side: "Side", pack: Pack, *, named: bool = True) -> list[Row]:
    """List the rows that may date a record, with or without one in whose place a decision names the last day."""
    rows = (pack.rows.get(each.row or "") for each in dating(side, pack) if named or not each.until)
    return [row for row in rows if row]


def _order(side: "Side", pack: Pack) -> int:
    """Say which prevails in the pack's order: -1 the record's own rule, 1 its file's; 0: neither, the latest does."""
    if not pack.prevails or as_file(side, pack):
        return 0
    ranks = {name: at for at, name in enumerate(pack.prevails)}
    row, last = pack.rows.get(side.row or ""), len(ranks)
    first = next((each.by for each in dating(side, pack)), CLASS)
    file, mine = ranks.get("case_file", last), ranks.get(first, last)
    # Nothing shortens a locked row.
    return (file < mine and not (row and row.locked)) - (mine < file)


def asking(share: Share, side: "Side", pack: Pack) -> Share:
    """Leave what a part asks of its files: nothing but to be dated, where one rule prevails over the other."""
    order = _order(side, pack)
    if order:
        return Share(undated=share.undated and order > 0)
    return share


def share_of(schedule: "Schedule") -> Share:
    """Say what a dated record asks of those that wait for it."""
    dated = schedule.keep_until is not None
    undated = schedule.state == "exception"
    permanent = schedule.state == "permanent"
    return Share(schedule.keep_until, schedule.by_age, permanent, not (dated or undated or permanent), undated)


def together(shares: Iterable[Share]) -> Share | None:
    """Join what several records ask; None where there are none."""
    joined: Share | None = None
    for share in shares:
        joined = share if joined is None else _both(joined, share)
    return joined


def _both(one: Share, other: Share) -> Share:
    until = last_of(one.until, other.until)
    return Share(
        until=until,
        by_age=any(each.by_age for each in (one, other) if each.until and each.until == until),
        permanent=one.permanent or other.permanent,
        waits=one.waits or other.waits,
        undated=one.undated or other.undated,
    )


def file_of(record: UUID, schedule: "Schedule | None", side: "Side | None", pack: Pack, *, gone: bool) -> CaseFile:
    """Show a case file as its parts see it; one without a schedule has not come yet."""
    if schedule is None or side is None:
        return CaseFile(record, known=False)
    return CaseFile(record, True, gone, is_whole(side, pack), side.bars_after, share_of(schedule), schedule.end)


def file_gone(record: UUID, side: "Side", pack: Pack) -> CaseFile:
    """Show a case file that was disposed of as whoever is still part of it sees it."""
    return CaseFile(record, gone=True, binds=is_whole(side, pack), bars_after=side.bars_after)


def decides(share: Share, schedule: "Schedule") -> bool:
    """Say whether what one record asks is why a file, or a part, has the date that it has: or why it has none."""
    if schedule.problem in (MEMBER, FILE):
        return share.undated
    if schedule.state == "permanent":
        return share.permanent
    return share.waits if schedule.keep_until is None else share.until == schedule.keep_until


def late(on: date | None, bars_after: date | None) -> bool:
    """Say whether a part may not join a file that was closed: dated after it, or not dated at all."""
    return bars_after is not None and (on is None or on > bars_after)


def holds_back(file: CaseFile, on: date | None) -> str | None:
    """Name what keeps a part from joining a file; None: it is part of it."""
    if not file.known:
        return NOT_KNOWN
    if late(on, file.bars_after):
        return LATE if on else NO_DATE
    return GONE if file.gone and file.binds else None


def bound_by(side: "Side", file: CaseFile, on: date | None, pack: Pack) -> bool:
    """Say whether a part's date waits for this file's: the file's rule is for the whole, or its own has no other."""
    if holds_back(file, on) is not None or _order(side, pack) < 0:
        return False
    return file.binds or as_file(side, pack)


def within(kept: "Kept", side: "Side", case: Case, pack: Pack) -> "Kept":
    """Keep a record as long as its case files ask, and a case file as long as its parts do."""
    if side.by_person:
        kept = msgspec.structs.replace(kept, end="review")
    asked = together(file.share for file in case.files if bound_by(side, file, case.on, pack))
    if asked:
        kept = unlacking(kept, side, pack)
    if case.parts and is_whole(side, pack):
        kept = _longer(kept, case.parts, MEMBER)
    if asked:
        # Where the file lacks something, what all the others give is shown beside it.
        alone = _order(side, pack) > 0 and not asked.undated
        kept = _longer(_undated(kept) if alone else kept, asked, FILE)
    stopped = (why for file in case.files if (why := holds_back(file, case.on)))
    problem = case.circle or kept.problem or min(stopped, default=None)
    return msgspec.structs.replace(kept, problem=problem) if problem != kept.problem else kept


def unlacking(kept: "Kept", side: "Side", pack: Pack) -> "Kept":
    """Leave out what a record's own rule lacks where its case file's prevails over that."""
    return msgspec.structs.replace(kept, problem=None) if _order(side, pack) > 0 else kept


def with_files(kept: "Kept", row: Row, case: Case) -> "Kept":
    """Keep a record by a row that gives no date but its files': as long as they are kept, to the end that they have."""
    joined = [file for file in case.files if holds_back(file, case.on) is None]
    by_time = bool(row.confirmed) and {file.end for file in joined} == {"dispose"}
    kept = msgspec.structs.replace(kept, end="dispose" if by_time else "review")
    asked = together(file.share for file in joined)
    return _joined(kept, asked) if asked else kept


def _undated(kept: "Kept") -> "Kept":
    return msgspec.structs.replace(kept, until=None, by_age=False, permanent=False, waits=False)


def _longer(kept: "Kept", share: Share, problem: str) -> "Kept":
    found = kept.problem or (problem if share.undated else None)
    return msgspec.structs.replace(_joined(kept, share), problem=found)


def _joined(kept: "Kept", share: Share) -> "Kept":
    both = _both(Share(kept.until, kept.by_age, kept.permanent, kept.waits), share)
    until = None if both.permanent else both.until
    return msgspec.structs.replace(kept, until=until, by_age=both.by_age, permanent=both.permanent, waits=both.waits)
