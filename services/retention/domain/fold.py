"""Schedules from nothing: facts of records and persons, folded in memory by the functions that settling uses."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import NamedTuple, Protocol
from uuid import UUID

import msgspec

from services.retention.domain.ages import Aged
from services.retention.domain.children import counts, responsible_from
from services.retention.domain.facts import Fact
from services.retention.domain.filing import Around, Dated, derive, in_files
from services.retention.domain.grades import read_grades
from services.retention.domain.identity import Gifts, One, identify, tied
from services.retention.domain.persons import Person, in_doubt, known_of, of_person
from services.retention.domain.records import Given, OfRecord
from services.retention.domain.schedule import Schedule
from shared.ids import nominal_ref
from shared.policy import Pack


class Gives(Protocol):
    """What a record, or all records of one group together, give a person."""

    @property
    def group(self) -> str | None: ...  # noqa: D102
    @property
    def notice_on(self) -> date | None: ...  # noqa: D102
    @property
    def grouped_on(self) -> date | None: ...  # noqa: D102
    @property
    def conduct_on(self) -> date | None: ...  # noqa: D102


class Folded(NamedTuple):
    """What facts come to: each record's part, each person, and the schedules that were asked for."""

    records: dict[UUID, OfRecord]
    persons: dict[UUID, Person]
    given: dict[UUID, dict[UUID, Given]]
    """What each person is given, by which record."""
    ones: dict[UUID, One]
    """Those whom a merge ever tied, each as the person they are."""
    dated: Dated
    """The schedules, with what case files and their parts asked of each other."""
    facts: dict[UUID, Sequence[Fact]]
    """What records rest on where that is not their own facts alone."""

    @property
    def schedules(self) -> dict[UUID, Schedule]:
        """The schedules that were asked for."""
        return self.dated.schedules


def fold(
    records: Mapping[UUID, Sequence[Fact]],
    nominals: Mapping[UUID, Sequence[Fact]],
    pack: Pack,
    only: Collection[UUID] | None = None,
    gone: Collection[UUID] = (),
    known: Mapping[UUID, OfRecord] | None = None,
) -> Folded:
    """Work out persons and schedules; a person is right only where all records that name them are given.

    `only` are the records to date, all of whose persons must be given; None: all. Records that are `gone` give
    nobody anything any more. What is `known` of records whose facts are the same is not worked out again.
    """
    derived, facts, opened_on = derive(records, pack, gone, known)
    given: dict[UUID, dict[UUID, Given]] = defaultdict(dict)
    for key in derived.keys() - set(gone):
        for nominal, gift in derived[key].gives.items():
            given[nominal_ref(*nominal)][key] = gift
    persons = {
        key: _counted(nominals.get(key, ()), given[key].values(), pack) for key in given.keys() | nominals.keys()
    }
    ones = _merged(records, nominals, given, pack)
    persons |= {ref: of_one(one, pack) for ref, one in ones.items()}
    wanted = (derived.keys() if only is None else derived.keys() & set(only)) - set(gone)
    people = {key: _around(derived[key], persons) for key in wanted}
    dated = in_files(derived, people, pack, gone)._replace(opened_on=opened_on)
    return Folded(derived, persons, given, ones, dated, facts)


def _around(record: OfRecord, persons: Mapping[UUID, Person]) -> Around:
    read = [Aged(roles, persons[ref]) for ref, roles in aged(record)]
    return Around([persons[ref] for ref in offenders(record)], read)


def _merged(
    records: Mapping[UUID, Sequence[Fact]],
    nominals: Mapping[UUID, Sequence[Fact]],
    given: Mapping[UUID, Mapping[UUID, Given]],
    pack: Pack,
) -> dict[UUID, One]:
    """Find who is one person, of those whom a merge ever tied, each tie's nominals together."""
    found: dict[UUID, One] = {}
    for refs in tied(nominals):
        named = {key for ref in refs for key in given.get(ref, ())}
        gifts = Gifts({ref: given.get(ref, {}) for ref in refs}, {key: records[key] for key in named})
        found |= identify({ref: nominals.get(ref, ()) for ref in refs}, gifts, pack).persons
    return found


def of_one(one: One, pack: Pack) -> Person:
    """Derive a person of whatever nominals; where their identity is in doubt their dates are "at least until"."""
    return in_doubt(_counted(one.facts, one.given, pack), one.problem)


def _counted(facts: Sequence[Fact], given: Iterable[Given], pack: Pack) -> Person:
    return person_of(facts, counting(given, counts_from(facts, pack)), pack)


def offenders(record: OfRecord) -> list[UUID]:
    """List the persons who date a record."""
    return sorted(nominal_ref(*nominal) for nominal, gift in record.gives.items() if gift.offending)


def aged(record: OfRecord) -> list[tuple[UUID, str]]:
    """List those whose birth dates a record reads, and the roles for which it does."""
    return sorted((nominal_ref(*nominal), gift.aged) for nominal, gift in record.gives.items() if gift.aged)


def counts_from(facts: Sequence[Fact], pack: Pack) -> date | None:
    """Find the birthday before which a person's conduct counts only after a review."""
    return responsible_from(known_of(facts, pack).birth_on, pack) if facts else None


def counting(given: Iterable[Given], from_on: date | None) -> list[Given]:
    """Leave out what counts only after a review has said why it does."""
    return [found for each in given for found in _counting(each, from_on)]


def _counting(given: Given, from_on: date | None) -> Iterator[Given]:
    """Give what counts of a link: where the states differ in the conduct, each one's group by its own."""
    graded = given.grades != ""
    if counts(given.conduct_on, given.admitted, from_on):
        yield msgspec.structs.replace(given, group=None, grouped_on=None) if graded else given
    for each in read_grades(given.grades):
        if counts(each.conduct_on, given.admitted, from_on):
            yield Given(each.group, grouped_on=each.since_on)


def groups(given: Given, person: Person, pack: Pack) -> bool:
    """Say whether a link puts this person in a group: one that does not count puts them in none."""
    from_on = responsible_from(person.birth_on, pack)
    return any(each.group is not None for each in counting([given], from_on))


def person_of(facts: Sequence[Fact], given: Iterable[Gives], pack: Pack) -> Person:
    """Derive a person from their own facts and what their records give them."""
    group, notice_on, grouped_on, conduct_on = together(given, pack)
    return of_person(facts, group, notice_on, pack, grouped_on, conduct_on)


def together(given: Iterable[Gives], pack: Pack) -> tuple[str | None, date | None, date | None, date | None]:
    """Give a person's highest group, latest notice, earliest day in that group and earliest conduct, over all."""
    each = list(given)
    group = pack.highest(one.group for one in each)
    notice_on = max((one.notice_on for one in each if one.notice_on), default=None)
    since = (one.grouped_on for one in each if group and one.group == group and one.grouped_on)
    conduct_on = min((one.conduct_on for one in each if one.conduct_on), default=None)
    return group, notice_on, min(since, default=None), conduct_on
