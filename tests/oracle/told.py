"""What a record's and a person's states say, each read alone: dates, class, offenders, offences, group."""

from dataclasses import dataclass, replace
from functools import cached_property

from shared.policy import Offence, Pack, RecordType, Row, When
from tests.oracle.days import Day, earliest_meant, latest_meant, read_civil
from tests.oracle.decisions import Decisions
from tests.oracle.lives import Event, Life

UNREADABLE = "soon"
"""What stands in metadata where a date should: no calendar reads it."""


def pack_day(value) -> Day | None:
    return read_civil(str(value)) if value else None


@dataclass(frozen=True)
class State:
    """One state of a record, and what it alone says."""

    event: Event
    pack: Pack
    received: str
    put: str | None = None
    """The class that a person moved it to."""

    @property
    def data(self):
        return self.event.data

    def date(self, name: str) -> Day | None:
        """Read one of its dates; of a month the last day counts."""
        if name == "received_on":
            return read_civil(self.received)
        if name.startswith("metadata:"):
            key = name.partition(":")[2]
            return (
                None
                if self.unreadable(key)
                else latest_meant((self.data.get("metadata") or {}).get(key), self.pack.zone.key)
            )
        return latest_meant(self.data.get(name), self.pack.zone.key)

    def unreadable(self, key: str | None) -> bool:
        return (self.data.get("metadata") or {}).get(key) == UNREADABLE

    def first_date(self, names) -> Day | None:
        """Take the first that is there, in the order in which policy names them."""
        return next((day for name in names if (day := self.date(name))), None)

    @property
    def created(self) -> Day:
        return self.first_date(["created_on", "recorded_at", "received_on"])

    @property
    def happened(self) -> Day | None:
        """Give the first day on which it can have happened."""
        return earliest_meant(self.data.get("occurred_on"), self.pack.zone.key)

    @property
    def conduct(self) -> Day | None:
        """Give the first day that it can mean; without one, the first on which it was told: it happened no later."""
        told = [day for name in ("reported_at", "recorded_at", "created_on") if (day := self.date(name))]
        return self.happened or min(told, default=None)

    @property
    def impossible(self) -> bool:
        """Say whether it was reported, recorded or made before it can have happened."""
        written = [day for name in ("reported_at", "recorded_at", "created_on") if (day := self.date(name))]
        return bool(self.happened and any(day < self.happened for day in written))

    @property
    def type(self) -> RecordType | None:
        name = self.data.get("record_type")
        if name is not None:
            return self.pack.record_types.get(name)
        return next((each for each in self.pack.record_types.values() if each.when and self._says(each.when)), None)

    def _says(self, when: When) -> bool:
        metadata = self.data.get("metadata") or {}
        return (
            (when.source_system is None or when.source_system == self.data.get("source_system"))
            and (not when.offence or any(code in when.offence for code in self.data.get("offences") or ()))
            and all(metadata.get(key) == value for key, value in when.metadata)
        )

    def in_roles(self, roles: frozenset[str]) -> list[str]:
        """Name who is on it in one of some roles."""
        return sorted({link["nominal_id"] for link in self.data.get("links") or () if link["role"] in roles})

    @property
    def grading(self) -> str | None:
        """Give the source's own group; it may not be known; one that is no person's grades nobody."""
        group = self.data.get("group")
        return None if group in self.pack.groups and self.pack.groups[group].by_record_type else group

    @cached_property
    def offenders(self) -> list[str]:
        """Name who is on it in an offending role."""
        if self.type is None:
            return []
        return sorted({link["nominal_id"] for link in self.data.get("links") or () if self._offends(link["role"])})

    def _offends(self, role: str) -> bool:
        if role not in self.type.offending_roles:
            return False
        assessed = (self.data.get("evaluation") or {}).get("assessment")
        return not (role == "subject" and assessed in self.type.not_offending_when_assessed)

    def offence(self, code: str) -> Offence | None:
        """Find what the table said of an offence on the day of the conduct; where nothing, the newest counts."""
        rows = [each for each in self.pack.offences if each.code == code]
        then = [each for each in rows if _covers(each, self.date("occurred_on") or self.created)]
        return max(then or rows, key=lambda each: str(each.since or ""), default=None)

    @property
    def offences(self) -> list[Offence | None]:
        return [self.offence(code) for code in self.data.get("offences") or ()]

    @property
    def serious(self) -> bool:
        return any(each and each.serious for each in self.offences)

    @property
    def gives(self) -> str | None:
        """Give the group that this state puts its offenders in: the source's own grading, else by offences."""
        if self.grading is not None:
            return self.grading if self.grading in self.pack.ranks else None
        return highest(self.pack, [each.group for each in self.offences if each])

    @cached_property
    def class_id(self) -> str | None:
        return self.put or self.own_class

    @cached_property
    def own_class(self) -> str | None:
        """Give the first class that takes it, in the order in which policy asks them."""
        return next((id_ for id_, each in self.pack.classes.items() if each.when and self._fits(each.when)), None)

    def _fits(self, when: When) -> bool:
        asked = [
            (when.record_type, self.type and self.type.id),
            (when.offending_link, bool(self.offenders)),
            (when.serious, self.serious),
            (when.part_of, bool(self.part_of)),
        ]
        return self._says(when) and all(wanted is None or wanted == found for wanted, found in asked)

    @property
    def row(self) -> Row | None:
        return self.row_in(self.class_id)

    @property
    def source_row(self) -> Row | None:
        """Give the row that its source supplies for all its records."""
        named = (each.row for each in self.pack.sources.values() if each.source_system == self.data["source_system"])
        return next((self.pack.rows[name] for name in named if name), None)

    def row_in(self, at: str | None) -> Row | None:
        """Give the nearest row whose unit fits: one that follows a case file fits no record that is in none."""
        while at is not None:
            row_id, supplier = self.pack.classes[at].row, self.pack.classes[at].row_from
            if row_id is None:
                return None
            if self.fits(self.pack.rows[row_id]):
                return self.pack.rows[row_id]
            at = self.pack.classes[supplier].parent
        return None

    def fits(self, row: Row) -> bool:
        return bool(self.part_of) or row.follows != "case_file"

    @property
    def by_person(self) -> bool:
        """Say whether it is paper or a thing: a person disposes of it, never time alone."""
        return self.data.get("medium") == "physical"

    @property
    def part_of(self) -> frozenset[str]:
        """Name the case files that it says it is part of."""
        return frozenset(self.data.get("part_of") or ())

    @property
    def counting_rows(self) -> list[Row]:
        """Only a record whose row follows MoPI groups a person or moves their clock, unless the row says so."""
        rows = [row for row in (self.row, self.source_row) if row]
        return [row for row in rows if row.follows == "mopi" or row.counts_for_person]

    @property
    def counts_for_person(self) -> bool:
        return bool(self.counting_rows)

    @property
    def noticed(self) -> list[Day]:
        """Give when those on it came to notice by it: the first date that is there of each such row's list."""
        days = [self.first_date(row.notice) for row in self.counting_rows]
        return [day for day in days if day]

    @property
    def unknown(self) -> str | None:
        """Say what is missing or impossible in it, whatever its row."""
        if self.class_id is None or self.pack.classes[self.class_id].row is None:
            return "no class, or none with a rule"
        if self.impossible:
            return "reported before it happened"
        if self.grading is not None and self.grading not in self.pack.groups:
            return "no such group"
        return self._no_offence

    @property
    def _no_offence(self) -> str | None:
        """Say which offence is missing, where its group or class needs one."""
        codes = self.data.get("offences") or ()
        if not self._needs_offence or (self.grading in self.pack.ranks and self.offenders):
            return None
        if not codes and self.graded:
            return "no offence"
        return "no such offence" if None in self.offences else None

    @property
    def graded(self) -> bool:
        """Say whether its class depends on how serious its offences are."""
        return bool(self.type and self.type.id in self.pack.graded_types)

    @property
    def _needs_offence(self) -> bool:
        return (
            any(row.follows == "mopi" for row in (self.row, self.source_row) if row) and bool(self.offenders)
        ) or self.graded


