"""What a case file and its parts ask of each other, and of each record: how long it is kept with all that needs it."""

from dataclasses import dataclass, replace
from functools import cache
from typing import NamedTuple

from shared.policy import Row
from tests.oracle.days import Day
from tests.oracle.files import Files
from tests.oracle.supply import Offer, Rule, prevailing, that_count
from tests.oracle.told import Told


@dataclass(frozen=True)
class Own:
    """What a record's own rules come to, before any case file is asked."""

    told: Told
    offers: list[Offer]

    @property
    def rules(self) -> list[Rule]:
        return [each.rule for each in self.offers]

    @property
    def order(self) -> tuple[str, ...]:
        return self.told.life.pack.prevails

    @property
    def counted(self) -> list[Offer]:
        return that_count(self.offers, self.order)

    @property
    def dating(self) -> list[Rule]:
        """Give the rules that may date it: the one that the pack puts first, or all."""
        return [min(self.rules, key=lambda each: self.order.index(each.by))] if self.order else self.rules

    @property
    def is_for_the_whole(self) -> bool:
        """Say whether every part waits for the whole, and goes with it."""
        return any(each.row and _unit(each.row) == "case_file" for each in self.dating)

    @property
    def as_file(self) -> bool:
        """Say whether it is kept as its case files are, whatever their rule is for."""
        return any(each.as_file for each in self.dating)

    @property
    def goes_by(self) -> str:
        """Say which dates it where its case file has a rule for the whole: its `own` rules, the `file`, or `both`."""
        locked = any(each.by == "class" and each.row and each.row.locked for each in self.rules)
        if not self.order or self.as_file:
            return "both"
        if self.order.index(self.dating[0].by) < self.order.index("case_file"):
            return "own"
        return "both" if locked else "file"

    @property
    def lacks_anything(self) -> bool:
        return self.lacks_itself or any(each.missing for each in self.counted)

    @property
    def lacks_itself(self) -> bool:
        """Say whether something is missing or impossible whichever of its rules prevails."""
        return bool(self.told.unknown) or not any(each.rule.row or each.rule.until for each in self.counted)


def _unit(row: Row) -> str:
    return row.unit or ("case_file" if row.follows == "case_file" else "record")


class Kept(NamedTuple):
    """How long a record is kept, and by which of its own rules it is reviewed."""

    state: str
    last: Day | None
    prevails: Offer
    by_time: bool
    """Whether time alone may end it: of paper or a thing a person disposes."""

    @property
    def permanent(self) -> bool:
        return self.state == "permanent"

    @property
    def waits(self) -> bool:
        """Say whether it has no last day to give to those that wait for it."""
        return self.state == "current" and self.last is None


class Wholes:
    """The records of one life with their case files."""

    def __init__(self, own: dict[str, Own], files: Files) -> None:
        """Ask each record once: `kept` answers the same however often it is asked."""
        self.own, self.files = own, files
        self.kept = cache(self._kept)

    def waits_for(self, record: str) -> list[str]:
        """Name the case files that a record is kept for."""
        own = self.own[record]
        joined = self.files.of(record) if own.goes_by != "own" else []
        return [file for file in joined if own.as_file or self.own[file].is_for_the_whole]

    def must_be_dated(self, file: str) -> list[str]:
        """Name the parts without whose dates a whole has none."""
        whole = self.own[file].is_for_the_whole
        return [part for part in self.files.parts(file) if self.own[part].goes_by != "own"] if whole else []

    def whose_reasons(self, record: str) -> list[str]:
        """Name the record and all under it whose own reasons keep it: parts that their file alone dates have none."""
        under = [part for part in self.must_be_dated(record) if self.own[part].goes_by == "both"]
        return [record, *(each for part in under for each in self.whose_reasons(part))]

    def by_files(self, record: str) -> bool:
        """Say whether case files alone date a record."""
        return self.own[record].goes_by == "file" and bool(self.waits_for(record))

    def undated(self, record: str) -> bool:
        """Say whether nobody can tell how long a record's own rules and its parts keep it."""
        own = self.own[record]
        lacks = own.lacks_itself if self.by_files(record) else own.lacks_anything
        return lacks or record in self.files.round or any(map(self.undated, self.must_be_dated(record)))

    def _kept(self, record: str) -> Kept:
        files = [self.kept(file) for file in self.waits_for(record)]
        doubt = self.undated(record) or self.files.refusal(record) or any(f.state == "exception" for f in files)
        dated_by_files = self.by_files(record) and not any(f.state == "exception" for f in files)
        _, *under = self.whose_reasons(record)
        offers = self._with_files(record)
        reasons = [] if dated_by_files else [*offers, *(o for each in under for o in self.own[each].counted)]
        permanent = any(each.permanent for each in (*reasons, *files))
        waits = any(each.waits for each in (*reasons, *files))
        state = "exception" if doubt else "permanent" if permanent else "current"
        last = max((each.last for each in (*reasons, *files) if each.last), default=None)
        undated = permanent or (waits and not doubt)  # Of an exception what the others give is shown.
        prevails, by_person = prevailing(offers), self.own[record].told.shown.by_person
        return Kept(state, None if undated else last, prevails, prevails.by_time and not by_person)

    def _with_files(self, record: str) -> list[Offer]:
        """Ask a record's own rules: one that keeps it as its files are kept lasts as long, and ends as they do."""
        own, files = self.own[record], [self.kept(file) for file in self.files.of(record)]
        return [_as_its_files(each, own.told.withdrawn, files) if each.rule.as_file else each for each in own.counted]


def _as_its_files(offer: Offer, withdrawn: bool, files: list[Kept]) -> Offer:
    by_time = bool(files) and all(each.by_time for each in files)
    return replace(
        offer,
        permanent=any(each.permanent for each in files),
        waits=offer.waits or any(each.waits for each in files),
        last=max((each.last for each in (offer, *files) if each.last), default=None),
        by_time=by_time and bool(offer.rule.row.confirmed) and not withdrawn,
    )
