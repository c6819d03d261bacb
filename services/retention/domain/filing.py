"""Records that name each other, folded together: what is passed on, what waits for whom, one date for a whole file."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import NamedTuple
from uuid import UUID

import msgspec

from services.retention.domain.ages import Aged
from services.retention.domain.casefiles import (
    NO_CASE,
    Case,
    CaseFile,
    Filed,
    Share,
    file_gone,
    file_of,
    late,
    reopened,
    together,
)
from services.retention.domain.facts import Fact
from services.retention.domain.persons import Person
from services.retention.domain.records import OfRecord, of_record
from services.retention.domain.relations import Reference, passing
from services.retention.domain.schedule import Schedule, asks, of_schedule
from services.retention.domain.walks import apart, circles, from_the_top
from shared.policy import Pack

Records = Mapping[UUID, OfRecord]


class Around(NamedTuple):
    """The persons that date a record: those it offends under, and those whose age it reads."""

    persons: Sequence[Person]
    aged: Sequence[Aged]


People = Mapping[UUID, Around]


class Derived(NamedTuple):
    """Records as they are derived, and what they rest on where that is not their own facts alone."""

    records: dict[UUID, OfRecord]
    facts: dict[UUID, Sequence[Fact]]
    """With what others pass to them, and without what closed a file that a part has opened again."""
    opened_on: dict[UUID, date]
    """Of files that were opened again, the date of the part that did."""


def derive(
    records: Mapping[UUID, Sequence[Fact]], pack: Pack, gone: Collection[UUID] = (), known: Records | None = None
) -> Derived:
    """Derive records by their own facts, what others pass to them, and the parts that open a closed file again."""
    alone = _by_themselves(known or {})
    new = {key: of_record(facts, pack) for key, facts in records.items() if key not in alone}
    alone |= {key: found for key, found in new.items() if found}
    passed = _passed(records, alone, pack)
    named = {key: found for key, facts in passed.items() if key in alone and (found := of_record(facts, pack))}
    derived = alone | named
    last = {key: max(days) for key, days in _days_of_parts(derived, gone).items()}
    opened_on: dict[UUID, date] = {}
    for key in last.keys() & derived.keys():
        if derived[key].ties.reopens:
            facts = passed.get(key, records[key])
            derived[key] = opened_again(derived[key], facts, last[key], pack)
            if len(open_still := reopened(facts, last[key], pack)) < len(facts):
                passed[key], opened_on[key] = open_still, last[key]
    return Derived(derived, passed, opened_on)


def opened_again(record: OfRecord, facts: Sequence[Fact], last: date, pack: Pack) -> OfRecord:
    """Derive a case file anew that its last part may have opened again; what cannot have been so stays impossible."""
    found = of_record(reopened(facts, last, pack), pack)
    side = msgspec.structs.replace(found.side, problem=record.side.problem) if found else record.side
    return msgspec.structs.replace(found or record, side=side)


def _by_themselves(known: Records) -> dict[UUID, OfRecord]:
    """Leave of what is known the records that take nothing from another."""
    named = {uid for record in known.values() for uid, _ in record.ties.related}
    return {key: each for key, each in known.items() if not (key in named or each.ties.related or each.ties.reopens)}


def _passed(records: Mapping[UUID, Sequence[Fact]], alone: Records, pack: Pack) -> dict[UUID, Sequence[Fact]]:
    """Give the facts of the records that others pass something to, with what is passed."""
    touching: dict[UUID, set[Reference[UUID]]] = defaultdict(set)
    for key, record in alone.items():
        for named, kind in record.ties.related:
            for end in (key, named):
                touching[end].add(Reference(key, named, kind))
    found: dict[UUID, dict[UUID, Fact]] = defaultdict(dict)
    for key, references in touching.items():
        if key in alone and not alone[key].side.withdrawn:
            by_uid = {fact.event_uid: fact for fact in records[key]}
            for other, uid in passing(key, records[key], references, pack):
                found[other][uid] = by_uid[uid]
    return {key: [*records.get(key, ()), *facts.values()] for key, facts in found.items()}


def _days_of_parts(derived: Records, gone: Collection[UUID]) -> dict[UUID, list[date]]:
    """Gather the dates that open files again: what was entered in error opens none."""
    days: dict[UUID, list[date]] = defaultdict(list)
    for key, record in derived.items():
        for file in record.ties.files:
            if record.ties.on and key not in gone and not record.side.withdrawn:
                days[file].append(record.ties.on)
    return days


class Dated(NamedTuple):
    """Records with their schedules, how each saw its case files, and what each file's parts asked of it."""

    schedules: dict[UUID, Schedule]
    cases: dict[UUID, Case]
    asked: dict[UUID, dict[UUID, Share]]
    opened_on: Mapping[UUID, date] = {}

    def filed(self, record: UUID) -> Filed:
        """Give what is to be told of a record's case files and parts."""
        asked = self.asked.get(record, {})
        return Filed(self.cases.get(record, NO_CASE), len(asked), asked, self.opened_on.get(record))


def in_files(derived: Records, people: People, pack: Pack, gone: Collection[UUID] = ()) -> Dated:
    """Date records whose persons are given: first what each asks of its files, from below; then what they ask."""
    known = {key: derived[key] for key in people}
    files = {key: record.ties.files for key, record in known.items()}
    circle = circles(files)
    cases: dict[UUID, Case] = {}
    asked: dict[UUID, dict[UUID, Share]] = defaultdict(dict)
    order = from_the_top(files, files)
    for key in reversed(order):
        side, on = known[key].side, known[key].ties.on
        cases[key] = Case(on, (), together(asked[key].values()), circle.get(key))
        for file in apart(key, files[key], circle):
            if file in known and not late(on, known[file].side.bars_after):
                asked[file][key] = asks(side, people[key].persons, pack, people[key].aged, cases[key])
    dated: dict[UUID, Schedule] = {}
    for key in order:
        seen = [_seen(file, dated, known, pack) for file in sorted(apart(key, files[key], circle))]
        went = [file_gone(file, derived[file].side, pack) for file in files[key] & derived.keys() & set(gone)]
        standing = [each for each in seen if each.record not in gone]
        cases[key] = msgspec.structs.replace(cases[key], files=(*standing, *went))
        dated[key] = of_schedule(known[key].side, people[key].persons, pack, people[key].aged, cases[key])
    return Dated(dated, cases, asked)


def _seen(file: UUID, dated: Mapping[UUID, Schedule], known: Records, pack: Pack) -> CaseFile:
    side = known[file].side if file in known else None
    return file_of(file, dated.get(file), side, pack, gone=False)
