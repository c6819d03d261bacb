"""A life: all that ever happened to a few records and persons, as neither the program nor the oracle reads it."""

from dataclasses import dataclass, field, replace
from typing import Any

from shared.policy import Pack


@dataclass(frozen=True)
class Event:
    """One thing that was told. `of` names the event that it takes back; `other` a second person."""

    id: str
    kind: str
    record: str | None = None
    person: str | None = None
    data: dict[str, Any] = field(default_factory=dict)
    sequence: int = 0
    received: str = "2022-08-03"
    source: str = "crime"
    of: str | None = None
    other: str | None = None


@dataclass(frozen=True)
class Life:
    """What happened, in the order in which it was told, under one pack."""

    pack: Pack
    events: tuple[Event, ...]
    told: str = ""

    def of_record(self, record: str, kind: str) -> list[Event]:
        """Give what still counts of a record."""
        return [each for each in self.standing() if each.record == record and each.kind == kind]

    def of_person(self, person: str, kind: str) -> list[Event]:
        """Give what still counts of a person and names no record."""
        return [each for each in self.standing() if each.person == person and each.record is None and each.kind == kind]

    def standing(self) -> list[Event]:
        """Leave out what was taken back, and the taking back."""
        gone = {each.of for each in self.events if each.kind == "withdrawal"}
        return [each for each in self.events if each.kind != "withdrawal" and each.id not in gone]

    @property
    def records(self) -> list[str]:
        """Name the records of which a state ever came."""
        return sorted({each.record for each in self.events if each.kind == "state" and each.record})

    @property
    def persons(self) -> list[str]:
        """Name everyone who is named."""
        linked = {link["nominal_id"] for each in self.events for link in each.data.get("links") or ()}
        named = {name for each in self.events if each.record is None for name in (each.person, each.other) if name}
        return sorted(linked | named)

    @property
    def named_records(self) -> set[str]:
        """Name every record, known or not."""
        return {each.record for each in self.events if each.record}


def apart(life: Life, prefix: str) -> Life:
    """Give the same life to other records and persons, so that many can happen in one place."""

    def named(name: str | None) -> str | None:
        return name and prefix + name

    def moved(event: Event) -> Event:
        links = [{**link, "nominal_id": prefix + link["nominal_id"]} for link in event.data.get("links") or ()]
        data = {**event.data, "links": links} if links else event.data
        data = {**data, "part_of": [prefix + each for each in data["part_of"]]} if "part_of" in data else data
        data = {**data, "basis": [prefix + each for each in data["basis"]]} if "basis" in data else data
        names = {name: named(getattr(event, name)) for name in ("record", "person", "of", "other")}
        return replace(event, id=prefix + event.id, data=data, **names)

    return Life(life.pack, tuple(moved(event) for event in life.events), life.told)
