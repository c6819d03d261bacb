"""Which class, row and group the pack gives one state of a record."""

from datetime import date
from typing import NamedTuple

from services.retention.domain.dates import Dates, created_on
from services.retention.domain.facts import Link, Nominal, RecordState
from shared.policy import Class, Offence, Pack, Row


class Placed(NamedTuple):
    """What one state of a record is under the pack; `offenders` are its links in an offending role."""

    klass: Class | None
    row: Row | None
    group: str | None
    offenders: tuple[Link, ...]
    problem: str | None
    row_from: str | None = None
    """The class that supplied the row: its own, or its nearest ancestor's whose unit fits."""
    source_row: Row | None = None
    """The row that its source supplies beside that of its class."""
    unfit: bool = False
    """Whether only a case file would date it by that row, and it is in none."""

    @property
    def counting_rows(self) -> list[Row]:
        """The rows by which this state groups its offenders and moves their clocks; without any it does not."""
        return [row for row in (self.row, self.source_row) if row and (row.is_mopi or row.counts_for_person)]

    @property
    def counts(self) -> bool:
        """Whether this state groups its offenders and moves their clocks."""
        return bool(self.counting_rows)


def place(state: RecordState, dates: Dates, pack: Pack, moved_to: str | None = None) -> Placed:
    """Classify a state: the first class in the pack's order whose conditions all hold, or the one it was moved to."""
    offences = _offences(state, dates, pack)
    group = _group(state, offences, pack)
    offenders = _offenders(state, pack)
    serious = any(known.serious for known in offences)
    klass = pack.classes.get(moved_to or "")
    if klass is None:
        klass = next((each for each in pack.in_order if _fits(each, state, bool(offenders), serious)), None)
    row, row_from = _fitting(klass, bool(state.part_of), pack)
    source_row = pack.rows.get(pack.supplied_rows.get(state.source_system or "") or "")
    by_persons = any(each.is_mopi for each in (row, source_row) if each)
    problem = _problem(state, offenders, by_persons, pack) if row else "unclassified"
    unfit = row is not None and row.as_file and not state.part_of
    return Placed(klass, row, group, offenders, problem, row_from, source_row, unfit)


def _offences(state: RecordState, dates: Dates, pack: Pack) -> list[Offence]:
    """Find what the table said of its offences when they were committed, else when the record was created."""
    on: date | None = dates.get("occurred_on") or created_on(dates)
    return [known for code in state.offences or () if (known := pack.offence(code, on))]


def _fitting(klass: Class | None, in_file: bool, pack: Pack) -> tuple[Row | None, str | None]:
    """Find the nearest row whose unit fits: one that only a case file dates fits no record that is in none.

    Where none does, the class's own row stands, to be named: it dates nothing.
    """
    own = at = klass
    while at is not None and at.row:
        row = pack.rows[at.row]
        if in_file or not row.as_file:
            return row, at.row_from
        above = pack.classes[at.row_from or at.id].parent
        at = pack.classes.get(above or "")
    return (pack.rows[own.row], own.row_from) if own and own.row else (None, None)


def _offenders(state: RecordState, pack: Pack) -> tuple[Link, ...]:
    known = pack.record_types.get(state.record_type or "")
    if known is None or not state.links:
        return ()
    assessed = str(state.evaluation.assessment) if state.evaluation is not None else None
    # Suspected to be false lets off a subject alone: a suspect and an offender offend whatever it was graded.
    roles = (
        known.offending_roles - {"subject"} if assessed in known.not_offending_when_assessed else known.offending_roles
    )
    return tuple(link for link in state.links if link.role in roles)


def accused(state: RecordState, pack: Pack) -> set[Nominal]:
    """Find against whom a state is an allegation: its record type says by which roles, whether or not they offend."""
    known = pack.record_types.get(state.record_type or "")
    roles = known.allegation_roles if known else frozenset()
    return {(link.nominal_source, link.nominal_id) for link in state.links or () if link.role in roles}


def _group(state: RecordState, offences: list[Offence], pack: Pack) -> str | None:
    """Find the group of its offenders, by the source's own grading, else by the offences."""
    graded = _graded(state, pack)
    named = {graded} if graded else {known.group for known in offences}
    return pack.highest(named & pack.ranks.keys()) if named <= pack.groups.keys() else None


def _graded(state: RecordState, pack: Pack) -> str | None:
    """Give the source's own grading of offenders: a group that belongs to records alone grades nobody on them."""
    known = pack.groups.get(state.group or "")
    return None if known and known.by_record_type else state.group


def _fits(klass: Class, state: RecordState, offending: bool, serious: bool) -> bool:
    when = klass.when
    return (
        when is not None
        and when.record_type in (None, state.record_type)
        and when.says(state.source_system, state.offences, state.metadata)
        and when.offending_link in (None, offending)
        and when.serious in (None, serious)
        and when.part_of in (None, bool(state.part_of))
    )


def _problem(state: RecordState, offenders: tuple[Link, ...], by_persons: bool, pack: Pack) -> str | None:
    """Name what keeps the pack from placing the state; unknown is not no."""
    if state.group and state.group not in pack.groups:
        return "unknown_group"
    graded = bool(offenders and by_persons) or state.record_type in pack.graded_types
    if not graded or (_graded(state, pack) and offenders):
        return None  # Where the source graded its offenders itself, offences supply nothing.
    if any(pack.offence(offence) is None for offence in state.offences or ()):
        return "offence_not_in_table"
    return "no_offence" if state.record_type in pack.graded_types and not state.offences else None
