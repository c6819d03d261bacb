"""Birthdays that a record is kept until: of whoever is on it in the roles that its row or a floor names."""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import TYPE_CHECKING, NamedTuple

from services.retention.domain.children import birthday
from services.retention.domain.persons import Person
from shared.calendar_rules import Period, add
from shared.policy import Age, Pack, Row

if TYPE_CHECKING:
    from services.retention.domain.records import Side

_OF_CLOCKS = ("no_birth_date", "no_person_clock")


class Aged(NamedTuple):
    """A person whose birth date a record reads, and the roles for which it does."""

    roles: str
    person: Person


class Birthdays(NamedTuple):
    """The latest of the birthdays that a rule names, and what is missing."""

    until: date | None = None
    problem: str | None = None


def roles_read(row: Row | None, pack: Pack) -> frozenset[str]:
    """List the roles whose birth dates a row reads, by itself or by its floors."""
    return frozenset(role for age, _ in rules_of(row, pack) for role in age.of) if row else frozenset()


def rules_of(row: Row, pack: Pack) -> Iterator[tuple[Age, Period]]:
    """Give the ages that a row reads, and what is counted from each birthday."""
    yield from ((age, Period()) for age in row.ages)
    yield from floor_ages(row, pack)


def floor_ages(row: Row, pack: Pack) -> Iterator[tuple[Age, Period]]:
    """Give the ages of the floors that a row names."""
    for floor in map(pack.floors.__getitem__, row.floors):
        if floor.age:
            yield floor.age, floor.add


def birthdays(rules: Sequence[tuple[Age, Period]], aged: Sequence[Aged], side: "Side", pack: Pack) -> Birthdays:
    """Find the last birthday of these rules, the day itself included; a birth date unknown is not guessed."""
    days: list[date] = []
    problem = None
    for age, further in rules:
        for each in aged:
            if age.of.isdisjoint(each.roles.split()):
                continue
            birth = each.person.birth_on
            problem = problem or _problem(each.person, side)
            if birth and _counts(age, birth, side, pack):
                days.append(add(birthday(birth, age.years, pack), further, pack.leap))
    return Birthdays(max(days, default=None), problem)


def _problem(person: Person, side: "Side") -> str | None:
    if person.birth_on is None:
        return "no_birth_date"
    on = side.conduct_on or side.created_on
    if on and on < person.birth_on:
        return "born_after_conduct"
    if died_before(person, side):
        return "dead_before_conduct"
    return person.problem if person.problem not in _OF_CLOCKS else None


def died_before(person: Person, side: "Side") -> bool:
    """Say whether somebody had died before it can have happened; to be told of later is no contradiction."""
    return bool(side.happened and side.conduct_on and person.died_on and person.died_on < side.conduct_on)


def _counts(age: Age, birth: date, side: "Side", pack: Pack) -> bool:
    """Say whether somebody was young enough at the time of the conduct, else of the record's creation."""
    on = side.conduct_on or side.created_on
    return age.under is None or on is None or on < birthday(birth, age.under, pack)
