"""Groups by conduct: what each state of a record gives a person, where its conduct is not that of the one that shows.

A correction may move the conduct across the birthday before which it counts only after a review. Which states count
is then the person's to say: their birth is no fact of the record. Written `GROUP CONDUCT SINCE`, `-` for no day.
"""

from collections.abc import Iterable, Iterator
from datetime import date
from typing import NamedTuple

_NO_DAY = "-"


class Grade(NamedTuple):
    """The group that a state gives, when the conduct was by it, and since when at the earliest it is known."""

    group: str | None
    conduct_on: date | None
    since_on: date | None


def write_grades(grades: Iterable[Grade], conduct_on: date | None) -> str:
    """Write what states give, each once and in one order; nothing where the conduct is the same by all."""
    known = {grade for grade in grades if grade.group}
    if all(grade.conduct_on == conduct_on for grade in known):
        return ""
    return ";".join(sorted(f"{each.group} {_day(each.conduct_on)} {_day(each.since_on)}" for each in known))


def read_grades(written: str) -> Iterator[Grade]:
    """Read what states give."""
    for each in written.split(";") if written else ():
        group, conduct, since = each.split(" ")
        yield Grade(group, _read(conduct), _read(since))


def _day(on: date | None) -> str:
    return on.isoformat() if on else _NO_DAY


def _read(day: str) -> date | None:
    return None if day == _NO_DAY else date.fromisoformat(day)
