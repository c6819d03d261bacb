"""Inbound events with boring defaults, in each mode, and the desk that takes them in."""

import json
import unicodedata
from datetime import UTC, date, datetime
from hashlib import sha256

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from services.intake.actions.cases import Arrival, Desk, Desks, Message
from services.intake.actions.reading import TOPIC, read_message
from services.intake.actions.take_in import take_in
from services.intake.domain.reading import read_binary
from shared.db import driver
from shared.events import Place
from shared.ids import nominal_ref, receipt_id, record_id
from shared.in_force import Packs
from shared.keys import Keys
from shared.policy import read_pack
from tests.stack import POLICY

PACK = read_pack(POLICY.read_bytes(), POLICY.name)
KEYS = Keys(1, {1: AESGCM(sha256(b"tests").digest())}, Ed25519PrivateKey.from_private_bytes(b"\x07" * 32), b"m" * 32)
DESK = Desk(KEYS, PACK, 0)
DESKS = Desks(KEYS, Packs(PACK), 0)
NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
TODAY = date(2026, 3, 2)
CRIME = "urn:demo:crime"
INDEX = "urn:demo:nominals"
STOPS = "urn:police-uk:stop-and-search"


def uid(record="r1"):
    return record_id("crime", record)


def ref(person="p1"):
    return nominal_ref("crime", person)


def event(type_, data, id_="e1", **attributes):
    """A CloudEvent as one JSON object."""
    head = {"specversion": "1.0", "id": id_, "source": CRIME, "type": type_, "time": "2022-08-02T10:00:00Z"}
    whole = {**head, "data": data, **attributes}
    return {name: value for name, value in whole.items() if value is not None}


def state(record="r1", **changes):
    whole = {
        "source_system": "crime",
        "source_record_id": record,
        "record_type": "crime_report",
        "occurred_on": "2022-08-01",
        "offences": ["28/11"],
        "links": [],
        "content": {"summary": "a window was broken"},
    }
    return {name: value for name, value in (whole | changes).items() if value is not None}


def captured(record="r1", sequence=1, id_=None, attributes=None, **changes):
    type_ = "tenure.record.captured.v1" if sequence == 1 else "tenure.record.revised.v1"
    attributes = {"sequence": str(sequence), **(attributes or {})}
    return event(type_, state(record, **changes), id_ or f"{record}/{sequence}", **attributes)


def withdrawn(record="r1", sequence=9):
    subject = str(uid(record))
    data = {"reason": "entered in error"}
    return event("tenure.record.withdrawn.v1", data, f"{record}/{sequence}", subject=subject, sequence=str(sequence))


def nominal(person="p1", sequence=1, **changes):
    data = {"nominal_source": "crime", "nominal_id": person, **changes}
    return event("tenure.nominal.recorded.v1", data, f"{person}/{sequence}", sequence=str(sequence))


def contact(id_="c1", person="p1", **changes):
    data = {"nominal_source": "crime", "nominal_id": person, "kind": "new_offence", "on": "2024-05-06", **changes}
    return event("tenure.contact.recorded.v1", data, id_)


def contact_withdrawn(id_="cw1", contact_id="c1", person="p1"):
    data = {"contact_event_id": contact_id, "nominal_source": "crime", "nominal_id": person}
    return event("tenure.contact.withdrawn.v1", data, id_)


def trigger(id_="t1", record="r1", **changes):
    data = {"record_id": str(uid(record)), "trigger": "charged", "on": "2024-05-06", **changes}
    return event("tenure.trigger.recorded.v1", data, id_)


def trigger_withdrawn(id_="tw1", trigger_id="t1", record="r1"):
    return event("tenure.trigger.withdrawn.v1", {"trigger_event_id": trigger_id, "record_id": str(uid(record))}, id_)


