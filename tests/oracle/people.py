"""A person as policy sees them: their group, their clock, and the last day on which it keeps their records."""

from dataclasses import dataclass
from functools import cached_property

from shared.calendar_rules import Period
from shared.policy import Group, Pack
from tests.oracle.days import CALENDAR, NUMBER, Day, end_of, last_day_of, latest_meant, next_day, read_civil, walk
from tests.oracle.decisions import Decisions
from tests.oracle.lives import Event, Life
from tests.oracle.told import State, Told, highest


@dataclass(frozen=True)
class Person:
    life: Life
    name: str
    records: list[Told]
    called: tuple[str, ...] = ()
    """All their names, where the index says that they have several."""
    doubt: str | None = None
    """Why nobody can say who they are."""

    @property
    def names(self) -> tuple[str, ...]:
        return self.called or (self.name,)

    def among(self, names: list[str]) -> bool:
        return any(name in names for name in self.names)

    @property
    def pack(self) -> Pack:
        return self.life.pack

    @cached_property
    def states(self) -> list[Event]:
        return self.of("person")

    def of(self, kind: str) -> list[Event]:
        """Give what was told of them by any of their names."""
        return [each for name in self.names for each in self.life.of_person(name, kind)]

    @cached_property
    def newest(self) -> list[Event]:
        """Give each source's state with the highest sequence: one source's state never replaces another's."""
        told_by = {(each.person, each.source) for each in self.states}
        return [max((s for s in self.states if (s.person, s.source) == by), key=lambda s: s.sequence) for by in told_by]

    def _days(self, name: str) -> set[Day]:
        return {read_civil(each.data[name]) for each in self.newest if each.data.get(name)}

    @property
    def birth(self) -> Day | None:
        """Give their birth date; of contradictory ones the latest."""
        return max(self._days("date_of_birth"), default=None)

    @cached_property
    def reasons(self) -> list[tuple[str, Day | None]]:
        """Give every group that any fact puts them in, and since when; what disappears later lowers nothing."""
        records = [
            (state.gives, min(state.noticed, default=state.created))
            for told in self.records
            for state in told.counting
            if not self.looked_through(state.event)
            if state.counts_for_person and self.counts_on(told, state) and state.gives
        ]
        flags = [
            (self.pack.flags[flag].group, read_civil(each.received))
            for each in self.states
            if not self.looked_through(each)
            for flag in each.data.get("flags") or ()
            if flag in self.pack.flags and self.pack.flags[flag].group
        ]
        return records + flags + self.put_by_review

    @cached_property
    def regroupings(self) -> list[tuple[Event, Day]]:
        """Give the reviews that put them in a group."""
        return [(event, day) for event, day in self.decisions.made if event.data.get("group")]

    def looked_through(self, event: Event) -> bool:
        """Say whether a review that put them in a group had this before it: it raises them no more.

        Nor does what only says the same once more.
        """
        if any(event.id in review.data["basis"] for review, _ in self.regroupings):
            return True
        before = self._before(event)
        return before is not None and before.data == event.data and self.looked_through(before)

    def _before(self, event: Event) -> Event | None:
        """Find what its source said of the same subject just before."""
        same = [
            each
            for each in self.life.standing()
            if (each.kind, each.record, each.person, each.source)
            == (event.kind, event.record, event.person, event.source)
            and each.sequence < event.sequence
        ]
        return max(same, key=lambda each: each.sequence, default=None)

    @property
    def put_by_review(self) -> list[tuple[str, Day | None]]:
        """Give the group that the last of those reviews put them in; of two on one day each."""
        last = max((day for _, day in self.regroupings), default=None)
        return [(event.data["group"], day) for event, day in self.regroupings if day == last]

    @cached_property
    def group(self) -> str | None:
        return highest(self.pack, [group for group, _ in self.reasons])

    @property
    def rule(self) -> Group:
        return self.pack.groups[self.group]

    @property
    def grouped(self) -> Day | None:
        """The earliest day on which facts put them in their group."""
        return min((day for group, day in self.reasons if group == self.group and day), default=None)

    @cached_property
    def carried(self) -> list[Told]:
        """Give the records that they carry as an offender and that count for persons."""
        return [
            told
            for told in self.records
            if told.shown.counts_for_person and self.among(told.offenders) and self.counts_on(told, told.shown)
        ]

    def counts_on(self, told: Told, state: State) -> bool:
        """Say whether they are an offender by a state: by a child's conduct only after a review that let it count."""
        return self.among(state.offenders) and (told.reviewed.retained is not None or not self.child(state))

    def child(self, state: State) -> bool:
        """Say whether what a state tells was done before they were of age to be responsible."""
        return self.younger(state, self.pack.limits.responsible_from_age)

    def younger(self, state: State, years: int) -> bool:
        """Say whether what a state tells was done before a birthday of theirs."""
        if self.birth is None or state.conduct is None:
            return False
        return next_day(state.conduct) <= self.birthday(years)

    def birthday(self, years: int) -> Day:
        """Give the last day that is not beyond a birthday; it may name one that its month lacks."""
        return end_of(self.birth, Period(months=12 * years), self.pack.leap)

    @property
    def as_child(self) -> bool:
        """Say whether anything they carry was done before the age until which policy looks more often."""
        children = self.pack.children
        return children is not None and any(self.younger(told.shown, children.under) for told in self.carried)

    @property
    def cadence(self) -> Period:
        return self.pack.children.cadence if self.as_child else self.rule.cadence

    @cached_property
    def noticed(self) -> list[Day]:
        """Give every day on which they came to notice."""
        found = [day for told in self.carried for day in told.shown.noticed]
        for told in self.carried:
            events = [each for name, t in self.pack.triggers.items() if t.qualifying for each in told.befell(name)]
            found += [day for event, day in events if event.person in (None, *self.names)]
        return found + self.resets

    @property
    def resets(self) -> list[Day]:
        contacts = self.of("contact")
        return [
            latest_meant(each.data["on"], self.pack.zone.key)
            for each in contacts
            if self.pack.contacts[each.data["kind"]].resets
        ]

    @property
    def decisions(self) -> Decisions:
        zone = self.pack.zone.key
        return Decisions([(e, latest_meant(e.data["on"], zone)) for e in self.of("decision")])

    @property
    def impossible(self) -> bool:
        """Say whether what was told of them contradicts itself: born twice, or come to notice outside their life."""
        outside = any(not self.born_by(day) or self.dead_before(day) for day in self.resets)
        return len(self._days("date_of_birth")) > 1 or outside or not all(map(self.born_by, self._days("died_on")))

    def born_by(self, day: Day) -> bool:
        return self.birth is None or self.birth <= day

    def dead_before(self, day: Day | None) -> bool:
        """Say whether they had died before a day; of what nobody says when it happened, nobody can tell."""
        return day is not None and any(death < day for death in self._days("died_on"))

    @cached_property
    def last_day(self) -> Day | None:
        """Walk to the last day for which policy keeps them; None: nothing tells yet."""
        rule, leap = self.rule, self.pack.leap
        start = self.birth if rule.until_age is not None else max(self.noticed, default=None)
        if start is None:
            return None
        kept = Period(months=12 * rule.until_age) if rule.until_age is not None else rule.clear
        end, retained = last_day_of(start, kept, leap), self.decisions.until(self.cadence, leap)
        return max(end, retained) if retained and self._reaches_past(end) else end

    def _reaches_past(self, end: Day) -> bool:
        """Until an age a retain on the way moves nothing; one given when that end is looked at reaches past it."""
        return self.rule.until_age is None or self.decisions.retained >= self.opens(end)

    def opens(self, end: Day) -> Day:
        """Give the day from which somebody is asked about an end."""
        return CALENDAR[NUMBER[end] - self.pack.limits.lead_days]

    @property
    def missing(self) -> bool:
        """Say whether their side of a record's date cannot be told, or contradicts itself."""
        return self.last_day is None or self.impossible

    @property
    def looked_at(self) -> list[Day]:
        """Give the days on which a decision, or the group itself, asks for a look at them."""
        found = [self.decisions.ahead]
        if self.rule.until_age is not None:
            since = self.decisions.last or self.grouped
            found.append(last_day_of(since, self.cadence, self.pack.leap) if since else None)
        if self.as_child:
            ages = [walk(self.birth, self.birthday(years)) for years in self.pack.children.review_at]
            found += [day for day in ages if self.decisions.last is None or self.decisions.last < day]
        return [day for day in found if day]
