"""Who supplies a rule for a record: its class, its source, a decision about it alone; and which of them prevails."""

from dataclasses import dataclass

from shared.calendar_rules import Period
from shared.policy import Row
from tests.oracle.days import Day, last_day_of, read_civil
from tests.oracle.told import Told


@dataclass(frozen=True)
class Rule:
    """One rule for one record, and who supplies it."""

    by: str
    row: Row | None = None
    until: Day | None = None
    """The last day itself, where a decision names it: the row then gives its floors and its end alone."""
    legal: bool = False
    """Whether it names the legal authority that may shorten a locked row."""
    impossible: bool = False
    """Whether it names a row that policy does not have, or whose unit does not fit."""

    @property
    def as_file(self) -> bool:
        """Say whether it keeps a record as its case file is kept."""
        return bool(self.row and self.row.follows == "case_file" and not self.until)


def rules_of(told: Told) -> list[Rule]:
    """List every rule that applies to a record."""
    row = told.shown.source_row
    fits = row is not None and told.shown.fits(row)
    rules = [Rule("source", row if fits else None, impossible=not fits)] if row else []
    rules += overriding(told)
    return [Rule("class", told.shown.row), *rules] if told.shown.row or not rules else rules


def overriding(told: Told) -> list[Rule]:
    """Give the rule that the last decision about this record alone made for it; it may have ended the one before."""
    made = max(told.life.of_record(told.record, "override"), key=lambda each: each.sequence, default=None)
    if made is None:
        return []
    legal = "legal_authority" in made.data
    if name := made.data.get("row"):
        row = told.life.pack.rows.get(name)
        fits = row is not None and told.shown.fits(row)
        return [Rule("override", row if fits else None, legal=legal, impossible=not fits)]
    until = _named(made.data, told.life.pack.leap)
    return [Rule("override", told.shown.row, until, legal)] if until else []


def _named(decided, leap: str) -> Day | None:
    if "period" in decided:
        return last_day_of(read_civil(decided["from_on"]), Period.parse(decided["period"]), leap)
    return read_civil(decided["until"]) if "until" in decided else None


@dataclass(frozen=True)
class Offer:
    """How long one rule keeps a record."""

    rule: Rule
    missing: bool
    permanent: bool
    waits: bool
    last: Day | None
    group: str | None
    by_time: bool
    """Whether time alone may end it."""

    @property
    def length(self) -> tuple[bool, bool, Day, bool, bool]:
        """For ever is longer than until something happens that has not yet, and that longer than until any day.

        Of two that name the same day the one that ends in a review prevails, and the one that goes by persons.
        """
        last = self.last if self.last and not self.permanent else (0, 0, 0)
        return self.permanent, self.waits, last, not self.by_time, self.group is not None


def that_count(offers: list[Offer], order: tuple[str, ...]) -> list[Offer]:
    """Leave the one that the pack puts first; where the pack declares no order, or that one lacks something, all."""
    if not order:
        return offers
    first = min(offers, key=lambda each: order.index(each.rule.by))
    if first.missing:
        return [first, *(each for each in offers if each is not first)]
    locked = [each for each in offers if each.rule.by == "class" and each.rule.row and each.rule.row.locked]
    return [first] if first.rule.legal or first in locked else [first, *locked]


def prevailing(offers: list[Offer]) -> Offer:
    """Of those that count the one with the latest last day prevails."""
    return max(offers, key=lambda each: each.length)