def activity(id_="a1", record="r1", person=None, **changes):
    about = {"record_id": str(uid(record)) if record else None}
    about |= {"nominal_source": "crime", "nominal_id": person} if person else {}
    data = {"kind": "visit", "result": "seen", "on": "2024-05-06", "fields": {"announced": False, "persons": 2}}
    data = {name: value for name, value in (data | about | changes).items() if value is not None}
    return event("tenure.activity.recorded.v1", data, id_)


def activity_withdrawn(id_="aw1", activity_id="a1", record="r1"):
    data = {"activity_event_id": activity_id, "record_id": str(uid(record))}
    return event("tenure.activity.withdrawn.v1", data, id_)


def party(person):
    return {"nominal_source": "crime", "nominal_id": person}


def merged(id_="m1", gone="p2", into="p1"):
    data = {"from": party(gone), "into": party(into)}
    return event("tenure.nominal.merged.v1", data, id_, source=INDEX)


def unmerged(id_="um1", merge_id="m1", into="p1"):
    return event("tenure.nominal.unmerged.v1", {"merge_event_id": merge_id}, id_, source=INDEX, subject=str(ref(into)))


def distinguished(id_="d1", a="p1", b="p2"):
    return event("tenure.nominal.distinguished.v1", {"a": party(a), "b": party(b)}, id_, source=INDEX)


def binary(sent):
    """The same event with its attributes as headers."""
    headers = {f"ce_{name}": value for name, value in sent.items() if name != "data"}
    return headers, json.dumps(sent["data"]).encode()


def read(sent):
    """Read an event given as one JSON object."""
    return read_binary(*binary(sent))


class Topic:
    """A partition that gives offsets."""

    def __init__(self, part=0, principal=None):
        self.part, self.offset, self.principal = part, 0, principal

    def raw(self, raw, headers=None, key=None):
        place = ("cluster", "records.events.v1", "incarnation", self.part, self.offset)
        self.offset += 1
        mode = "binary" if headers is not None else "structured"
        message = Message(mode, headers or {}, raw)
        where = Place(place[1], self.part, place[4], place[2], place[0])
        return Arrival(receipt_id(*place), where, TOPIC, key, message, read_message(message), self.principal)

    def of(self, sent):
        return self.raw(json.dumps(sent).encode())

    def batch(self, *sent):
        return [self.of(each) for each in sent]


def normal(value):
    """NFC all through, as everything is compared; a `ValueError` where that makes two keys one."""
    if isinstance(value, str):
        return unicodedata.normalize("NFC", value)
    if isinstance(value, list):
        return [normal(item) for item in value]
    if isinstance(value, dict):
        made = {normal(key): normal(item) for key, item in value.items()}
        if len(made) != len(value):
            raise ValueError("two keys become one")
        return made
    return value


async def take(connection, *arrived, desk=DESK):
    return await take_in(connection, desk, arrived, NOW, TODAY)


def told(receipts):
    return [(each.outcome, *(reason.code for reason in each.reasons)) for each in receipts]


async def rows(connection, query, *values):
    return [tuple(row) for row in await (await driver(connection)).fetch(query, *values)]


async def value(connection, query, *values):
    return await (await driver(connection)).fetchval(query, *values)


async def said(connection, topic="records.registered.v1"):
    found = await rows(connection, "SELECT type, payload FROM log WHERE topic = $1 ORDER BY abs(log_id)", topic)
    return [(type_.removeprefix("tenure.").removesuffix(".v1"), msgspec.json.decode(each)) for type_, each in found]


async def stored(connection):
    return await rows(connection, "SELECT record_uid, sequence, state_mac FROM record ORDER BY 1")


async def waiting(connection):
    return dict(await rows(connection, "SELECT event_uid, state FROM quarantine"))


async def accounts_close(connection):
    counted = await rows(
        connection,
        "SELECT source_key, received_on, outcome, sum(n)::bigint FROM account GROUP BY 1, 2, 3 HAVING sum(n) <> 0",
    )
    raw = await rows(connection, "SELECT source_key, received_on, outcome, count(*) FROM arrival GROUP BY 1, 2, 3")
    assert sorted(counted) == sorted(raw)
