"""What the program does not do yet, and so is taken out of what is drawn. `NOT_YET` is empty when all of it stands."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from tests.oracle.lives import Event

_DATES = ("occurred_on", "reported_at", "recorded_at", "created_on")


def _nobody_dies(event: Event, events: list[Event]) -> Event | None:
    """Let no conduct be after a death: it is not an exception yet."""
    return _changed(event, died_on=None) if event.kind == "person" else event


def _no_child_once(event: Event, events: list[Event]) -> Event | None:
    """Let nobody be a child in a state that another replaces."""
    if event.kind != "person" or not event.data.get("date_of_birth"):
        return event
    born = int(event.data["date_of_birth"][:4])
    merged = any(e.kind == "merged" for e in events)
    states = [e for e in events if e.kind == "state" and (merged or any(_names(e, event.person)))]
    days = [e.data[name] for e in states for name in _DATES if e.data.get(name)]
    young = any(int(day[:4]) - born <= 11 for day in days)
    return _changed(event, date_of_birth="1970-02-28") if young and len(states) > 1 else event


def _names(state: Event, person: str | None) -> list[str]:
    return [link["role"] for link in state.data["links"] if link["nominal_id"] == person]


def _changed(event: Event, **data: Any) -> Event:
    return replace(event, data={**event.data, **data})


NOT_YET: tuple[Callable[[Event, list[Event]], Event | None], ...] = (_nobody_dies, _no_child_once)
