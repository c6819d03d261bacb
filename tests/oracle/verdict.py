"""The oracle: must this record still exist on this day, and for which reason? Asked of one day after the other."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from tests.oracle.days import Day, last_day_of, next_day, walk
from tests.oracle.identity import one_person
from tests.oracle.lives import Life
from tests.oracle.people import Person
from tests.oracle.rows import Case, Reason
from tests.oracle.told import Told


@dataclass(frozen=True)
class Verdict:
    """What policy says of one record."""

    state: str
    keep_until: date | None
    group: str | None
    review_on: date


def judge(life: Life) -> dict[str, Verdict]:
    """Say of each record how long it must exist."""
    told = {record: Told(life, record) for record in life.records}
    names, doubts = one_person(life, list(told.values()))
    people = {name: Person(life, name, list(told.values()), names[name], doubts.get(name)) for name in life.persons}
    return {record: _judge(Case(each, people)) for record, each in told.items()}


def _judge(case: Case) -> Verdict:
    reasons = list(_reasons(case))
    _impossible(case)
    row = case.told.shown.row
    permanent = bool(row and row.permanent)
    state = "exception" if case.missing else "permanent" if permanent else "current"
    undated = permanent or (case.waits and not case.missing)  # Of an exception what the others give is shown.
    last = must_exist_until(reasons) if reasons and not undated else None
    return Verdict(state, day_object(last), case.group, day_object(_review(case, state, last)))


def must_exist_until(reasons: list[Reason]) -> Day:
    """Walk day by day from the day on which the last reason began, for as long as any still needs the record."""
    day = max(reason.begins for reason in reasons)
    for reason in reasons:
        day = walk(day, reason.ends)
    return day


def _reasons(case: Case) -> Iterator[Reason]:
    retained = case.decisions.until(case.cadence, case.pack.leap)
    if retained:
        yield Reason("a review of this record alone", retained, retained)
    row = case.told.shown.row
    if row is None:
        return
    if case.by_persons and not case.told.withdrawn:
        yield from _persons(case)
    elif not (case.told.withdrawn and row.follows == "mopi"):
        # A record in error keeps its last date, but no person's: where it follows MoPI only the floors are left.
        yield from case.own_clock(row)
    for name in row.floors:
        yield from case.floor(case.pack.floors[name])


def _persons(case: Case) -> Iterator[Reason]:
    if not case.grouped:
        case.missing.append("nobody on it is in a group")
    for person in case.grouped:
        if person.missing:
            case.missing.append(f"nothing dates {person.name}")
        if person.last_day:
            yield Reason(f"{person.name} is in {person.group}", person.last_day, person.last_day)


def _impossible(case: Case) -> None:
    """Conduct outside a life is impossible; a child's counts only after a review of the record says why."""
    if what := case.told.unknown:
        case.missing.append(what)
    shown = case.told.shown
    if shown.row is None or shown.row.follows != "mopi":
        return
    case.missing += [f"nobody can say who {person.name} is: {person.doubt}" for person in case.people if person.doubt]
    for person in case.people:
        if not person.counts_on(case.told, shown):
            case.missing.append(f"{person.name} was a child")
        if shown.conduct and not person.born_by(shown.conduct):
            case.missing.append(f"{person.name} was not born then")
        if person.dead_before(shown.happened):
            case.missing.append(f"{person.name} had died by then")


def _review(case: Case, state: str, last: Day | None) -> Day:
    """Find the first day on which somebody is to look at it again."""
    covered = case.people if case.told.shown.counts_for_person else []  # A person's review covers what they carry.
    reviews = [case.decisions, *(person.decisions for person in covered)]
    # A review before there was a record cannot have been of it.
    since = max([case.told.shown.created, *(each.last for each in reviews if each.last)])
    found = [last_day_of(since, case.cadence, case.pack.leap)]
    row = case.told.shown.row
    if row and row.cycle:
        found.append(last_day_of(since, row.cycle, case.pack.leap))
    found += [case.decisions.ahead] if case.decisions.ahead else []
    if case.told.shown.counts_for_person:
        found += [day for person in case.grouped for day in person.looked_at]
    if state == "current" and last and not _ends_by_time(case):
        found.append(next_day(last))
    return min(found)


def _ends_by_time(case: Case) -> bool:
    """Time alone disposes only where the pack is live, every owner has confirmed it, and nothing is in error."""
    row = case.told.shown.row
    if case.told.withdrawn:
        return False
    rules = [row, *(person.rule for person in case.grouped)] if case.by_persons else [row]
    ends = [each.end for each in rules if each.end]
    return case.pack.live and all(rule.confirmed for rule in rules) and bool(ends) and set(ends) == {"dispose"}


def day_object(day: Day | None) -> date | None:
    return date(*day) if day else None
