"""Which class, row and group the pack gives one state of a record."""

from typing import NamedTuple

from services.retention.domain.facts import Link, RecordState
from shared.policy import Class, Pack, Row


class Placed(NamedTuple):
    """What one state of a record is under the pack; `offenders` are its links in an offending role."""

    klass: Class | None
    row: Row | None
    group: str | None
    offenders: tuple[Link, ...]
    problem: str | None

    @property
    def counts(self) -> bool:
        """Whether this state groups its offenders and moves their clocks."""
        return self.row is not None and (self.row.is_mopi or self.row.counts_for_person)


def place(state: RecordState, pack: Pack) -> Placed:
    """Classify a state: the first class in the pack's order whose conditions all hold."""
    group, by_type = _group(state, pack)
    offenders = () if by_type else _offenders(state, pack)
    serious = _serious(state, pack)
    klass = next((each for each in pack.in_order if _fits(each, state, bool(offenders), serious)), None)
    row = pack.rows[klass.row] if klass and klass.row else None
    return Placed(klass, row, group, offenders, _problem(state, row, group, offenders, pack))


def _offenders(state: RecordState, pack: Pack) -> tuple[Link, ...]:
    known = pack.record_types.get(state.record_type or "")
    if known is None or not state.links:
        return ()
    if state.evaluation is not None and str(state.evaluation.assessment) in known.not_offending_when_assessed:
        return ()
    return tuple(link for link in state.links if link.role in known.offending_roles)


def _group(state: RecordState, pack: Pack) -> tuple[str | None, bool]:
    """Find the group that the source's own grading, else the offences, give; or that the record type rules."""
    named = {state.group} if state.group else {known.group for o in state.offences or () if (known := pack.offence(o))}
    if any(group not in pack.groups for group in named):
        return None, False
    people = [group for group in named if not pack.groups[group].by_record_type]
    return pack.highest(people), bool(named) and not people


def _serious(state: RecordState, pack: Pack) -> bool:
    return any(known.serious for offence in state.offences or () if (known := pack.offence(offence)))


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


def _problem(
    state: RecordState, row: Row | None, group: str | None, offenders: tuple[Link, ...], pack: Pack
) -> str | None:
    """Name what keeps the pack from placing the state; unknown is not no."""
    if row is None:
        return "unclassified"
    if state.part_of:
        return "case_file_not_yet_supported"
    if state.group and state.group not in pack.groups:
        return "unknown_group"
    graded = bool(offenders and row.is_mopi) or state.record_type in pack.graded_types
    if graded and any(pack.offence(offence) is None for offence in state.offences or ()):
        return "offence_not_in_table"
    if state.record_type in pack.graded_types and not state.offences and not (state.group and offenders):
        return "no_offence"
    return None
