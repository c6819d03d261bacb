"""Made-up events of registered sources and a fast publisher: seeded, with duplicates, shuffled, several states each."""

import json
import random
import threading
import time
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from confluent_kafka import Producer

from shared.ids import nominal_ref, record_id, shard_of

INBOUND = "records.events.v1"
PARTITIONS = 8
CRIME, INTELLIGENCE, NOMINALS = "urn:demo:crime", "urn:demo:intelligence", "urn:demo:nominals"
DUPLICATES_IN_100 = 3
STRUCTURED_IN_100 = 10
OVERDUE_IN_100 = 8
LONG_AGO = {"occurred_on": "2010-02-03", "recorded_at": "2010-02-03T12:00:00Z", "created_on": "2010-02-03"}
_FILLING = "Made up from end to end. " * 24


class Event(NamedTuple):
    """One event as its source means it."""

    id: str
    source: str
    type: str
    subject: str
    sequence: int
    data: dict


class Message(NamedTuple):
    """One Kafka record of the inbound topic; `event` is None in garbage."""

    partition: int
    key: bytes | None
    headers: list[tuple[str, bytes]] | None
    value: bytes | None
    event: Event | None = None


def made_up(rng: random.Random, count: int, prefix: str = "e") -> list[Message]:
    """Make `count` messages: sound events of three sources, none in conflict with another."""
    messages: list[Message] = []
    record = 0
    while len(messages) < count:
        record += 1
        events = _of_record(rng, f"{prefix}-{record}") if record % 5 else _of_nominal(rng, f"{prefix}-{record}")
        messages += [message_of(event, rng.randrange(100) < STRUCTURED_IN_100) for event in events]
        if rng.randrange(100) < DUPLICATES_IN_100 * 2:
            messages.append(message_of(rng.choice(events), rng.random() < 0.5))
    return _shuffled(rng, messages[:count])


def _of_record(rng: random.Random, name: str) -> list[Event]:
    source, system, kind = rng.choice(
        [(CRIME, "crime", "crime_report"), (INTELLIGENCE, "intelligence", "intelligence_report")]
    )
    subject = str(record_id(system, name))
    data = {
        "source_system": system,
        "source_record_id": name,
        "record_type": kind,
        "occurred_on": f"2021-{rng.randrange(1, 13):02}-{rng.randrange(1, 29):02}",
        "recorded_at": "2022-08-02T01:00:00+01:00",
        "created_on": "2022-08-02",
        "offences": ["28/11"],
        "links": [{"nominal_source": system, "nominal_id": f"N-{rng.randrange(500)}", "role": "suspect"}],
    }
    if kind == "intelligence_report" and rng.randrange(100) < OVERDUE_IN_100:
        data |= {**LONG_AGO, "offences": [], "links": []}  # Nobody's: its own row's six years are long over.
    events = []
    unit = "Barking"
    for sequence in range(1, rng.randrange(2, 6)):
        unit = rng.choice(["Barking", "Dagenham", unit])  # Now and then unchanged: accepted without a version.
        change = "captured" if sequence == 1 else "revised"
        state = {**data, "unit": unit, "content": {"summary": f"{unit} {_FILLING}"}}
        events.append(Event(f"{name}/{sequence}", source, f"tenure.record.{change}.v1", subject, sequence, state))
    return events


def overdue(messages: Iterable[Message]) -> set[str]:
    """Give the records whose review is due at once."""
    events = [message.event for message in messages if message.event]
    return {event.subject for event in events if event.data.get("created_on") == LONG_AGO["created_on"]}


def _of_nominal(rng: random.Random, name: str) -> list[Event]:
    subject = str(nominal_ref("nominals", name))
    who = {"nominal_source": "nominals", "nominal_id": name}
    state = {**who, "date_of_birth": f"19{rng.randrange(50, 99)}-04-05", "flags": []}
    contact = {**who, "kind": "suspected_offence", "on": "2021-05-06"}
    return [
        Event(f"{name}/1", NOMINALS, "tenure.nominal.recorded.v1", subject, 1, state),
        Event(f"{name}/c", NOMINALS, "tenure.contact.recorded.v1", subject, 0, contact),
    ]


def message_of(event: Event, structured: bool = False) -> Message:
    """Give an event as a Kafka record, binary or structured."""
    named = {"specversion": "1.0", "id": event.id, "source": event.source, "type": event.type, "subject": event.subject}
    if event.sequence:
        named["sequence"] = str(event.sequence)
    key, partition = event.subject.encode(), shard_of(event.subject) % PARTITIONS
    if structured:
        value = json.dumps({**named, "data": event.data}).encode()
        return Message(partition, key, [("content-type", b"application/cloudevents+json")], value, event)
    headers = [(f"ce_{name}", text.encode()) for name, text in named.items()]
    headers.append(("content-type", b"application/json"))
    return Message(partition, key, headers, json.dumps(event.data).encode(), event)


def _shuffled(rng: random.Random, messages: list[Message]) -> list[Message]:
    """Move each message a little, some of them far: states then arrive out of their order."""
    places = [
        (n + rng.randrange(40) + (rng.randrange(2_000) if rng.random() < 0.02 else 0), n) for n in range(len(messages))
    ]
    return [messages[n] for _, n in sorted(places)]


def publish(bootstrap: str, messages: Iterable[Message], per_second: float = 0) -> None:
    """Publish in order, each once whatever the broker does meanwhile; `per_second` 0 is as fast as it goes."""
    settings = {"bootstrap.servers": bootstrap, "enable.idempotence": True, "linger.ms": 5, "log_level": 0}
    producer = Producer({**settings, "message.timeout.ms": 120_000, "reconnect.backoff.max.ms": 500})
    failed: list[str] = []

    def told(error: object, _: object) -> None:
        if error is not None:
            failed.append(str(error))

    began = time.monotonic()
    for number, each in enumerate(messages):
        ahead = number / per_second - (time.monotonic() - began) if per_second else 0
        if ahead > 0.02:
            producer.flush(0)
            time.sleep(ahead)
        producer.produce(
            INBOUND, each.value, each.key, partition=each.partition, headers=each.headers or [], on_delivery=told
        )
        producer.poll(0)
    assert producer.flush(150) == 0, "the broker did not take everything"
    assert not failed, failed[:3]


class Publishing(threading.Thread):
    """Publishes beside the test, paced; `join` raises what went wrong."""

    def __init__(self, bootstrap: str, messages: Sequence[Message], per_second: float) -> None:
        super().__init__(name="publishing", daemon=True)
        self.work = (bootstrap, messages, per_second)
        self.failure: BaseException | None = None
        self.start()

    def run(self) -> None:
        try:
            publish(*self.work)
        except BaseException as error:
            self.failure = error

    def finish(self, wait_seconds: float = 180) -> None:
        self.join(wait_seconds)
        assert not self.is_alive(), "still publishing"
        if self.failure:
            raise self.failure
