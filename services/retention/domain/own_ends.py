"""When a person's own reason ends while others still need a record that they share: they are reviewed at that end."""

from collections.abc import Iterator, Sequence
from datetime import date

from services.retention.domain.persons import Person
from shared.calendar_rules import day_after, days_before
from shared.policy import Pack


def end_of(person: Person, pack: Pack) -> date | None:
    """Give the day after a person's own last day, unless it is uncertain or they were reviewed for it."""
    if person.group is None or person.keep_until is None or person.problem:
        return None
    end = day_after(person.keep_until)
    return None if person.reviewed_on and person.reviewed_on >= opens_on(end, pack) else end


def opens_on(end: date, pack: Pack) -> date:
    """Give the day from which a review for this end is asked for, as long ahead as for a record's."""
    return days_before(end, pack.limits.lead_days)


def own_ends(persons: Sequence[Person], pack: Pack) -> Iterator[date]:
    """Give the ends of those who share a record with somebody kept longer: the record's own end is not theirs."""
    for person in persons:
        end = end_of(person, pack)
        if end and any(_longer(other, person) for other in persons):
            yield end


def _longer(other: Person, person: Person) -> bool:
    if other.group is None or person.keep_until is None:
        return False
    return other.keep_until is None or other.keep_until > person.keep_until
