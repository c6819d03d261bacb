"""What the program does not do yet, and so is taken out of what is drawn. `NOT_YET` is empty when all of it stands."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from shared.policy import Pack
from tests.oracle.lives import Event

_MAY_BE_IN_ERROR = {"crime_report", "intelligence_report", "stop_and_search", "first", "any", "all", "event", "age"}


def drawn_types(pack: Pack) -> list[str]:
    """Give the record types whose rows the program knows."""
    types = {each.when.record_type: pack.rows[each.row] for each in pack.in_order if each.when and each.row}
    return [name for name in pack.record_types if name in types and types[name].of_unit != "case_file"]


def _dated(event: Event, events: list[Event]) -> Event | None:
    """Give every state a day on which it happened."""
    days = {"occurred_on": "2001-02-28", "created_on": "2001-03-01"}
    return replace(event, data={**days, **event.data}) if event.kind == "state" else event


def _not_false(event: Event, events: list[Event]) -> Event | None:
    return _changed(event, evaluation=None) if event.kind == "state" else event


def _known_offences(event: Event, events: list[Event]) -> Event | None:
    if event.kind != "state" or not event.data.get("group"):
        return event
    return _changed(event, offences=[each for each in event.data["offences"] if each != "999"])


def _no_contact_outside_life(event: Event, events: list[Event]) -> Event | None:
    if event.kind == "person":
        return _changed(event, died_on=None)
    born = [e.data.get("date_of_birth") or "" for e in events if e.kind == "person" and e.person == event.person]
    return None if event.kind == "contact" and event.data["on"] < max(born, default="") else event


def _nothing_before(event: Event, events: list[Event]) -> Event | None:
    first = [e.data.get("occurred_on") or "" for e in events if e.kind == "state" and e.record == event.record]
    return None if event.kind == "trigger" and event.data["on"] < max(first, default="") else event


def _no_child_once(event: Event, events: list[Event]) -> Event | None:
    """Let nobody be a child in a state that another replaces."""
    if event.kind != "person" or not event.data.get("date_of_birth"):
        return event
    born = int(event.data["date_of_birth"][:4])
    states = [e for e in events if e.kind == "state" and any(_names(e, event.person))]
    young = any(int((e.data.get("occurred_on") or "2001")[:4]) - born <= 10 for e in states)
    return _changed(event, date_of_birth="1970-02-28") if young and len(states) > 1 else event


def _names(state: Event, person: str | None) -> list[str]:
    return [link["role"] for link in state.data["links"] if link["nominal_id"] == person]


def _not_in_error(event: Event, events: list[Event]) -> Event | None:
    types = {e.data.get("record_type") for e in events if e.kind == "state" and e.record == event.record}
    return None if event.kind == "error" and not types <= _MAY_BE_IN_ERROR else event


def _changed(event: Event, **data: Any) -> Event:
    return replace(event, data={**event.data, **data})


NOT_YET: tuple[Callable[[Event, list[Event]], Event | None], ...] = (
    _dated,
    _not_false,
    _known_offences,
    _no_contact_outside_life,
    _nothing_before,
    _no_child_once,
    _not_in_error,
)
