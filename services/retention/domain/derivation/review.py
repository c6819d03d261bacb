"""The next review: its day, and what makes it that: an end, a birthday, a cadence, a decision, or else the backstop."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date

from services.retention.domain import children
from services.retention.domain.dates import last_of
from services.retention.domain.derivation.inputs import Linked, Step, Work
from services.retention.domain.own_ends import end_of
from services.retention.domain.persons import Person, known_of
from services.retention.domain.schedule import ReviewKind
from shared.calendar_rules import Period, add
from shared.policy import Pack


def review(work: Work) -> Iterator[Step]:
    """Tell when the record is next reviewed, and why on that day.

    A record dated with others may be told from persons who have moved since: then the day is told alone.
    """
    schedule = work.schedule
    yield {"code": "next_review", "on": schedule.review_on.isoformat(), **_REASONS[schedule.review_kind](work)}


def _scheduled(_: Work) -> Step:
    return {"why": "scheduled"}


def _own_end(work: Work) -> Step:
    ending = (one for one, person in work.persons if end_of(person, work.pack) == work.schedule.review_on)
    return next(({"why": "own_end", "nominal": str(each.nominal_ref)} for each in ending), {})


def _birthday(work: Work) -> Step:
    pack, on = work.pack, work.schedule.review_on
    ages = pack.children.review_at if pack.children else ()
    asked = (
        {"why": "birthday", "nominal": str(one.nominal_ref), "age": age}
        for one, person in _covered(work)
        for age in ages
        if person.review_on == on and person.birth_on and children.birthday(person.birth_on, age, pack) == on
    )
    return next(asked, {})


def _periodic(work: Work) -> Step:
    """Tell of a day that comes again, or that a decision named: the record's own, a person's, or the row's."""
    side, on = work.record.side, work.schedule.review_on
    if side.next_on == on and not (side.reviewed_on and side.reviewed_on >= on):
        return {"why": "decision"}
    for linked, person in _covered(work):
        if person.review_on == on:
            return _of_person(linked, person, on, work.pack)
    row = work.pack.rows.get(work.schedule.row or "")
    return {"why": "cycle", "row": row.id, **row.cycle.parts(), **_last(work)} if row and row.cycle else {}


def _of_person(linked: Linked, person: Person, on: date, pack: Pack) -> Step:
    known, ref = known_of(linked.facts, pack), str(linked.nominal_ref)
    if known.decided.ahead_on == on:
        return {"why": "person_decision", "nominal": ref}
    assert person.group, "only who is in a group is looked at again"
    usual = pack.groups[person.group].cadence or Period()
    often = children.cadence(usual, known.birth_on, linked.conduct_on, pack)
    starts = (
        ("review", known.decided.reviewed_on),
        *(("group", day) for day in (linked.grouped_on, known.flagged_on, known.regrouped.on)),
        ("clock", person.clock_on),
    )
    told = {"why": "cadence", "nominal": ref, "group": person.group, **often.parts()}
    counted = ((since, day) for since, day in starts if day and add(day, often, pack.leap) == on)
    return next((told | {"from": day.isoformat(), "since": since} for since, day in counted), {})


def _backstop(work: Work) -> Step:
    klass = work.pack.classes.get(work.record.side.class_id or "")
    often = (klass.backstop if klass else None) or work.pack.backstop
    last = _last(work)
    return {"why": "backstop", **often.parts(), **last} if last else {"why": "creation_unknown"}


def _last(work: Work) -> Step:
    """Give the last look at the record or at a person on it, before the first its creation."""
    side = work.record.side
    reviewed = last_of(side.reviewed_on, *(person.reviewed_on for _, person in _covered(work)))
    last = last_of(reviewed, side.created_on)
    return {"from": last.isoformat(), "since": "review" if last == reviewed else "creation"} if last else {}


def _covered(work: Work) -> Sequence[tuple[Linked, Person]]:
    return () if work.record.side.withdrawn else work.persons


_REASONS: Mapping[ReviewKind, Callable[[Work], Step]] = {
    "scheduled": _scheduled,
    "own_end": _own_end,
    "birthday": _birthday,
    "periodic": _periodic,
    "backstop": _backstop,
}
