"""Case files as the records tell of them: who is part of what, who goes round in a circle, who came too late."""

from dataclasses import dataclass, replace
from functools import cached_property

from tests.oracle.days import Day
from tests.oracle.lives import Life
from tests.oracle.told import Told

OWN_DATES = ("created_on", "recorded_at", "reported_at", "occurred_on")


def own_day(told: Told) -> Day | None:
    """Give the day by which a part may join a file: of the paper itself, and never when it arrived."""
    return told.shown.first_date(OWN_DATES)


def tell(life: Life) -> dict[str, Told]:
    """Read all records; a closing before the date of a part that opens its file again is none."""
    found = {record: Told(life, record) for record in life.records}
    return {name: replace(told, opened=_opened(name, list(found.values()))) for name, told in found.items()}


def _opened(file: str, told: list[Told]) -> Day | None:
    days = [own_day(each) for each in told if file in each.shown.part_of and not each.withdrawn]
    return max((day for day in days if day), default=None)


@dataclass(frozen=True)
class Files:
    """Who is part of which file, as the records themselves say."""

    told: dict[str, Told]

    @cached_property
    def round(self) -> set[str]:
        """Name the records that are part of themselves, at once or through others."""
        return {record for record in self.told if record in self._over(record)}

    def _over(self, record: str) -> set[str]:
        """Name every file over a record, adding those over each until there are no more."""
        over: set[str] = set(self.told[record].shown.part_of)
        while more := {f for each in over & self.told.keys() for f in self.told[each].shown.part_of} - over:
            over |= more
        return over

    def refusal(self, record: str) -> str | None:
        """Say why somebody must look at a record's place in a file."""
        if record in self.round:
            return "part of itself, or in a circle"
        refused = (self.refused(record, file) for file in sorted(self.told[record].shown.part_of))
        return next((why for why in refused if why), None)

    def refused(self, record: str, file: str) -> str | None:
        """Say why a record is not in a file that it names."""
        if file not in self.told:
            return "the file has not come"
        shut, on = self.shut(file), own_day(self.told[record])
        if shut and not on:
            return "nobody can tell whether it came in time"
        return "dated after the file was closed" if shut and on > shut else None

    def shut(self, file: str) -> Day | None:
        """Give the day after which a file takes nothing."""
        told = self.told[file]
        if told.late_parts_open_it:
            return None
        return max((day for _, day in told.befell("closed")), default=None)

    def of(self, record: str) -> list[str]:
        """Name the files that a record has joined."""
        return [file for file in sorted(self.told[record].shown.part_of) if self.joined(record, file)]

    def parts(self, file: str) -> list[str]:
        """Name the records that have joined a file."""
        return [record for record in self.told if self.joined(record, file)]

    def joined(self, record: str, file: str) -> bool:
        """Say whether a record has joined a file; those that go round in circles have nothing to do with each other."""
        named = file in self.told[record].shown.part_of
        return named and not self.refused(record, file) and not {record, file} <= self.round
