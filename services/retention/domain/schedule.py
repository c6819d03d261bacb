"""The dates of one record: the latest of all who need it, and of its floors. Never early, never out of sight."""

from collections.abc import Sequence
from datetime import date
from typing import Literal, get_args

import msgspec

from services.retention.domain.ages import Aged, Birthdays, birthdays, died_before, floor_ages
from services.retention.domain.casefiles import NO_CASE, Case, Share, asking, unlacking, with_files, within
from services.retention.domain.children import birthday, is_asked_at
from services.retention.domain.dates import last_of
from services.retention.domain.own_ends import own_ends
from services.retention.domain.persons import OF_A_LIFE, Person
from services.retention.domain.records import Side
from services.retention.domain.suppliers import UNFIT, Supplied, latest, of_class, prevailing
from shared.calendar_rules import Period, add, day_after, days_before
from shared.policy import Class, End, Pack, Row

_CHILD = ("born_after_conduct", "under_10")
State = Literal["current", "permanent", "exception"]
ReviewKind = Literal["scheduled", "own_end", "birthday", "periodic", "backstop"]
OF_A_PERSON: frozenset[ReviewKind] = frozenset({"own_end", "birthday"})
"""Days that are somebody's own: by them one could work out when they were born, so nobody outside is told."""


class Schedule(msgspec.Struct, frozen=True):
    """A record's derived dates; what happens to it in its life is kept apart."""

    state: State
    class_id: str | None
    row: str | None
    group: str | None
    clock_on: date | None
    floor_until: date | None
    keep_until: date | None
    actionable_from: date | None
    open_on: date | None
    review_on: date
    review_kind: ReviewKind
    by_age: bool
    end: End
    problem: str | None
    owner: str | None
    cause: str | None
    by_person: bool = False


class Kept(msgspec.Struct, frozen=True):
    """How long a record must exist, and who or what says so."""

    until: date | None = None
    group: str | None = None
    clock_on: date | None = None
    by_age: bool = False
    end: End = "review"
    problem: str | None = None
    permanent: bool = False
    waits: bool = False
    """Something must happen or end before there is a date: it is never due, and nothing is missing."""
    row: str | None = None
    """The row that prevailed; none where there is none to go by."""


def of_schedule(
    side: Side, persons: Sequence[Person], pack: Pack, aged: Sequence[Aged] = (), case: Case = NO_CASE
) -> Schedule:
    """Date a record from its own side, the persons it offends under or whose age it reads, and its case files.

    No facts are read. An exception keeps the record: its `keep_until` says "at least until", and nothing opens on it.
    """
    pack = pack.as_for(side.created_on, side.reviewed_on)
    klass = pack.classes.get(side.class_id or "")
    kept = within(keep(side, persons, pack, aged, case), side, case, pack)
    problem = side.problem or kept.problem
    if kept.waits and not problem:
        kept = msgspec.structs.replace(kept, until=None)
    actionable = day_after(kept.until) if kept.until and not problem else None
    lead = pack.limits.lead_days if kept.end == "review" else pack.limits.cooling_off_days
    review_on, review_kind = _review(side, () if side.withdrawn else persons, kept, actionable, klass, pack)
    return Schedule(
        state="exception" if problem else "permanent" if kept.permanent else "current",
        class_id=side.class_id,
        row=kept.row or side.row,
        group=kept.group,
        clock_on=kept.clock_on,
        floor_until=side.floor_until,
        keep_until=kept.until,
        actionable_from=actionable,
        open_on=days_before(actionable, lead) if actionable else None,
        review_on=review_on,
        review_kind=review_kind,
        by_age=kept.by_age,
        end=kept.end,
        problem=problem,
        owner=_owner(klass, pack) if problem else None,
        cause=_cause(side, persons, pack),
        by_person=side.by_person,
    )


def _cause(side: Side, persons: Sequence[Person], pack: Pack) -> str | None:
    """Name what somebody must look at in a record itself, beside any date."""
    if side.withdrawn:
        return "withdrawn"
    # Also where the record is dated by something else: the link counts for nobody until a review says why.
    return "under_10" if _child(side, persons, pack) == "under_10" else None


def kept_by_hold(schedule: Schedule, held: bool, on: date) -> bool:
    """Say whether only a hold keeps a record on a day: its last day is past."""
    over = schedule.actionable_from is not None and schedule.actionable_from <= on
    return held and over and schedule.state == "current"


