"""What the reviews of one subject decided: when, what, and which next day they named."""

from dataclasses import dataclass

from shared.calendar_rules import Period
from tests.oracle.days import Day, last_day_of, read_civil
from tests.oracle.lives import Event


@dataclass(frozen=True)
class Decisions:
    """The reviews of one subject: on which day, with which outcome, and which next day they named."""

    made: list[tuple[Event, Day]]

    @property
    def last(self) -> Day | None:
        """The day of the last review, whatever came of it."""
        return max((day for _, day in self.made), default=None)

    @property
    def retained(self) -> Day | None:
        return max((day for event, day in self.made if event.data["outcome"] == "retain"), default=None)

    @property
    def named(self) -> Day | None:
        """The earliest next day that the last retains named."""
        days = [
            read_civil(event.data["next_on"])
            for event, day in self.made
            if day == self.retained and event.data["outcome"] == "retain" and event.data.get("next_on")
        ]
        return min(days, default=None)

    @property
    def ahead(self) -> Day | None:
        """The day that was named, unless a review has taken place by then."""
        return self.named if self.named and self.last < self.named else None

    def until(self, cadence: Period, leap: str) -> Day | None:
        """A retain keeps so long after the decision; the reviewer may only have named an earlier day."""
        if self.retained is None:
            return None
        return min(day for day in (last_day_of(self.retained, cadence, leap), self.named) if day)
