"""The bundled sample of real open data, and what the files themselves say must come of it."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import msgspec

from tools.adapters.publish import Plan, check, read_by_name

FOLDER = Path(__file__).parent / "sample"


@dataclass(slots=True)
class Expected:
    """Counts taken from the files alone: nothing here asks the system."""

    events: Counter[str] = field(default_factory=Counter)
    crimes: set[str] = field(default_factory=set)
    stops: set[str] = field(default_factory=set)
    without_object: dict[UUID, dict[str, object]] = field(default_factory=dict)


def plan() -> Plan:
    """Read every file of the sample to its end."""
    return check(sorted(FOLDER.glob("*.csv.gz")), read_by_name)


def expected(planned: Plan) -> Expected:
    """Count what the files say: crimes, stops, and the stops that name no object of search."""
    found = Expected()
    for event in planned.events():
        found.events[event.kind] += 1
        if event.kind == "street":
            found.crimes.add(str(event.subject))
        elif event.kind == "stop-and-search":
            state = msgspec.json.decode(event.data)
            if state["content"].get("object_of_search"):
                found.stops.add(str(event.subject))
            else:
                found.without_object[UUID(str(event.subject))] = state
    return found


def licence() -> str:
    """Give the line that the data's licence asks for."""
    return (FOLDER / "LICENCE").read_text().strip()
