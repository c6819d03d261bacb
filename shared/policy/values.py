"""The rows of a policy pack as frozen values: what policy says, and nothing that computes."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Literal

from shared.calendar_rules import Period
from shared.policy.rules import Confirmed, End


@dataclass(frozen=True, slots=True)
class Limits:
    """The numbers by which the system paces itself."""

    lead_days: int
    cooling_off_days: int
    news_age_minutes_max: int
    reviews_per_tick_max: int
    future_days_max: int
    responsible_from_age: int
    stop_count: int | None = None
    """More disposals than this at once, and than `stop_ratio` times the forecast, stop themselves; None: never."""
    stop_ratio: int | None = None
    earliest: date | None = None
    """The first day that a date of an event is believed to lie on; None: any day is."""
    placeholder_dates: tuple[date, ...] = ()
    """Days that systems write where they know none: as a date of an event none of them is believed."""
    placeholder_births: tuple[date, ...] = ()
    """The same of dates of birth: people are born on days that stand for no day elsewhere."""


@dataclass(frozen=True, slots=True)
class RecordType:
    """A record type this pack knows, and which roles on it make a person an offender, or one who is accused."""

    id: str
    title: str
    offending_roles: frozenset[str]
    not_offending_when_assessed: frozenset[str] = frozenset()
    allegation_roles: frozenset[str] = frozenset()
    """By which it is an allegation against whoever has them, whether or not they offend by it; none: it is none."""
    settled: tuple[str, ...] = ()
    """JSON Pointers into a record's state whose values stay as they were first accepted."""
    when: "When | None" = None
    """By what a record that was sent without a type is told to be of this one."""
    late_parts: Literal["exception", "reopen"] = "exception"
    """Of a case file: what a part does whose own date is after the day the file was closed."""
    correctable: tuple[str, ...] = ()
    """JSON Pointers that a records manager may correct here."""


@dataclass(frozen=True, slots=True)
class When:
    """The conditions of a class, or of a record type; all that are given must hold."""

    record_type: str | None = None
    source_system: str | None = None
    offending_link: bool | None = None
    serious: bool | None = None
    part_of: bool | None = None
    """Whether it is part of a case file."""
    offence: frozenset[str] = frozenset()
    """Any of these codes."""
    metadata: tuple[tuple[str, str], ...] = ()
    """All of these values."""

    def says(
        self, source_system: str | None, offences: Iterable[str] | None, metadata: Mapping[str, str] | None
    ) -> bool:
        """Say whether what any state tells of itself fits; type, links and seriousness are for the caller."""
        return (
            self.source_system in (None, source_system)
            and (not self.offence or not self.offence.isdisjoint(offences or ()))
            and all((metadata or {}).get(key) == value for key, value in self.metadata)
        )


@dataclass(frozen=True, slots=True)
class Class:
    """A node of the scheme; what it inherits is already filled in."""

    id: str
    title: str = ""
    parent: str | None = None
    when: When | None = None
    row: str | None = None
    row_from: str | None = None
    """The class that supplied the row: itself or its nearest ancestor with one."""
    backstop: Period | None = None
    exception_owner: str | None = None
    facets: tuple[tuple[str, str], ...] = ()
    """Function, jurisdiction, sensitivity and the like: flat marks beside the tree."""


@dataclass(frozen=True, slots=True)
class Step:
    """One link of a chain of approvals."""

    role: str
    competence: str | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """How long a person of one review group is kept, and how often looked at."""

    id: str
    title: str = ""
    clear: Period | None = None
    until_age: int | None = None
    cadence: Period | None = None
    end: End = "review"
    chain: tuple[Step, ...] = ()
    by_record_type: bool = False
    evidence: str = "unconfirmed"
    confirmed: Confirmed | None = None


@dataclass(frozen=True, slots=True)
class Offence:
    """What one offence code means for its offender's group."""

    code: str
    group: str
    serious: bool
    title: str = ""
    since: date | None = None
    """The first day on which it says so; None: ever since."""
    until: date | None = None
    """The last one."""


@dataclass(frozen=True, slots=True)
class Source:
    """An upstream system's entry: what it may send, and about whom."""

    source: str
    source_system: str
    principal: str
    reports_on: frozenset[str] = frozenset()
    nominal_sources: frozenset[str] = frozenset()
    row: str | None = None
    """A row that it supplies for all its records, beside that of their class."""
    merges: bool = False
    """Whether it is the index that says who is one person, and who is not."""
    silent_after: timedelta | None = None
    """Without an event for longer it is overdue; None: it may be silent."""
    manifest_every: timedelta | None = None
    """Without a manifest for longer it is overdue; None: it sends none."""


@dataclass(frozen=True, slots=True)
class Required:
    """The fields that one source must fill in for one record type."""

    source_system: str
    record_type: str
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Flag:
    """A mark on a nominal, and the group it puts them in, if any."""

    id: str
    group: str | None = None


@dataclass(frozen=True, slots=True)
class Trigger:
    """An event of a record that this pack knows by name."""

    name: str
    qualifying: bool = False
    values: frozenset[str] = frozenset()
    """The values that count; empty: any does."""
    undone_by: frozenset[str] = frozenset()
    """Triggers of the same record that, later or on the same day, take it back."""
    review: bool = False
    """Whether a person looks at once."""


@dataclass(frozen=True, slots=True)
class Contact:
    """A kind of contact with a person, and what it moves."""

    kind: str
    resets: bool = False
    review: bool = False


@dataclass(frozen=True, slots=True)
class Question:
    """One question of a review."""

    id: str
    part: Literal["gate", "criteria"]
    text: str


@dataclass(frozen=True, slots=True)
class Named:
    """An entry that is only an id and its title, such as a purpose."""

    id: str
    title: str = ""


@dataclass(frozen=True, slots=True)
class View:
    """Who may look at what, for which purpose."""

    purpose: str
    role: str
    record_types: frozenset[str] = field(default_factory=frozenset)
    """Empty: every type."""
