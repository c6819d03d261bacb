"""The pack's text as a records manager reads it: where a state belongs, its group, its row, its clock, its floors."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from shared.calendar_rules import Period, add, day_of, first_day_of
from shared.ids import nominal_ref
from tools.verify.dating.told import Body, NotJudged, State, Told
from tools.verify.dating.versions import Table, Versions

WRITTEN = ("occurred_on", "reported_at", "recorded_at", "created_on")
CREATED = ("created_on", "recorded_at", "received_on", "reported_at", "occurred_on")
Dates = Mapping[str, date]


class Placed(NamedTuple):
    """Where a state belongs: its row, the group that it gives, and whom it names as offenders."""

    row: Table | None
    group: str | None
    offenders: frozenset[UUID]

    @property
    def follows(self) -> str | None:
        """Who or what dates a record of its row."""
        return self.row.get("follows") if self.row else None

    @property
    def counts(self) -> bool:
        """Whether it groups its offenders and moves their clocks."""
        return self.row is not None and (self.follows == "mopi" or bool(self.row.get("counts_for_person")))


class Book:
    """One pack, with those that were in force before it: a changed row may leave a record to what it was."""

    def __init__(self, packs: Sequence[Table]) -> None:
        pack = self.pack = packs[-1]
        self.versions = Versions(packs)
        self.zone = ZoneInfo(pack["pack"]["zone"])
        self.rows, self.types, self.classes = (self._by(name) for name in ("row", "record_type", "class"))
        self.groups, self.flags = self._by("group"), self._by("flag")
        self.triggers = {each["name"]: each for each in pack.get("trigger", ())}
        self.contacts = {each["kind"]: each for each in pack.get("contact", ())}
        self.people = [name for name, group in self.groups.items() if not group.get("by_record_type")]

    def _by(self, table: str) -> dict[str, Table]:
        return {each["id"]: each for each in self.pack.get(table, ())}

    def day(self, text: str) -> date:
        """Read a written date."""
        return day_of(text, self.zone)

    def later(self, start: date, period: str) -> date:
        """Count a period from a day."""
        return add(start, Period.parse(period), self.pack["pack"]["leap"])

    def highest(self, groups: Iterable[str | None]) -> str | None:
        """Find the highest of some groups."""
        given = {group for group in groups if group}
        return next((group for group in self.people if group in given), None)

    def dates(self, state: State, record: Told) -> dict[str, date]:
        """Read a state's dates."""
        dates = {name: self.day(state.body[name]) for name in WRITTEN if state.body.get(name)}
        return {**dates, "received_on": record.received_on}

    def shown_dates(self, record: Told) -> dict[str, date]:
        """Read the dates of the state that shows, with the day on which the record was last revised."""
        revised = [self.day(each.time) if each.time else each.received_on for each in record.states if each.revised]
        more = {"revised_on": max(revised)} if revised else {}
        return {**self.dates(record.shown, record), **more}

    def conduct_on(self, state: State) -> date | None:
        """Find the first day on which the conduct can have been."""
        if text := state.body.get("occurred_on"):
            return first_day_of(text, self.zone)
        return min((self.day(state.body[name]) for name in WRITTEN if state.body.get(name)), default=None)

    def place(self, state: State, record: Told) -> Placed:
        """Put a state into the first class that takes it, and find the row that is nearest and fits."""
        body, dates = state.body, self.dates(state, record)
        if not body.get("record_type"):
            raise NotJudged("sent without a record type")
        self._supplies_nothing(body)
        offences = list(self._offences(body, dates))
        own = body.get("group")
        by_source = own and not self.groups.get(own, {}).get("by_record_type")
        group = self.highest({own} if by_source else {each["group"] for each in offences})
        offenders = self._offenders(body)
        found = {"offending_link": bool(offenders), "serious": any(each["serious"] for each in offences)}
        klass = next((each for each in self.classes.values() if _fits(each.get("when"), body, found)), None)
        return Placed(self._row(klass, bool(body.get("part_of")), self._created_on(record)), group, offenders)

    def _created_on(self, record: Told) -> date:
        dates = self.dates(record.shown, record)
        return next(dates[name] for name in CREATED if name in dates)

    def _supplies_nothing(self, body: Body) -> None:
        for each in self.pack.get("source", ()):
            if each.get("row") and each["source_system"] == body.get("source_system"):
                raise NotJudged("under a row of their source's")

    def _offences(self, body: Body, dates: Dates) -> Iterable[Table]:
        on = dates.get("occurred_on") or next(dates[name] for name in CREATED if name in dates)
        for code in body.get("offences") or ():
            known = [each for each in self.pack.get("offence", ()) if each["code"] == code]
            fits = [each for each in known if each.get("since", on) <= on <= each.get("until", on)]
            if known:
                yield max(fits or known, key=lambda each: each.get("since", date.min))

    def _offenders(self, body: Body) -> frozenset[UUID]:
        type_ = self.types.get(body["record_type"], {})
        roles = set(type_.get("offending_roles", ()))
        assessed = str((body.get("evaluation") or {}).get("assessment"))
        if assessed in type_.get("not_offending_when_assessed", ()):
            roles -= {"subject"}
        links = [each for each in body.get("links") or () if each["role"] in roles]
        return frozenset(nominal_ref(each["nominal_source"], each["nominal_id"]) for each in links)

    def _row(self, klass: Table | None, in_file: bool, created_on: date) -> Table | None:
        first: Table | None = None
        while klass is not None:
            row = self.versions.row(klass.get("row", ""), created_on)
            if row and (in_file or row.get("follows") != "case_file"):
                return row
            first = first or row
            klass = self.classes.get(klass.get("parent", ""))
        return first


def _fits(when: Table | None, body: Body, found: Table) -> bool:
    if when is None:
        return False
    metadata = body.get("metadata") or {}
    found = {**found, "part_of": bool(body.get("part_of"))}
    return (
        all(when.get(name) in (None, body.get(name)) for name in ("record_type", "source_system"))
        and all(when.get(name) in (None, is_so) for name, is_so in found.items())
        and (not when.get("offence") or not set(when["offence"]).isdisjoint(body.get("offences") or ()))
        and all(metadata.get(key) == value for key, value in when.get("metadata", {}).items())
    )
