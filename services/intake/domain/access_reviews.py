"""Access reviews: everybody who looked is asked why, and professional standards conclude."""

from collections.abc import Collection
from datetime import datetime
from typing import Literal

from shared.errors import Conflict, Forbidden, Invalid

State = Literal["open", "answered", "concluded"]
Answer = Literal["task", "allotted_work", "other_duty", "mistake", "no_reason"]
Outcome = Literal["justified", "not_justified", "referred"]


def check_span(since: datetime, until: datetime, now: datetime) -> None:
    """Refuse a span that is none, or lies ahead."""
    if not since < until:
        raise Invalid("`from` must be before `until`.", "span_empty")
    if since > now:
        raise Invalid("The span lies ahead; nobody has looked yet.", "span_ahead")


def state_of(answers: Collection[str | None]) -> State:
    """Say how an access review stands by the answers to it; one that nobody is asked for is answered."""
    return "open" if None in answers else "answered"


def check_answer(state: str) -> None:
    """Refuse an answer to what is concluded; until then one may be changed."""
    if state == "concluded":
        raise Conflict("The review is concluded. Tell professional standards what is to be added.", "concluded")


def check_conclude(state: str, asked: Collection[str], by: str) -> None:
    """Refuse a second conclusion, and that of somebody who is asked themselves.

    Not everybody need have answered: silence is a result too, and who has not answered stays in sight.
    """
    if state == "concluded":
        raise Conflict("The review is concluded already.", "concluded")
    if by in asked:
        message = "You are asked in this review. Another person of professional standards must conclude it."
        raise Forbidden(message, "same_person")
