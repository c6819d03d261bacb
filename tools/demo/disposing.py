"""Orders are carried out: their day comes, and what was due is shredded and certified."""

from collections.abc import Set as AbstractSet
from datetime import timedelta
from typing import Any

from tools.demo.estate import Estate
from tools.demo.telling import shown

COOLING_OFF = timedelta(days=7)  # As the demonstration's pack says; the orders' own dates are checked against it.
ORDERED_SECONDS_MAX = 120
DISPOSED_SECONDS_MAX = 300

Ids = AbstractSet[str]


def orders(estate: Estate, *, state: str, record: object = None) -> list[dict[str, Any]]:
    """List orders of disposal in a state, of one record if it is named."""
    return list(estate.pages("retention", "/v1/disposals", "disposals", state=state, record=record))


def order_of(estate: Estate, record: object, state: str) -> dict[str, Any]:
    """Wait for a record's order in a state, and give it."""
    look = f"record {record}'s order to be {state}"
    return estate.wait(look, 60, lambda: next(iter(orders(estate, record=record, state=state)), None))


def day_comes(estate: Estate) -> None:
    """Let the cooling-off end."""
    estate.move_to(estate.today() + COOLING_OFF)


def certificates(estate: Estate) -> list[str]:
    """List the records that have their certificate, one for each certificate."""
    return [each["record_id"] for each in orders(estate, state="shredded")]


def certified(estate: Estate, before: Ids, wanted: Ids) -> set[str]:
    """Wait until nothing is on order any more and give what got its certificate."""
    return estate.wait(
        shown(len(wanted), "certificate"),
        DISPOSED_SECONDS_MAX,
        lambda: _all_gone(estate, before, wanted),
        len(wanted),
        lambda: len(set(certificates(estate)) - before),
    )


def _all_gone(estate: Estate, before: Ids, wanted: Ids) -> set[str] | None:
    for state in ("cooling", "executed"):  # One of a page is enough to tell; the whole list is long.
        if estate.get("retention", "/v1/disposals", state=state, links="false", limit=1)["disposals"]:
            return None
    found = set(certificates(estate)) - before
    return found if len(found) >= len(wanted) else None
