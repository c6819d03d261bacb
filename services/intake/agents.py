"""Events in: each batch is taken in one transaction."""

from collections.abc import Iterator, Mapping
from functools import partial
from uuid import UUID

from aiokafka import ConsumerRecord

from services.intake.actions.cases import Arrival, Desks, Message
from services.intake.actions.discarding import carry_out, refused
from services.intake.actions.following import follow_schedules, shred, unlink
from services.intake.actions.late import set_aside
from services.intake.actions.manifests import only_manifests
from services.intake.actions.reading import TOPIC, read_message, trace_of
from services.intake.actions.screening import follow_tasks
from services.intake.actions.take_in import take_in
from services.intake.domain.reading import ATTRIBUTES
from services.intake.domain.refused import Refused
from shared.batches import Batch, Handler
from shared.clock import policy_day, wall_clock
from shared.db import Connection
from shared.dead_letters import park
from shared.events import (
    BACKLOAD,
    DISPOSALS,
    INBOUND,
    MANIFESTS,
    POLICIES,
    SCHEDULES,
    TASKS,
    DiscardRefused,
    DisposalExecuted,
    Event,
    LinkEnded,
    Place,
    ScheduleChanged,
    TaskChanged,
)
from shared.ids import receipts_at
from shared.in_force import take_policies
from shared.reading import read_events
from shared.tracing import HEADER, by_subject
from shared.worker import Worker
from shared.yielding import Yielding

HEADERS_MAX = 64
HEADER_CHARS_MAX = 1024
STRUCTURED = "application/cloudevents+json"
_KNOWN = {name: name for name in ("content-type", HEADER, *ATTRIBUTES)}  # One text for all messages.
_DISPOSALS: Mapping[str, type[Event]] = {each.type: each for each in (DisposalExecuted, LinkEnded, DiscardRefused)}
_POISON = Refused("defect", "", "Taking this event in ended the process each time; it is set aside for its makers.")
_TOO_MANY = Refused("too_many_headers", "", f"The message has over {HEADERS_MAX} headers; send fewer.")


def attach(worker: Worker, desks: Desks, yielding: Yielding) -> None:
    """Register what intake reads; a back-load by the same action, at the pace it is given."""
    worker.read({INBOUND: partial(_live, desks, yielding)})
    worker.read({BACKLOAD: partial(_arrivals, desks)}, yielding=yielding)
    told: dict[str, Handler] = {topic: partial(take, desks) for topic, take in _TOLD.items()}
    worker.read({**told, POLICIES: partial(take_policies, desks.keys)}, unhurried=True)


async def _live(desks: Desks, yielding: Yielding, connection: Connection, batch: Batch) -> None:
    yielding.make_way()
    await _arrivals(desks, connection, batch)


async def _arrivals(desks: Desks, connection: Connection, batch: Batch) -> None:
    now, desk = wall_clock(), await desks.current(connection)
    await take_in(connection, desk, arrivals(batch), now, await policy_day(connection, now, desk.pack.zone))


async def _manifests(desks: Desks, connection: Connection, batch: Batch) -> None:
    now, desk = wall_clock(), await desks.current(connection)
    arrived = map(only_manifests, arrivals(batch))
    await take_in(connection, desk, arrived, now, await policy_day(connection, now, desk.pack.zone))


def arrivals(batch: Batch) -> Iterator[Arrival]:
    """Read each message of a batch; whatever it holds, it is an arrival."""
    for span in batch.spans:
        cluster, topic, incarnation, part = span.place
        receipt_of = receipts_at(*span.place)
        for record in span.records:
            where = Place(topic, part, record.offset, incarnation, cluster)
            yield _arrival(record, receipt_of(record.offset), where, batch.poison)


def _arrival(record: ConsumerRecord, receipt: UUID, where: Place, poison: bool) -> Arrival:
    sent = record.headers or ()
    too_many = len(sent) > HEADERS_MAX
    headers = {
        _KNOWN.get(name) or name.lower(): value.decode("utf-8", "replace")[:HEADER_CHARS_MAX]
        for name, value in (sent[:HEADERS_MAX] if too_many else sent)
        if value is not None
    }
    mode = "structured" if headers.get("content-type", "").startswith(STRUCTURED) else "binary"
    message = Message(mode, headers, record.value)
    read = _POISON if poison else _TOO_MANY if too_many else read_message(message)
    key = record.key.decode("utf-8", "replace")[:64] if record.key else None
    return Arrival(receipt, where, TOPIC, key, message, read, trace=trace_of(message, read))


async def _schedules(desks: Desks, connection: Connection, batch: Batch) -> None:
    changed, letters = read_events(batch, {ScheduleChanged.type: ScheduleChanged})
    await follow_schedules(connection, changed)
    await park(connection, desks.keys, batch, letters, wall_clock())


async def _disposals(desks: Desks, connection: Connection, batch: Batch) -> None:
    now, desk = wall_clock(), await desks.current(connection)
    told, letters = read_events(batch, _DISPOSALS)
    executed = [each for each in told if isinstance(each, DisposalExecuted)]
    records = [each for each in executed if each.what == "record"]
    records = await set_aside(connection, desk, records, (now, await policy_day(connection, now, desk.pack.zone)))
    await shred(connection, desk.keys, records, now, dict(by_subject(batch.records)))
    await carry_out(connection, desk, [each for each in executed if each.what == "arrival"], now)
    ended = [each for each in told if isinstance(each, LinkEnded)]
    await unlink(connection, desk.keys, ended, now, dict(by_subject(batch.records)))
    await refused(connection, [each for each in told if isinstance(each, DiscardRefused)], now)
    await park(connection, desk.keys, batch, letters, now)


async def _tasks(desks: Desks, connection: Connection, batch: Batch) -> None:
    changed, letters = read_events(batch, {TaskChanged.type: TaskChanged})
    await follow_tasks(connection, changed)
    await park(connection, desks.keys, batch, letters, wall_clock())


_TOLD = {SCHEDULES: _schedules, DISPOSALS: _disposals, TASKS: _tasks, MANIFESTS: _manifests}