def asks(side: Side, persons: Sequence[Person], pack: Pack, aged: Sequence[Aged], case: Case) -> Share:
    """Say what a record asks of its case files: by itself, its persons and its own parts, if it has any."""
    pack = pack.as_for(side.created_on, side.reviewed_on)
    kept = within(unlacking(keep(side, persons, pack, aged, case), side, pack), side, case, pack)
    undated = bool(side.problem or kept.problem)
    return asking(Share(kept.until, kept.by_age, kept.permanent, kept.waits, undated), side, pack)


def keep(side: Side, persons: Sequence[Person], pack: Pack, aged: Sequence[Aged], case: Case) -> Kept:
    """Find who or what keeps a record longest, by every rule that applies to it and prevails."""
    kept = _by_rule(side, persons, pack, aged, case)
    if not side.others:
        return msgspec.structs.replace(kept, row=None if side.lacks == UNFIT else side.row)
    offers = [(each, kept) for each in of_class(side)]
    offers += [(each, _offered(each, side, persons, pack, aged, case)) for each in side.others]
    return latest(prevailing(offers, pack))


def _by_rule(side: Side, persons: Sequence[Person], pack: Pack, aged: Sequence[Aged], case: Case) -> Kept:
    kept = keep_by(side, persons, pack, aged, case)
    return msgspec.structs.replace(kept, problem=side.lacks) if side.lacks else kept


def _offered(
    given: Supplied, side: Side, persons: Sequence[Person], pack: Pack, aged: Sequence[Aged], case: Case
) -> Kept:
    """Date a record by a rule beside that of its class."""
    if given.until:
        until = last_of(given.until, given.floor_until, _retained_until(side, pack))
        end = pack.ends(given.row) if given.row and not side.withdrawn else "review"
        kept = Kept(until, end=end, problem=given.problem, waits=given.pending is not None)
        return _floored(kept, side, pack.rows[given.row], pack, aged) if given.row else kept
    its = msgspec.structs.replace(
        side,
        row=given.row,
        clock_on=given.clock_on,
        waits=given.waits,
        floor_until=given.floor_until,
        pending=given.pending,
        lacks=given.problem,
    )
    return _by_rule(its, persons, pack, aged, case)


def keep_by(side: Side, persons: Sequence[Person], pack: Pack, aged: Sequence[Aged], case: Case) -> Kept:
    """Find who or what keeps a record longest by one row."""
    row = pack.rows.get(side.row or "")
    if row is None:
        return Kept(last_of(side.floor_until, _retained_until(side, pack)))
    if side.withdrawn:
        return _withdrawn(side, row, pack, aged, case)
    grouped = [person for person in persons if person.group] if row.is_mopi else []
    kept = _by_persons(side, row, grouped, pack) if grouped else _alone(side, row, pack, aged, case)
    kept = _floored(kept, side, row, pack, aged) if aged else kept
    unsure = _unsure(side, persons, pack) if row.is_mopi else None
    if unsure and (not kept.problem or unsure in _CHILD):
        kept = msgspec.structs.replace(kept, problem=unsure)
    return msgspec.structs.replace(kept, waits=True) if side.pending else kept


def _floored(kept: Kept, side: Side, row: Row, pack: Pack, aged: Sequence[Aged]) -> Kept:
    """Keep a record to the birthdays that its floors name as well."""
    floor = birthdays(list(floor_ages(row, pack)), aged, side, pack)
    until = last_of(kept.until, floor.until)
    by_age = (until is not None and until == floor.until) or (kept.by_age and until == kept.until)
    return msgspec.structs.replace(kept, until=until, by_age=by_age, problem=kept.problem or floor.problem)


def _unsure(side: Side, persons: Sequence[Person], pack: Pack) -> str | None:
    """Name what is uncertain about an offending person, or about so young a one on this record."""
    # An impossible life of somebody in no group dates nothing.
    found = (each.problem for each in persons if each.problem and (each.group or each.problem not in OF_A_LIFE))
    dead = "dead_before_conduct" if any(died_before(person, side) for person in persons) else None
    return _child(side, persons, pack) or next(found, None) or dead


def _withdrawn(side: Side, row: Row, pack: Pack, aged: Sequence[Aged], case: Case) -> Kept:
    """Keep the last date that the record's own facts gave it, without a group or a clock."""
    alone = _floored(Kept() if row.is_mopi else _alone(side, row, pack, aged, case), side, row, pack, aged)
    own = side.own_until if row.is_mopi else None
    until = None if alone.permanent else last_of(alone.until, own, side.floor_until, _retained_until(side, pack))
    waits = alone.waits or side.pending is not None
    return Kept(until, by_age=alone.by_age, problem=alone.problem, permanent=alone.permanent, waits=waits)


