"""A policy pack in force: frozen values, and the questions the services ask of them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property
from typing import Literal
from zoneinfo import ZoneInfo

from shared.calendar_rules import Leap, Period
from shared.policy.access import Access
from shared.policy.door import Boilerplate, Evaluation, Forbidden, References, Typed, bare, plain
from shared.policy.rules import Calendar, Children, Escalation, Floor, Former, Relation, Row
from shared.policy.timeliness import Timeliness
from shared.policy.values import (
    Class,
    Contact,
    Flag,
    Group,
    Limits,
    Named,
    Offence,
    Question,
    RecordType,
    Required,
    Source,
    Step,
    Trigger,
    View,
    When,
)
from shared.policy.vault import Vault
from shared.policy.workplace import DiscardReason, Quarantine


@dataclass(frozen=True)
class Pack:
    """One policy pack, read and checked; its hash names it everywhere."""

    hash: str
    id: str
    effective_on: date
    mode: Literal["observe", "live"]
    mode_approved_by: tuple[str, ...]
    zone: ZoneInfo
    leap: Leap
    exception_owner: str
    backstop: Period
    limits: Limits
    quarantine: Quarantine
    discard_reasons: Mapping[str, DiscardReason]
    vault: Vault
    record_types: Mapping[str, RecordType]
    classes: Mapping[str, Class]
    rows: Mapping[str, Row]
    groups: Mapping[str, Group]
    offences: tuple[Offence, ...]
    floors: Mapping[str, Floor]
    sources: Mapping[str, Source]
    required: tuple[Required, ...]
    flags: Mapping[str, Flag]
    triggers: Mapping[str, Trigger]
    contacts: Mapping[str, Contact]
    questions: tuple[Question, ...]
    policing_purposes: Mapping[str, Named]
    purposes: Mapping[str, Named]
    views: tuple[View, ...]
    access: Access
    forbidden: Forbidden
    boilerplate: Boilerplate
    evaluation: Evaluation
    references: References
    metadata_keys: frozenset[str]
    timeliness: tuple[Timeliness, ...] = ()
    jurisdiction: str = ""
    prevails: tuple[str, ...] = ()
    """The suppliers of a rule in the order in which they prevail; none: the latest last day does."""
    children: Children | None = None
    calendar: Calendar = field(default_factory=Calendar)
    relations: Mapping[str, Relation] = field(default_factory=dict)
    escalations: tuple[Escalation, ...] = ()
    former: Mapping[str, Former] = field(default_factory=dict)
    """What changed rows were before, where a change does not reach every record: from the packs before this one."""

    def as_for(self, created_on: date | None, reviewed_on: date | None) -> "Pack":
        """Give the pack as it counts for a record: rows whose change does not reach it are what they were."""
        left = {id_: row for id_, each in self.former.items() if (row := each.left(created_on, reviewed_on))}
        if not left:
            return self
        key = tuple((id_, id(row)) for id_, row in left.items())
        if key not in self._as_for:
            self._as_for[key] = replace(self, rows={**self.rows, **left})
        return self._as_for[key]

    @cached_property
    def _as_for(self) -> dict[tuple[tuple[str, int], ...], "Pack"]:
        return {}

    @property
    def live(self) -> bool:
        """Whether anything may be disposed of under this pack."""
        return self.mode == "live"

    @cached_property
    def in_order(self) -> tuple[Class, ...]:
        """The classes that records can fall into, in the order of classification."""
        return tuple(each for each in self.classes.values() if each.when is not None)

    @cached_property
    def ranks(self) -> dict[str, int]:
        """The rank of each group that a person can be in; 0 is the highest."""
        return {id_: rank for rank, (id_, group) in enumerate(self.groups.items()) if not group.by_record_type}

    @cached_property
    def _offences(self) -> dict[str, list[Offence]]:
        by_code: dict[str, list[Offence]] = {}
        for each in self.offences:
            by_code.setdefault(each.code, []).append(each)
        return by_code

    def offence(self, code: str, on: date | None = None) -> Offence | None:
        """Find what the table says of an offence on a day; without a day, or where none covers it, the newest."""
        known = self._offences.get(code, ())
        fits = [
            each
            for each in known
            if on and (not each.since or each.since <= on) and (not each.until or on <= each.until)
        ]
        return max(fits or known, key=lambda each: each.since or date.min, default=None)

    @cached_property
    def supplied_rows(self) -> dict[str, str]:
        """The rows that sources supply beside those of classes, by source system."""
        return {each.source_system: each.row for each in self.sources.values() if each.row}

    @cached_property
    def graded_types(self) -> frozenset[str]:
        """The record types whose class depends on how serious their offences are."""
        return frozenset(
            each.when.record_type
            for each in self.in_order
            if each.when and each.when.serious is not None and each.when.record_type
        )

    def highest(self, groups: Iterable[str | None]) -> str | None:
        """Find the highest of some groups; None where there is none."""
        return min((group for group in groups if group), key=lambda group: self.ranks[group], default=None)

    def flag_group(self, flag: str) -> str | None:
        """Find the group that a flag on a nominal puts them in."""
        known = self.flags.get(flag)
        return known.group if known else None

    @cached_property
    def _fields(self) -> dict[tuple[str, str], tuple[str, ...]]:
        fields: dict[tuple[str, str], tuple[str, ...]] = {}
        for each in self.required:
            key = (each.source_system, each.record_type)
            fields[key] = fields.get(key, ()) + each.fields
        return fields

    def required_fields(self, source_system: str, record_type: str | None) -> tuple[str, ...]:
        """List the JSON Pointers that a record of this source and type must fill in."""
        return self._fields.get((source_system, record_type or ""), ())

    @cached_property
    def placeholders(self) -> tuple[frozenset[date], frozenset[date]]:
        """The days that systems write where they know none: as dates of events, and as dates of birth."""
        return frozenset(self.limits.placeholder_dates), frozenset(self.limits.placeholder_births)

    @cached_property
    def says_nothing(self) -> frozenset[str]:
        """The words by which a required field says nothing, as `plain` gives them."""
        return frozenset(map(plain, self.boilerplate.texts))

    @cached_property
    def forbidden_words(self) -> tuple[frozenset[str], frozenset[str]]:
        """The markings and the types that may not be held, as `bare` gives them."""
        return frozenset(map(bare, self.forbidden.markings)), frozenset(map(bare, self.forbidden.types))

    @cached_property
    def _told_by(self) -> tuple[tuple[str, When], ...]:
        return tuple((id_, each.when) for id_, each in self.record_types.items() if each.when)

    def type_of(self, state: Typed) -> str | None:
        """Give a state's record type: as sent, else the first that its system, offences and metadata tell."""
        if state.record_type is not None:
            return state.record_type
        fits = (id_ for id_, when in self._told_by if when.says(state.source_system, state.offences, state.metadata))
        return next(fits, None)

    def settled_fields(self, record_type: str | None) -> tuple[str, ...]:
        """List the JSON Pointers whose values a record of this type keeps from its first acceptance."""
        known = self.record_types.get(record_type or "")
        return known.settled if known else ()

    def chain(self, group: str | None) -> tuple[Step, ...]:
        """List who must approve a disposal of this group, in order."""
        known = self.groups.get(group or "")
        return known.chain if known else ()

    def ends(self, row: str, groups: Iterable[str] = ()) -> Literal["review", "dispose"]:
        """Say what the end of the period brings; disposal by time alone needs every owner's word and a live pack."""
        rule = self.rows[row]
        follow = [self.groups[group] for group in groups]
        wanted = [rule.end, *(group.end for group in follow)]
        owned = bool(rule.confirmed) and all(group.confirmed for group in follow)
        by_time = (rule.end or follow) and all(end in ("dispose", None) for end in wanted)
        return "dispose" if by_time and owned and self.live else "review"

    def may_view(self, purpose: str, role: str, record_type: str | None) -> bool:
        """Say whether the table of views lets a role look at a record type for a purpose."""
        return any(
            view.purpose == purpose
            and view.role == role
            and (not view.record_types or record_type in view.record_types)
            for view in self.views
        )
