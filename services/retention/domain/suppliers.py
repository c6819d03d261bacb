"""Who supplies a record's rule: its class, its source, an override; and which of them prevails."""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import TYPE_CHECKING
from uuid import UUID

import msgspec

from services.retention.domain.clocks import Clock, Inputs, Occurrence, clock_of
from services.retention.domain.floors import floors_of, together
from services.retention.domain.overrides import Move, Override, override_of
from shared.policy import Pack, Row

if TYPE_CHECKING:
    from services.retention.domain.history import History
    from services.retention.domain.records import Side
    from services.retention.domain.schedule import Kept

CLASS, SOURCE, OVERRIDE = "class", "source", "override"
UNFIT, UNKNOWN = "no_fitting_rule", "override_row_not_known"  # Where no row is there to go by.


class Supplied(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True):
    """A rule beside that of the class, as far as the record's own facts go."""

    by: str
    row: str | None = None
    clock_on: date | None = None
    waits: bool = False
    floor_until: date | None = None
    pending: str | None = None
    problem: str | None = None
    until: date | None = None
    """The last day itself, where a decision names it."""
    legal: bool = False
    """Whether it names the legal authority by which a locked row may be shortened."""
    event_uid: UUID | None = None


def others_of(history: "History", inputs: Inputs, pack: Pack) -> tuple[Supplied, ...]:
    """List the rules that apply to a record beside its class's."""
    return tuple(_others(history, inputs, pack))


def _others(history: "History", inputs: Inputs, pack: Pack) -> Iterator[Supplied]:
    placed, in_file = history.shown.placed, bool(history.shown.body.part_of)
    if placed.source_row:
        yield _fitted(_by_row(Supplied(SOURCE), placed.source_row, inputs, pack), placed.source_row, in_file)
    made = override_of(history.live)
    if made is None:
        return
    decided = made.override
    given = Supplied(OVERRIDE, legal=decided.legal_authority is not None, event_uid=made.event_uid)
    found = _overriding(given, decided, None if placed.unfit else placed.row, inputs, pack)
    yield _fitted(found, pack.rows.get(decided.row or ""), in_file)


def _fitted(given: Supplied, row: Row | None, in_file: bool) -> Supplied:
    """Tell a rule that is for parts of a case file where the record is in none: no class above has another for it."""
    if row is None or in_file or not row.as_file:
        return given
    return Supplied(given.by, problem=UNFIT, legal=given.legal, event_uid=given.event_uid)


def _overriding(given: Supplied, decided: Override, own: Row | None, inputs: Inputs, pack: Pack) -> Supplied:
    """Give an override its row; one that names a day keeps the floors and the end of the record's own row."""
    if decided.row:
        row = pack.rows.get(decided.row)
        if row is None:
            return msgspec.structs.replace(given, problem=UNKNOWN)
        return _by_row(given, row, inputs, pack)
    floors = together(floors_of(own, inputs, pack))
    return msgspec.structs.replace(
        given,
        row=own.id if own else None,
        until=decided.last_day(pack),
        floor_until=floors.until,
        pending=floors.pending,
        problem=floors.problem,
    )


def _by_row(given: Supplied, row: Row, inputs: Inputs, pack: Pack) -> Supplied:
    clock, floors = clock_of(row, inputs, pack), together(floors_of(row, inputs, pack))
    return msgspec.structs.replace(
        given,
        row=row.id,
        clock_on=clock.on,
        waits=clock.waits,
        floor_until=floors.until,
        pending=floors.pending,
        problem=clock.problem or floors.problem,
    )


def moved_clock(
    first: Row | None, moves: Sequence[Move], rows: Sequence[Row | None], inputs: Inputs, pack: Pack
) -> Clock:
    """Start the clock of a record that was moved: one reached by the day of a move keeps its date.

    `rows` are those of the classes it was moved to, in their order.
    """
    # What was taken back, also after the move, started nothing: a file that was opened again is not due by its closing.
    lasting = [each for each in inputs.occurrences if not _taken_back(each, inputs, pack)]
    row, kept = first, None
    for move, after in zip(moves, rows, strict=True):
        by_then = inputs._replace(occurrences=[each for each in lasting if each.on <= move.on])
        reached = kept or (clock_of(row, by_then, pack) if row else Clock())
        kept = reached if reached.on and reached.on <= move.on else None
        row = after
    return kept or (clock_of(row, inputs, pack) if row else Clock())


def _taken_back(one: Occurrence, inputs: Inputs, pack: Pack) -> bool:
    undone_by = pack.triggers[one.trigger].undone_by
    return any(each.trigger in undone_by and one.before(each.on) for each in inputs.occurrences)


def of_class(side: "Side") -> list[Supplied]:
    """Give the rule of a record's class, if it has one that fits."""
    return [Supplied(CLASS, side.row)] if side.row and side.lacks != UNFIT else []


def dating(side: "Side", pack: Pack) -> list[Supplied]:
    """List a record's own rules that may date it: the first in the pack's order; without an order all."""
    rules = [*of_class(side), *side.others]
    return [each for name in pack.prevails for each in rules if each.by == name][:1] or rules


def prevailing(offers: Sequence[tuple[Supplied, "Kept"]], pack: Pack) -> list[tuple[Supplied, "Kept"]]:
    """Leave the offers that count: the first in the pack's order; without an order all do, and the latest day wins.

    Where the first lacks something, what the others give is shown beside it. An override shortens a locked row only
    by a legal authority that it names: without one, both count.
    """
    ranked = [each for name in pack.prevails for each in offers if each[0].by == name]
    if not ranked:
        return list(offers)
    first = ranked[0]
    if first[1].problem:
        return [first, *(each for each in offers if each is not first)]
    own = next((each for each in offers if each[0].by == CLASS), None)
    row = pack.rows.get(own[0].row or "") if own else None
    if own and own is not first and row and row.locked and not first[0].legal:
        return [first, own]
    return [first]


def latest(offers: Sequence[tuple[Supplied, "Kept"]]) -> "Kept":
    """Join offers: for ever, else what waits, else the latest day; what one lacks, all lack."""
    supplied, kept = max(offers, key=lambda each: _length(each[1]))
    problem = next((each.problem for _, each in offers if each.problem), None)
    until = max((each.until for _, each in offers if each.until), default=None)
    return msgspec.structs.replace(
        kept,
        row=supplied.row,
        until=None if kept.permanent else until,
        problem=problem,
        waits=any(each.waits for _, each in offers),
    )


def _length(kept: "Kept") -> tuple[bool, bool, date, bool, bool]:
    """Order rules by how long they keep; of two of the same day one by review prevails, and one by persons."""
    return kept.permanent, kept.waits, kept.until or date.min, kept.end != "dispose", kept.group is not None
