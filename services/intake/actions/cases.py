"""An arrival on its way to its verdict: where it came in, who it is from, whether it is sound."""

from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from services.intake.domain.checking import Sound, check
from services.intake.domain.reading import Sent, Unsound
from services.intake.domain.refused import Refused
from shared.db import Connection
from shared.events import Place, Reason
from shared.in_force import Packs
from shared.keys import Keys
from shared.policy import Pack
from shared.policy.door import bare, beginnings

UNKNOWN = "unknown"
MARKED = Reason(
    "marking_forbidden", "/data/marking", "The marking is above what this estate may hold; it was not stored."
)
TYPED = Reason(
    "type_forbidden", "/data/record_type", "Records of this type are not to be held in this estate; it was not stored."
)


class Message(NamedTuple):
    """The original bytes of an arrival, as they are sealed when they wait in quarantine."""

    mode: str
    headers: dict[str, str]
    raw: bytes | None


class Arrival(msgspec.Struct, frozen=True):
    """One message or request item, where it came in, and what was read in it."""

    receipt_id: UUID
    place: Place
    channel: int
    key: str | None
    message: Message
    read: Sent | Unsound | Refused
    principal: str | None = None
    trace: str | None = None


@dataclass(frozen=True, slots=True)
class Desk:
    """What taking in needs beside the database: keys, the pack, which slot counts."""

    keys: Keys
    pack: Pack
    slot: int


@dataclass(frozen=True, slots=True)
class Desks:
    """What a process makes its desks of: one for each transaction, so that it goes by one pack to its end."""

    keys: Keys
    packs: Packs
    slot: int

    async def current(self, connection: Connection) -> Desk:
        """Give the desk with the pack in force."""
        return Desk(self.keys, await self.packs.current(connection), self.slot)


class Case(msgspec.Struct, frozen=True):
    """An arrival on its way to its verdict."""

    arrival: Arrival
    event_uid: UUID
    source: str
    mac: bytes
    found: Sound | tuple[Reason, ...]

    @property
    def forbidden(self) -> bool:
        """Whether nothing of it may be stored."""
        return not isinstance(self.found, Sound) and self.found[0] in (MARKED, TYPED)


def open_case(desk: Desk, arrival: Arrival, today: date) -> Case:
    """Read who an arrival is from and check it."""
    read = arrival.read
    if isinstance(read, Refused):
        source = arrival.principal or UNKNOWN
        return Case(arrival, arrival.receipt_id, source, desk.keys.mac(arrival.message.raw or b""), (read.reason,))
    forbidden = _forbidden(read.data or {}, desk.pack)
    if isinstance(read, Unsound):
        mac = desk.keys.mac(arrival.message.raw or b"")
        return Case(arrival, read.uid, read.source, mac, (forbidden or read.reason,))
    if forbidden is not None:
        return Case(arrival, read.uid, read.source, desk.keys.mac(read.body()), (forbidden,))
    found = check(read, desk.pack, today)
    known = desk.pack.sources.get(read.source)
    if arrival.principal is not None and known is not None and known.principal != arrival.principal:
        found = (Reason("not_your_source", "/source", "This token may not send events of that source."),)
    return Case(arrival, read.uid, read.source, desk.keys.mac(read.body()), found)


def _forbidden(data: dict[str, Any], pack: Pack) -> Reason | None:
    markings, types = pack.forbidden_words
    marking, type_ = data.get("marking"), data.get("record_type")
    if isinstance(marking, str) and not markings.isdisjoint(beginnings(marking)):
        return MARKED
    return TYPED if isinstance(type_, str) and bare(type_) in types else None
