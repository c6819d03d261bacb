"""What every event is: a frozen value that writes itself as JSON."""

from collections.abc import Iterator
from typing import ClassVar

import msgspec

encode = msgspec.json.Encoder(order="deterministic").encode


class Event(msgspec.Struct, frozen=True, omit_defaults=False):
    """One thing that happened to one subject; `type` names it, with its major version."""

    type: ClassVar[str]


def models(of: type[Event] = Event) -> dict[str, type[Event]]:
    """Give every event that has been defined, by its type."""
    return dict(_below(of))


def _below(of: type[Event]) -> Iterator[tuple[str, type[Event]]]:
    for each in of.__subclasses__():
        if "type" in vars(each):
            yield each.type, each
        yield from _below(each)
