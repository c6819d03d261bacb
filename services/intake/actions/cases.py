"""An arrival on its way to its verdict: where it came in, who it is from, whether it is sound."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Any
from uuid import UUID

import msgspec

from services.intake.domain.checking import Sound, check, shown
from services.intake.domain.reading import Sent, Unsound
from services.intake.domain.refused import Refused
from services.intake.domain.required import settled_values
from services.intake.domain.things import things_in
from services.intake.storage.things import Thing
from shared.db import Connection
from shared.events import Place, Reason, encode
from shared.in_force import Packs
from shared.keys import Keys
from shared.policy import Pack
from shared.policy.door import bare, beginnings

UNKNOWN = "unknown"
WITHDRAWN = "tenure.record.withdrawn.v1"
NO_THINGS: frozenset[Thing] = frozenset()
NOTHING_SETTLED: Mapping[str, tuple[bytes, ...]] = MappingProxyType({})
MARKED = Reason(
    "marking_forbidden", "/data/marking", "The marking is above what this estate may hold; it was not stored."
)
TYPED = Reason(
    "type_forbidden", "/data/record_type", "Records of this type are not to be held in this estate; it was not stored."
)


class Message(msgspec.Struct, frozen=True, array_like=True):
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


class State(msgspec.Struct, frozen=True):
    """What is needed of a sound state beyond its canonical bytes: worked out as it is read, a record's data is let go.

    Once a whole batch has been read, the first of it is far from the processor, and all of it is in memory.
    """

    mac: bytes
    """By which two states are the same."""
    shown: bytes | None = None
    """As JSON what others may see of it; a withdrawal shows nothing."""
    things: frozenset[Thing] = NO_THINGS
    """The objects and places that it names, by keyed digest."""
    settled: Mapping[str, tuple[bytes, ...]] = NOTHING_SETTLED
    """By pointer the digests of what stays as first accepted; most types have nothing of the kind."""
    unit: str = ""
    reported_at: str | None = None
    recorded_at: str | None = None


class Case(msgspec.Struct, frozen=True):
    """An arrival on its way to its verdict."""

    arrival: Arrival
    event_uid: UUID
    source: str
    mac: bytes
    found: Sound | tuple[Reason, ...]
    state: State | None = None

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
    mac = desk.keys.mac(read.body())
    if isinstance(found, Sound) and found.sequence:
        return Case(arrival, read.uid, read.source, mac, found, _state_of(desk, found))
    return Case(arrival, read.uid, read.source, mac, found)


def _state_of(desk: Desk, found: Sound) -> State:
    sent = found.sent
    if sent.type == WITHDRAWN:
        return State(desk.keys.mac(b"withdrawn\n" + sent.canonical))
    mac, public = desk.keys.mac(b"state\n" + sent.canonical), encode(shown(found, desk.pack.metadata_keys))
    if found.kind != "record":
        return State(mac, public)
    data = sent.data
    instants = data.get("reported_at"), data.get("recorded_at")
    state = State(mac, public, _things_of(desk, data), _settled(desk, found), data.get("unit") or "", *instants)
    sent.let_go()
    return state


def _things_of(desk: Desk, data: dict[str, Any]) -> frozenset[Thing]:
    if not data.get("objects") and not data.get("places"):
        return NO_THINGS
    return frozenset(thing_of(desk, kind, ref) for kind, ref in things_in(data, desk.pack.references.compact))


def thing_of(desk: Desk, kind: str, comparable: str) -> Thing:
    """Give the keyed digest of an object or a place, by its comparable reference."""
    return Thing(kind, desk.keys.mac(f"thing\n{kind}\n{comparable}".encode()))


def _settled(desk: Desk, found: Sound) -> Mapping[str, tuple[bytes, ...]]:
    if not (pointers := desk.pack.settled_fields(found.record_type)):
        return NOTHING_SETTLED
    return {
        pointer: tuple(desk.keys.mac(b"settled\n%b\n%b" % (pointer.encode(), form)) for form in forms)
        for pointer, forms in settled_values(found.sent.data, pointers).items()
    }


def _forbidden(data: dict[str, Any], pack: Pack) -> Reason | None:
    markings, types = pack.forbidden_words
    marking, type_ = data.get("marking"), data.get("record_type")
    if isinstance(marking, str) and not markings.isdisjoint(beginnings(marking)):
        return MARKED
    return TYPED if isinstance(type_, str) and bare(type_) in types else None