def _covers(offence: Offence, day: Day) -> bool:
    since, until = pack_day(offence.since), pack_day(offence.until)
    return (since is None or since <= day) and (until is None or day <= until)


def highest(pack: Pack, groups) -> str | None:
    """Find the highest group that a person can be in; a record's own is none."""
    found = set(groups)
    return next((id_ for id_, group in pack.groups.items() if id_ in found and not group.by_record_type), None)


@dataclass(frozen=True)
class Told:
    """All that was told of one record."""

    life: Life
    record: str
    opened: Day | None = None
    """The last date of all its parts: of a file that a late part opens again, no earlier closing stands."""

    @property
    def late_parts_open_it(self) -> bool:
        return self.shown.type is not None and self.shown.type.late_parts == "reopen"

    @cached_property
    def states(self) -> list[State]:
        """Every state ever registered, the highest sequence last, without those that say it was entered in error."""
        found = [each for each in self.life.events if each.record == self.record and each.kind == "state"]
        told = [e for e in self.life.events if e.record == self.record and e.kind in ("state", "error")]
        received = min(each.received for each in told)
        return [State(each, self.life.pack, received) for each in sorted(found, key=lambda each: each.sequence)]

    @cached_property
    def moves(self) -> list[Event]:
        """Give the moves to another class in their order; one that is for what it no longer is moves it no more."""
        made = [each for each in self.life.of_record(self.record, "moved") if each.data["to"] in self.life.pack.classes]
        standing = [each for each in made if each.data["was"] == self.states[-1].own_class]
        return sorted(standing, key=lambda each: each.sequence)

    @cached_property
    def shown(self) -> State:
        """Give the state with the highest sequence, in the class that it was last moved to."""
        return replace(self.states[-1], put=self.moves[-1].data["to"]) if self.moves else self.states[-1]

    @cached_property
    def withdrawn(self) -> bool:
        """Say whether the highest sequence says that it was entered in error."""
        last = max(e.sequence for e in self.life.events if e.record == self.record and e.kind in ("state", "error"))
        return self.shown.event.sequence < last

    @cached_property
    def counting(self) -> list[State]:
        """Give the states from which persons get a group: all ever, but of a withdrawn record none."""
        return [] if self.withdrawn else [*self.states, self.shown]

    def befell(self, trigger: str, values: frozenset[str] = frozenset()) -> list[tuple[Event, Day]]:
        """Give when a trigger befell it, with a value that counts, and not taken back that day or later."""
        known, triggers = self.life.pack.triggers[trigger], self.happened("trigger")
        undone = [day for event, day in triggers if event.data["trigger"] in known.undone_by]
        accepted = values or known.values
        return [
            (event, day)
            for event, day in triggers
            # Of a month it can have been the first day, and a file that may be open is not due by its closing.
            for first in [earliest_meant(event.data["on"], self.life.pack.zone.key) or day]
            if event.data["trigger"] == trigger
            and (not accepted or event.data.get("value") in accepted)
            and not any(later >= first for later in undone)
            and not (trigger == "closed" and self._opened_after(first))
        ]

    def _opened_after(self, day: Day) -> bool:
        return bool(self.late_parts_open_it and self.opened and self.opened > day)

    @property
    def unknown(self) -> str | None:
        """Say what is missing or impossible in what was told of it, whatever its row."""
        since = self.shown.date("reported_at") or self.shown.happened
        if since and any(day < since for _, day in self.happened("trigger")):
            return "something befell it before it was reported"
        return self.shown.unknown

    @property
    def reviewed(self) -> Decisions:
        return Decisions(self.happened("decision"))

    @property
    def offenders(self) -> list[str]:
        """Name who is an offender by what it shows now."""
        return [] if self.withdrawn else self.shown.offenders

    def happened(self, kind: str) -> list[tuple[Event, Day]]:
        zone = self.life.pack.zone.key
        found = self.life.of_record(self.record, kind)
        return [(each, day) for each in found if (day := latest_meant(each.data.get("on"), zone))]
