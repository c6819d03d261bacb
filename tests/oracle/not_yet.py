"""What the program does not do yet, and so is taken out of what is drawn. `NOT_YET` is empty when all of it stands."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from tests.oracle.lives import Event


def _nobody_dies(event: Event, events: list[Event]) -> Event | None:
    """Let no conduct be after a death: it is not an exception yet."""
    return _changed(event, died_on=None) if event.kind == "person" else event


def _changed(event: Event, **data: Any) -> Event:
    return replace(event, data={**event.data, **data})


NOT_YET: tuple[Callable[[Event, list[Event]], Event | None], ...] = (_nobody_dies,)
