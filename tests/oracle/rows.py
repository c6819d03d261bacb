"""What a row and its floors ask of one record: clocks, birthdays, stages and what is not yet at an end."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from shared.calendar_rules import Period
from shared.policy import Age, Floor, Pack, Pending, Row, Start
from shared.policy.tables import DATES
from tests.oracle.days import Day, end_of, last_day_of, next_day, read_civil
from tests.oracle.decisions import Decisions
from tests.oracle.lives import Event
from tests.oracle.people import Person
from tests.oracle.supply import Rule
from tests.oracle.told import Told, highest


@dataclass(frozen=True)
class Reason:
    """Why a record must exist: from the first day, on every day that is not beyond the other."""

    says: str
    begins: Day
    ends: Day


@dataclass
class Case:
    """One record by one of its rules, with everyone on it: what is missing, and whether something is still to come."""

    told: Told
    everyone: dict[str, Person]
    rule: Rule
    missing: list[str] = field(default_factory=list)
    waits: bool = False

    @property
    def pack(self) -> Pack:
        return self.told.life.pack

    @property
    def row(self) -> Row | None:
        return self.rule.row

    @property
    def people(self) -> list[Person]:
        """Give those on it whose group and clock may date it."""
        found = {self.everyone[name].names: self.everyone[name] for name in self.told.offenders}
        return list(found.values())

    @property
    def grouped(self) -> list[Person]:
        """Give those in a group, by whom it is dated. What puts them there may be something else than this record."""
        return [each for each in self.people if each.group]

    @property
    def group(self) -> str | None:
        """It is in the highest group of its offenders; where its row alone dates it, in no person's group."""
        return highest(self.pack, [each.group for each in self.grouped]) if self.by_persons else None

    @property
    def by_persons(self) -> bool:
        """Say whether offending persons date it; where nobody on it is in a group, its own clock may."""
        row = self.row
        return bool(self.follows_persons and (self.grouped or not (row.clock or row.ages)))

    @property
    def follows_persons(self) -> bool:
        return bool(self.row and self.row.follows == "mopi" and not self.rule.until)

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

    def day_of(self, start: Start, by: Day | None = None) -> Day | None:
        """Give the day of a date, or the last day, by some day, on which a trigger befell it that nothing took back."""
        if start.name in DATES or start.metadata_key:
            return self.told.shown.date(start.name)
        days = [day for _, day in self.told.befell(start.name, start.values)]
        return max((day for day in days if by is None or day <= by), default=None)

    def own_clock(self, row: Row) -> Iterator[Reason]:
        """Give what a row with a period of its own asks for."""
        if not (row.clock or row.ages or row.permanent or row.follows):
            self.missing.append("a rule that says how long")
        start = self.clock(row) if row.clock else None
        if start and row.retain:
            yield self.runs("its own period", start, row.retain)
        if start and row.ends_on_clock:
            yield Reason("the day of its clock", start, start)
        if row.ages and not row.clock and not any(self.told.shown.in_roles(age.of) for age in row.ages):
            self.missing.append("nobody is on it whose birthday it is kept until")
        for age in row.ages:
            yield from self.birthdays(age, Period())

    def clock(self, row: Row) -> Day | None:
        """Find the day on which its clock starts; a step taken before the record was moved keeps its date."""
        if self.rule.by == "class" and (day := self.taken()):
            return day
        if day := self.started(row):
            return day
        if any(self.told.shown.unreadable(start.metadata_key) for start in row.clock):
            self.missing.append("a date that nobody can read")
            return None
        absent = [start for start in row.clock if not self.day_of(start)]
        if all(self.is_date(start) for start in row.clock) or (
            row.clock_by == "all" and any(map(self.is_date, absent))
        ):
            self.missing.append("a date that its clock starts at")
        else:
            self.waits = True
        return None

    def started(self, row: Row, by: Day | None = None) -> Day | None:
        """Give the first day present of the list, the earliest, or the latest of all; as it was by a day."""
        if any(self.told.shown.unreadable(start.metadata_key) for start in row.clock):
            return None  # Nobody knows which day it is: that is no reason to take another.
        days = [self.day_of(start, by) for start in row.clock]
        there = [day for day in days if day]
        if not there or (row.clock_by == "all" and None in days):
            return None
        return {"first": there[0], "any": min(there), "all": max(there)}[row.clock_by]

    def taken(self) -> Day | None:
        """Find the start of its clock that it had reached in the class from which it was moved."""
        shown = self.told.shown
        classes = [shown.own_class, *(move.data["to"] for move in self.told.moves)]
        for move, class_id in zip(self.told.moves, classes, strict=False):
            row, on = shown.row_in(class_id), read_civil(move.data["on"])
            day = self.started(row, on) if row else None
            if day and day <= on:
                return day
        return None

    def is_date(self, start: Start) -> bool:
        return start.name in DATES or start.metadata_key is not None

    def birthdays(self, age: Age, add: Period) -> Iterator[Reason]:
        """Give the birthdays of everyone in these roles; of an age only of those who were younger at the time."""
        for name in self.told.shown.in_roles(age.of):
            person = self.everyone[name]
            if person.birth is None or person.impossible or person.doubt or not person.born_by(self.conduct):
                self.missing.append(f"nothing tells when {name} was born")
            if person.dead_before(self.told.shown.happened):
                self.missing.append(f"{name} had died before it happened")
            if person.birth and (age.under is None or self.younger(person, age.under)):
                reached = last_day_of(person.birth, Period(months=12 * age.years), self.pack.leap)
                yield self.runs(f"{name} is {age.years}", reached, add)

    @property
    def conduct(self) -> Day:
        return self.told.shown.conduct or self.told.shown.created

    def younger(self, person: Person, years: int) -> bool:
        return next_day(self.conduct) <= end_of(person.birth, Period(months=12 * years), self.pack.leap)

    def floor(self, floor: Floor) -> Iterator[Reason]:
        """Give all days that a floor reaches to."""
        if floor.start:
            start = self.told.shown.first_date(floor.start)
            if start is None:
                self.missing.append(f"a date for the floor {floor.id}")
            else:
                yield self.runs(f"floor {floor.id}", start, floor.add)
        for stage in floor.latest:
            if day := self.day_of(stage.start):
                yield self.runs(f"floor {floor.id}", day, stage.add)
        if floor.age:
            yield from self.birthdays(floor.age, floor.add)
        self.waits = self.waits or any(self.is_open(each) for each in floor.pending)

    def is_open(self, pending: Pending) -> bool:
        """Say whether something begun has not ended: about the same person and offence, where both say about whom."""
        ends = [each for start in pending.until for each in self.told.befell(start.name, start.values)]
        if pending.after is None:
            return not ends
        return any(
            not any(
                end_on >= on and _same(person, end.person) and _same(_offence(begun), _offence(end))
                for end, end_on in ends
            )
            for begun, on in self.told.befell(pending.after.name, pending.after.values)
            for person in self._about(begun)
        )

    def _about(self, begun: Event) -> list[str | None]:
        """Name whom something concerns: who is named, else everybody who offends on the record; None: nobody does."""
        return [begun.person] if begun.person else [*self.told.shown.offenders] or [None]


def _same(one: str | None, other: str | None) -> bool:
    return one is None or other is None or one == other


def _offence(event: Event) -> str | None:
    return event.data.get("offence")
