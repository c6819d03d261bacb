"""What is different where the conduct was a child's: when it counts at all, how often it is looked at, and when."""

from collections.abc import Iterable
from datetime import date

from shared.calendar_rules import Period, add, days_before
from shared.policy import Pack

_MONTHS_IN_A_YEAR = 12


def birthday(birth: date, years: int, pack: Pack) -> date:
    """Find the birthday on which somebody is so many years old."""
    return add(birth, Period(months=years * _MONTHS_IN_A_YEAR), pack.leap)


def responsible_from(birth: date | None, pack: Pack) -> date | None:
    """Find the birthday before which conduct counts only after a review has said why it does."""
    return birthday(birth, pack.limits.responsible_from_age, pack) if birth else None


def counts(conduct_on: date | None, admitted: bool, from_on: date | None) -> bool:
    """Say whether a link counts: the conduct was not before that birthday, or a review of the record admitted it."""
    return admitted or conduct_on is None or from_on is None or conduct_on >= from_on


def was_child(birth: date | None, conduct_on: date | None, pack: Pack) -> bool:
    """Say whether the earliest conduct was that of a child."""
    young = pack.children
    return bool(young and birth and conduct_on and conduct_on < birthday(birth, young.under, pack))


def cadence(usual: Period, birth: date | None, conduct_on: date | None, pack: Pack) -> Period:
    """Give how often a person is looked at: more often where the conduct was a child's."""
    if not pack.children or not was_child(birth, conduct_on, pack):
        return usual
    return min(usual, pack.children.cadence, key=lambda each: add(date.min, each, pack.leap))


def review_on(birth: date | None, conduct_on: date | None, reviewed_on: date | None, pack: Pack) -> date | None:
    """Find the first birthday after the conduct on which a child is looked at again, and since when nobody has."""
    if birth is None or not pack.children or not was_child(birth, conduct_on, pack):
        return None
    days = (birthday(birth, years, pack) for years in pack.children.review_at)
    ahead = [on for on in days if conduct_on and on > conduct_on and (reviewed_on is None or reviewed_on < on)]
    return min(ahead, default=None)


def is_asked_at(birth: date | None, on: date | None, pack: Pack) -> bool:
    """Say whether a day is one of the birthdays on which a child is looked at again."""
    ages = pack.children.review_at if pack.children else ()
    return birth is not None and any(on == birthday(birth, years, pack) for years in ages)


def tells_birthday(on: date, births: Iterable[date], pack: Pack) -> bool:
    """Say whether a day is a birthday of any of these, or the day after one, as the end of an age is."""
    before = days_before(on, 1)
    return any(day == birthday(birth, day.year - birth.year, pack) for birth in births for day in (on, before))
