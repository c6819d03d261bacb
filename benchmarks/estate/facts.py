"""The facts of made-up lives, in the bytes that retention keeps, and what the pure rules say of them."""

from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg

from benchmarks.estate.lives import AS_OF, KINDS, Birth, Life, Shape
from services.retention.actions.take_in import fresh
from services.retention.domain import Fact, Given, OfRecord, of_record
from services.retention.storage.links import listed
from shared.events import FactRegistered, NominalRegistered, RecordRegistered
from shared.ids import event_uid, nominal_ref, record_id
from shared.policy import Pack

SOURCE, SYSTEM = "urn:demo:crime", "crime"
NOW = datetime(AS_OF.year, AS_OF.month, AS_OF.day, 3, tzinfo=UTC)
SHAPES_MAX = 200_000
_NOBODY = UUID(int=0)
_LINK = '{"nominal_id":"p%d","nominal_source":"crime","role":"suspect"}'


class Shaped(NamedTuple):
    """A shape's bytes around its record's id and links, and what the rules say of it."""

    head: bytes
    middle: bytes
    tail: bytes
    found: OfRecord
    given: Given
    traits: tuple[Any, ...]


class Shapes:
    """What each shape is under a pack, worked out once by the pure rules."""

    def __init__(self, pack: Pack) -> None:
        self.pack = pack
        self.of = lru_cache(SHAPES_MAX)(self._of)

    def _of(self, shape: Shape) -> Shaped:
        canonical = fresh(_registered(shape), self.pack).canonical
        found = of_record([Fact(_NOBODY, "record_state", 0, canonical, received_on=AS_OF)], self.pack)
        assert found is not None, "every shape has a state"
        before, _, after = canonical.partition(b'"links":[')
        _, _, rest = after.partition(b"]")
        middle, _, tail = rest.partition(str(_NOBODY).encode())
        given = next(iter(found.gives.values()), Given())
        return Shaped(before + b'"links":[', b"]" + middle, tail, found, given, _traits(found))

    def canonical(self, life: Life, uid: UUID) -> bytes:
        """Give the bytes of a record's only state."""
        shaped = self.of(life.shape)
        links = ",".join(_LINK % number for number in life.nominals)
        return b"".join((shaped.head, links.encode(), shaped.middle, str(uid).encode(), shaped.tail))


def _registered(shape: Shape) -> RecordRegistered:
    kind, created = KINDS[shape.kind], shape.created_on.isoformat()
    state: dict[str, Any] = {
        "record_type": kind.record_type,
        "occurred_on": shape.occurred_on.isoformat(),
        "reported_at": created,
        "recorded_at": created,
        "created_on": created,
        "unit": f"unit-{shape.occurred_on.toordinal() % 40}",
        "offences": list(kind.offences),
        "source_system": SYSTEM,
        "links": [{"nominal_id": "p0", "nominal_source": SYSTEM, "role": "suspect"}] if kind.linked else [],
    }
    return RecordRegistered(_NOBODY, SOURCE, None, 1, NOW, AS_OF, _NOBODY, SYSTEM, "captured", 1, state)


def _traits(found: OfRecord) -> tuple[Any, ...]:
    *sets, spans = listed(found.traits)
    assert isinstance(spans, str), "the last trait is the days"
    parts = [part.split(",") for part in spans.strip("{}[)").replace("),[", ";").split(";")]
    days = [asyncpg.Range(date.fromisoformat(first), date.fromisoformat(end)) for first, end in parts]
    return (*sets, days)


def record_uid(number: int) -> UUID:
    """Give a record's id."""
    return record_id(SYSTEM, f"c{number}")


def nominal_uid(number: int) -> UUID:
    """Give a nominal's id."""
    return nominal_ref(SYSTEM, f"p{number}")


def state_uid(number: int) -> UUID:
    """Give the id of the event that a record's state came by."""
    return event_uid(SOURCE, f"c{number}")


def birth_fact(birth: Birth, pack: Pack) -> Fact:
    """Give a nominal's state as a fact."""
    ref, uid = nominal_uid(birth.number), event_uid(SOURCE, f"p{birth.number}")
    state = {"date_of_birth": birth.born_on.isoformat()} if birth.born_on else {}
    event = NominalRegistered(uid, SOURCE, None, 1, NOW, AS_OF, ref, 1, state)
    return Fact(uid, "nominal_state", birth.number + 1, fresh(event, pack).canonical, 1, received_on=AS_OF)


def contact_fact(number: int, on: date, pack: Pack, kind: str = "suspected_offence") -> Fact:
    """Give a nominal's coming to notice as a fact."""
    event = contact(number, on, kind)
    made = fresh(event, pack)
    return Fact(event.event_uid, "contact", number + 1, made.canonical, 1, made.on_date, received_on=AS_OF)


def contact(number: int, on: date, kind: str = "suspected_offence") -> FactRegistered:
    """Give a nominal's coming to notice as the event that tells of it."""
    uid, data = event_uid(SOURCE, f"contact {number} {on}"), {"kind": kind, "on": on.isoformat()}
    ref = nominal_uid(number)
    return FactRegistered(uid, SOURCE, None, 1, NOW, AS_OF, "contact", None, ref, None, data)
