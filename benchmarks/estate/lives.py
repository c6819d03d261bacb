"""The made-up lives of an estate: which records there are, from when, about whom; the same for the same number.

The shares are said in docs/estate.md, whose figures these are.
"""

import random
from collections.abc import Iterator
from datetime import date, timedelta
from typing import NamedTuple

AS_OF = date(2026, 1, 1)  # No day of the estate depends on when it is made.
RECENT_DAYS, OLD_DAYS = 2_100, 7_300
OLD_SHARE = 0.1  # Of the records with a person on them: kept by what the person did later, or past their date.
CLIFFS = (date(2021, 10, 4), date(2023, 4, 3))  # Migrated: what the old system knew no day of has that of its move.
CLIFF_SHARE, CLIFF_AGE_DAYS = 0.08, 1_400
LAGS = 4  # Days from the event to the record.
SHARED_SHARE, SHARED_MORE_SHARE = 0.1, 0.01
NOMINALS_SHARE = 0.27  # Nominals, as a share of the records.
TAIL = 2  # A nominal's number is so many powers of a uniform draw: some have one record, a few have thousands.
NO_BIRTH_SHARE, CONTACT_SHARE = 0.02, 0.05
BORN_FROM, BORN_DAYS = date(1946, 1, 1), 14_600
LARGE, LARGE_RECORDS = 0, 1_000  # The nominal of `person`: exactly so many records, however large the estate.


class Kind(NamedTuple):
    """A kind of record, and its share of the estate."""

    share: float
    record_type: str
    offences: tuple[str, ...]
    linked: bool


KINDS = (
    Kind(0.300, "crime_report", ("28/11",), True),
    Kind(0.160, "crime_report", ("46",), True),
    Kind(0.050, "crime_report", ("8/6",), True),
    Kind(0.006, "crime_report", ("19/8",), True),
    Kind(0.184, "intelligence_report", (), True),
    Kind(0.230, "crime_report", ("58/1",), False),
    Kind(0.050, "crime_report", ("5/1",), False),
    Kind(0.020, "stop_and_search", (), True),
)
_LARGE_KIND = 1
_SHARES = [kind.share for kind in KINDS]


class Shape(NamedTuple):
    """What records have in common that are dated alike; there are some ten thousand."""

    kind: int
    occurred_on: date
    created_on: date


class Life(NamedTuple):
    """One record: its number, its shape, the numbers of its nominals."""

    number: int
    shape: Shape
    nominals: tuple[int, ...]


class Birth(NamedTuple):
    """One nominal: its number, the day of birth, the day of a contact."""

    number: int
    born_on: date | None
    contact_on: date | None


def nominals_in(records: int) -> int:
    """Give how many nominals an estate of so many records has."""
    return max(int(records * NOMINALS_SHARE), LARGE + 2)


def records_from(first: int, count: int, records: int) -> Iterator[Life]:
    """Draw the records of a run of numbers in an estate of so many."""
    draw = random.Random(f"records {first}")
    nominals, every = nominals_in(records), max(records // LARGE_RECORDS, 1)
    kinds = draw.choices(range(len(KINDS)), _SHARES, k=count)
    for number, kind in zip(range(first, first + count), kinds, strict=True):
        large = number % every == 0 and number // every < LARGE_RECORDS
        kind = _LARGE_KIND if large else kind
        persons = _persons(draw, nominals) if KINDS[kind].linked else ()
        yield Life(number, _shape(draw, kind), (LARGE, *persons[1:]) if large else persons)


def _persons(draw: random.Random, nominals: int) -> tuple[int, ...]:
    more = draw.random()
    count = 3 if more < SHARED_MORE_SHARE else 2 if more < SHARED_SHARE else 1
    found = {LARGE + 1 + int((nominals - LARGE - 1) * draw.random() ** TAIL) for _ in range(count)}
    return tuple(sorted(found))


def _shape(draw: random.Random, kind: int) -> Shape:
    at = draw.random()
    if at < CLIFF_SHARE:
        moved = CLIFFS[int(draw.random() * len(CLIFFS))]
        return Shape(kind, moved - timedelta(days=1 + int(draw.random() * CLIFF_AGE_DAYS)), moved)
    old = KINDS[kind].linked and kind != len(KINDS) - 1 and draw.random() < OLD_SHARE
    occurred = AS_OF - timedelta(days=LAGS + int(draw.random() * (OLD_DAYS if old else RECENT_DAYS)))
    return Shape(kind, occurred, occurred + timedelta(days=occurred.toordinal() % LAGS))


def births_from(first: int, count: int) -> Iterator[Birth]:
    """Draw the nominals of a run of numbers."""
    draw = random.Random(f"nominals {first}")
    for number in range(first, first + count):
        born = BORN_FROM + timedelta(days=int(draw.random() * BORN_DAYS))
        missing, contact = draw.random() < NO_BIRTH_SHARE, draw.random() < CONTACT_SHARE
        on = AS_OF - timedelta(days=1 + int(draw.random() * RECENT_DAYS))
        yield Birth(number, None if missing else born, on if contact else None)