def _alone(side: Side, row: Row, pack: Pack, aged: Sequence[Aged], case: Case) -> Kept:
    """Date a record by its row's own period, and by the birthdays that the row names; or as its case files are."""
    own = add(side.clock_on, row.retain, pack.leap) if side.clock_on and row.retain else None
    if row.ends_on_clock:
        own = side.clock_on
    if row.permanent:
        return Kept(permanent=True)
    age = birthdays([(each, Period()) for each in row.ages], aged, side, pack) if row.ages else Birthdays()
    until = last_of(own, age.until, side.floor_until, _retained_until(side, pack))
    problem = age.problem or (None if own or side.waits else _lacks(row, age))
    by_age = age.until is not None and age.until == until
    kept = Kept(until, None, side.clock_on, by_age, pack.ends(row.id), problem, waits=side.waits)
    return with_files(kept, row, case) if row.as_file else kept


def _lacks(row: Row, age: Birthdays) -> str | None:
    """Name what a row lacks that gives no day by its clock."""
    if row.retain or row.ends_on_clock:
        return "no_clock_date"
    if row.ages:
        return None if age.until else "nobody_of_age"
    return None if row.as_file else "no_group"


def _by_persons(side: Side, row: Row, persons: Sequence[Person], pack: Pack) -> Kept:
    """Date a record by the last of its offending persons and of its floors.

    A decision about the record alone keeps it only where time alone would end it: else its persons' reviews decide,
    and one that let a child's conduct count gives no period of its own.
    """
    by_birthday = max((person.keep_until for person in persons if person.by_age and person.keep_until), default=None)
    groups = [person.group for person in persons if person.group]
    end = pack.ends(row.id, groups)
    retained = _retained_until(side, pack) if end == "dispose" else None
    until = last_of(*(person.keep_until for person in persons), side.floor_until, retained)
    return Kept(
        until=until,
        group=pack.highest(groups),
        clock_on=last_of(*(person.clock_on for person in persons)),
        by_age=by_birthday is not None and by_birthday == until,
        end=end,
    )


def _child(side: Side, persons: Sequence[Person], pack: Pack) -> str | None:
    """Tell conduct before a person's birth, or too young to count until a review of the record says why it does."""
    births = [person.birth_on for person in persons if person.birth_on]
    if side.conduct_on is None or not births:
        return None
    if any(side.conduct_on < birth for birth in births):
        return "born_after_conduct"
    young = any(side.conduct_on < birthday(birth, pack.limits.responsible_from_age, pack) for birth in births)
    return "under_10" if young and side.retained_on is None else None


def _retained_until(side: Side, pack: Pack) -> date | None:
    """Count from the last decision to retain this record alone; the day it names may only make that earlier."""
    if side.retained_on is None:
        return None
    until = add(side.retained_on, _backstop(pack.classes.get(side.class_id or ""), pack), pack.leap)
    return min(until, side.next_on) if side.next_on else until


def _review(
    side: Side, persons: Sequence[Person], kept: Kept, actionable: date | None, klass: Class | None, pack: Pack
) -> tuple[date, ReviewKind]:
    """Find the next review: the end's own, a cadence, or else the backstop; there always is one."""
    last = last_of(side.reviewed_on, *(person.reviewed_on for person in persons), side.created_on)
    backstop = add(last, _backstop(klass, pack), pack.leap) if last else date.min
    found: list[tuple[date, ReviewKind]] = [(backstop, "backstop")]
    found += [(person.review_on, _periodic(person, pack)) for person in persons if person.review_on]
    row = pack.rows.get(kept.row or "")
    if row and row.cycle and last and not kept.group:  # Of persons in a group, their group's cadence counts.
        found.append((add(last, row.cycle, pack.leap), "periodic"))
    if side.next_on and not (side.reviewed_on and side.reviewed_on >= side.next_on):
        found.append((side.next_on, "periodic"))
    if actionable and kept.group:
        found += [(end, "own_end") for end in own_ends(persons, pack)]
    if actionable and kept.end == "review":
        found.append((actionable, "scheduled"))
    return min(found, key=lambda each: (each[0], _ORDER[each[1]]))


def _periodic(person: Person, pack: Pack) -> ReviewKind:
    return "birthday" if is_asked_at(person.birth_on, person.review_on, pack) else "periodic"


_ORDER: dict[ReviewKind, int] = {kind: n for n, kind in enumerate(get_args(ReviewKind))}


def _backstop(klass: Class | None, pack: Pack) -> Period:
    return (klass.backstop if klass else None) or pack.backstop


def _owner(klass: Class | None, pack: Pack) -> str:
    return (klass.exception_owner if klass else None) or pack.exception_owner
