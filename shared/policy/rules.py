"""The retention schedule as frozen values: where a clock starts, how long, how far at least, and what comes then."""

from dataclasses import dataclass, field
from datetime import date
from typing import Literal

from shared.calendar_rules import Period

End = Literal["review", "dispose", "transfer"]
Unit = Literal["record", "case_file", "person"]
ClockBy = Literal["first", "any", "all"]
Reaches = Literal["at_once", "at_next_review", "new_records_only"]
_NONE: frozenset[str] = frozenset()
METADATA = "metadata:"
ROLES = ("suspect", "offender", "subject", "victim", "witness", "other")
"""What a person can be on a record."""


@dataclass(frozen=True, slots=True)
class Confirmed:
    """Who owns a row, and since when it has their word."""

    by: str
    on: date


@dataclass(frozen=True, slots=True)
class Start:
    """One thing that a clock can start at: a date of the record, a date in its metadata, or a trigger."""

    name: str
    """A date as `DATES` names it, `metadata:` and a key, or a trigger's name."""
    values: frozenset[str] = _NONE
    """Of a trigger: the values that count; empty: those that the trigger itself names."""

    @property
    def metadata_key(self) -> str | None:
        """The key in the record's metadata whose value is the date; None: another kind."""
        return self.name.removeprefix(METADATA) if self.name.startswith(METADATA) else None


@dataclass(frozen=True, slots=True)
class Age:
    """Until a birthday of whoever is on the record in one of these roles; of several the latest."""

    of: frozenset[str]
    years: int
    under: int | None = None
    """Only of those who were younger at the time of the conduct, else of the record's creation."""


@dataclass(frozen=True, slots=True)
class Stage:
    """One day that a floor reaches to: that of a trigger, and so long after."""

    start: Start
    add: Period = field(default_factory=Period)


@dataclass(frozen=True, slots=True)
class Pending:
    """Something begun that has not ended: while it is so, the floor has no day yet.

    What ends it must be about the same person and the same offence, where both say about whom.
    """

    until: tuple[Start, ...]
    after: Start | None = None
    """What begins it; None: the record itself does."""


@dataclass(frozen=True, slots=True)
class Floor:
    """A day below which nothing that names it falls: the latest of all that it gives."""

    id: str
    start: tuple[str, ...] = ()
    """Dates, of which the first present counts; none present is an exception."""
    add: Period = field(default_factory=Period)
    latest: tuple[Stage, ...] = ()
    pending: tuple[Pending, ...] = ()
    age: Age | None = None
    """A birthday, after which `add` is counted."""
    authority: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the retention schedule."""

    id: str
    title: str = ""
    table: str = ""
    """The schedule table it stands in."""
    evidence: str = "unconfirmed"
    regime: str = "part3"
    jurisdiction: str = ""
    authority: str = ""
    """Act, code or guidance, with its paragraph."""
    owner: str = ""
    """The information asset owner."""
    range: str = ""
    """What the source gave, where it gave a range."""
    note: str = ""
    confirmed: Confirmed | None = None
    unit: Unit | None = None
    """None: the person where it follows MoPI, the case file where it follows that, else the record."""
    follows: Literal["mopi", "case_file"] | None = None
    notice: tuple[str, ...] = ()
    clock: tuple[Start, ...] = ()
    clock_by: ClockBy = "first"
    """first: the first present of the list; any: the earliest that there is; all: the latest, once all are there."""
    retain: Period | None = None
    permanent: bool = False
    ends_on_clock: bool = False
    """Whether it ends on its clock's day: no period at all, which must be said."""
    ages: tuple[Age, ...] = ()
    """Birthdays that it is kept until, if they are later than what the period gives, or there is none."""
    cycle: Period | None = None
    """How often it is looked at again while it is kept."""
    floors: tuple[str, ...] = ()
    transfers: tuple[str, ...] = ()
    """To whom it is offered before the end, in order."""
    end: End | None = None
    counts_for_person: bool = False
    statutory: bool = False
    """The date is a statute's."""
    reaches: Reaches = "at_once"
    """How a change of this row reaches records that are there."""
    locked: bool = False
    """No later pack and no override shortens it without a named legal authority and two people."""
    refuses: tuple[str, ...] = ()
    """Record types that the door refuses: the row stands in the schedule only to say so, and no record has it."""

    @property
    def is_mopi(self) -> bool:
        """Whether offending persons date the record."""
        return self.follows == "mopi"

    @property
    def as_file(self) -> bool:
        """Whether its case file alone dates the record."""
        return self.follows == "case_file"

    @property
    def dates_alone(self) -> bool:
        """Whether the row can give a date with no person and no case file in it."""
        return self.retain is not None or self.permanent or self.ends_on_clock or bool(self.ages)

    @property
    def of_unit(self) -> Unit:
        """What the row is a rule for."""
        return self.unit or ("person" if self.is_mopi else "case_file" if self.as_file else "record")


@dataclass(frozen=True, slots=True)
class Former:
    """A row as it was before a change that does not reach every record that was there."""

    row: Row
    since: date
    """The first day of the pack that changed it."""
    reaches: Reaches
    before: "Former | None" = None

    def left(self, created_on: date | None, reviewed_on: date | None) -> Row | None:
        """Give the row that a record still goes by; None: the change reaches it, as one made or reviewed since."""
        reviewed = reviewed_on if self.reaches == "at_next_review" else None
        if any(day and day >= self.since for day in (created_on, reviewed)):
            return None
        return (self.before.left(created_on, reviewed_on) if self.before else None) or self.row


@dataclass(frozen=True, slots=True)
class Children:
    """What is different where the conduct was that of a child."""

    under: int
    """Conduct before this birthday."""
    cadence: Period
    review_at: tuple[int, ...] = ()
    """Birthdays at which the person is looked at again."""


@dataclass(frozen=True, slots=True)
class Relation:
    """A kind of cross-reference, and which triggers of the one record count on the other too."""

    kind: str
    passes: frozenset[str] = _NONE
    direction: Literal["to_named", "from_named", "both"] = "to_named"
    """to_named: from the record that names the other to the one it names."""


@dataclass(frozen=True, slots=True)
class Calendar:
    """Which days are worked, for expectations and answers; never for a period of keeping."""

    weekend: tuple[str, ...] = ("sat", "sun")
    holidays: frozenset[date] = frozenset()


@dataclass(frozen=True, slots=True)
class Escalation:
    """To whom a task goes that is overdue for so long."""

    role: str
    after: Period
