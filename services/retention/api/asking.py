"""How one asks for another day's truth, or for what another instant knew."""

from datetime import date, datetime
from typing import Annotated, Literal, NamedTuple
from uuid import UUID

from fastapi import Depends, Query

from services.retention.actions.explain import Telling
from services.retention.domain.as_of import When
from shared.errors import Invalid
from shared.http import Now, Today


def _when(
    now: Now,
    today: Today,
    as_of: Annotated[date | None, Query(description="The day to look at, like 2026-03-02.")] = None,
    known_at: Annotated[
        str | None, Query(max_length=64, description="An instant with its offset, like 2026-03-02T12:00:00Z.")
    ] = None,
) -> When:
    if as_of and as_of > today:
        message = (
            f"That day has not come: today is {today}. Ask /v1/due for what will fall due, or for a day until today."
        )
        raise Invalid(message, "not_come_yet")
    known = None if known_at is None else _instant(known_at)
    if known and known > now:
        raise Invalid("Nobody knows what will be known then. Ask for an instant that has been.", "not_come_yet")
    return When(as_of, known)


AsOf = Annotated[When, Depends(_when)]


def _instant(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        message = "`known_at` must be an instant with its offset, like 2026-03-02T12:00:00Z; write + in a query as %2B."
        raise Invalid(message, "instant_unreadable")
    return found


LeaveOut = Annotated[
    Literal["third_persons"] | None, Query(description="Name no person but `nominal`, by reference or group.")
]


def _telling(
    leave_out: LeaveOut = None,
    nominal: Annotated[UUID | None, Query(description="Whom the explanation is for.")] = None,
    without: Annotated[
        UUID | None, Query(description="An event of its derivation: what the date would be had it been withdrawn.")
    ] = None,
    counterfactuals: Annotated[bool, Query(description="The same of every fact that binds.")] = False,
) -> Telling:
    return Telling(leave_out is not None, nominal, without, counterfactuals)


class Asked(NamedTuple):
    """What is asked of a record: at which day, known by when, and what is to be told."""

    when: When
    today: date
    telling: Telling


def _asked(when: AsOf, today: Today, telling: Annotated[Telling, Depends(_telling)]) -> Asked:
    return Asked(when, today, telling)


AskedOfRecord = Annotated[Asked, Depends(_asked)]
