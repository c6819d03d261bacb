"""The oracle: must this record still exist on this day, and for which reason? Asked of one day after the other."""

from dataclasses import dataclass
from datetime import date

from shared.calendar_rules import Period
from tests.oracle.days import Day, end_of, last_day_of, next_day, walk
from tests.oracle.lives import Life
from tests.oracle.people import Person
from tests.oracle.told import Decisions, Told, highest


@dataclass(frozen=True)
class Verdict:
    """What policy says of one record."""

    state: str
    keep_until: date | None
    group: str | None
    review_on: date


@dataclass(frozen=True)
class Reason:
    """Why a record must exist: from the first day until, and on, its last."""

    says: str
    begins: Day
    ends: Day
    """It needs the record on every day that is not beyond this one."""


@dataclass
class Case:
    """One record before the oracle: its reasons, what is missing, and whether it is kept for ever."""

    told: Told
    people: list[Person]
    missing: str | None = None
    waits: bool = False
    permanent: bool = False

    @property
    def pack(self):
        return self.told.life.pack

    @property
    def grouped(self) -> list[Person]:
        """Give those in a group, by whom it is dated. What puts them there may be something else than this record."""
        return [each for each in self.people if each.group]

    @property
    def by_persons(self) -> bool:
        """Say whether offending persons date it; where nobody on it is in a group, its own clock may."""
        row = self.told.shown.row
        return bool(row and row.follows == "mopi" and (self.grouped or not row.clock))

    @property
    def decisions(self) -> Decisions:
        return self.told.reviewed

    @property
    def cadence(self) -> Period:
        """How often a record is looked at that nothing else asks to be: its class's backstop."""
        id_ = self.told.shown.class_id
        return self.pack.classes[id_].backstop if id_ else self.pack.backstop

    def runs(self, says: str, start: Day, period: Period) -> Reason:
        return Reason(says, start, end_of(start, period, self.pack.leap))

    def until(self, says: str, last: Day) -> Reason:
        return Reason(says, last, last)

    def lacks(self, what: str) -> None:
        self.missing = self.missing or what


def judge(life: Life) -> dict[str, Verdict]:
    """Say of each record how long it must exist."""
    told = {record: Told(life, record) for record in life.records}
    people = {name: Person(life, name, list(told.values())) for name in life.persons}
    return {record: _judge(Case(each, [people[name] for name in each.offenders])) for record, each in told.items()}


def _judge(case: Case) -> Verdict:
    reasons = list(_reasons(case))
    if what := case.told.unknown:
        case.lacks(what)
    _children(case)
    last = must_exist_until(reasons) if reasons and not case.permanent and not case.waits else None
    state = "exception" if case.missing else "permanent" if case.permanent else "current"
    return Verdict(state, day_object(last), _group(case), day_object(_review(case, state, last)))


def must_exist_until(reasons: list[Reason]) -> Day:
    """Walk day by day from the day on which the last reason began, for as long as any still needs the record."""
    day = max(reason.begins for reason in reasons)
    for reason in reasons:
        day = walk(day, reason.ends)
    return day


def _reasons(case: Case):
    retained = case.decisions.until(case.cadence, case.pack.leap)
    if retained:
        yield case.until("a review of this record alone", retained)
    row = case.told.shown.row
    if row is None:
        return
    if case.told.withdrawn:
        # It keeps its last date, but no person's: of a row that follows MoPI only the floors are left.
        if row.follows != "mopi":
            yield from _own_clock(case)
    elif case.by_persons:
        yield from _persons(case)
    else:
        yield from _own_clock(case)
    yield from _floors(case)


def _persons(case: Case):
    if not case.grouped:
        case.lacks("nobody on it is in a group")
    for person in case.grouped:
        if person.missing:
            case.lacks(f"nothing dates {person.name}")
        if person.last_day:
            yield case.until(f"{person.name} is in {person.group}", person.last_day)


def _own_clock(case: Case):
    row, shown = case.told.shown.row, case.told.shown
    if row.permanent:
        case.permanent = True
        return
    start = shown.first_date([each.name for each in row.clock])
    if start is None:
        case.lacks("no date that its clock could start at")
    else:
        yield case.runs("its own period", start, row.retain)


def _floors(case: Case):
    for name in case.told.shown.row.floors:
        floor = case.pack.floors[name]
        start = case.told.shown.first_date(floor.start)
        if start is None:
            case.lacks(f"no date for the floor {name}")
        else:
            yield case.runs(f"floor {name}", start, floor.add)


def _children(case: Case) -> None:
    """Conduct outside a life is impossible; a child's counts only after a review of the record says why."""
    shown = case.told.shown
    if shown.conduct is None or not shown.counts_for_person:
        return
    for person in case.people:
        if not person.counts_on(case.told, shown):
            case.lacks(f"{person.name} was a child")
        elif person.group and not person.lived(shown.conduct):
            case.lacks(f"{person.name} did not live then")


def _group(case: Case) -> str | None:
    """A record is in the highest group of its offenders; where its row alone dates it, in no person's group."""
    return highest(case.pack, [each.group for each in case.grouped]) if case.by_persons else None


def _review(case: Case, state: str, last: Day | None) -> Day:
    """Find the first day on which somebody is to look at it again."""
    covered = case.people if case.told.shown.counts_for_person else []  # A person's review covers what they carry.
    reviews = [case.decisions, *(person.decisions for person in covered)]
    # A review before there was a record cannot have been of it.
    since = max([case.told.shown.created, *(each.last for each in reviews if each.last)])
    found = [last_day_of(since, case.cadence, case.pack.leap)]
    found += [case.decisions.ahead] if case.decisions.ahead else []
    if case.by_persons:
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
