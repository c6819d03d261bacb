"""Events in: each batch is taken in one transaction."""

from functools import partial

from aiokafka import ConsumerRecord

from services.intake.actions.cases import Arrival, Desk, Message
from services.intake.actions.following import follow_schedules, shred
from services.intake.actions.reading import TOPIC, read_message, trace_of
from services.intake.actions.take_in import take_in
from services.intake.domain.reading import Refused
from shared.batches import Batch
from shared.clock import policy_day, wall_clock
from shared.db import Connection
from shared.dead_letters import park
from shared.events import DISPOSALS, INBOUND, SCHEDULES, DisposalExecuted, Place, ScheduleChanged
from shared.ids import receipt_id
from shared.reading import read_events
from shared.worker import Worker

HEADERS_MAX = 64
HEADER_CHARS_MAX = 1024
STRUCTURED = "application/cloudevents+json"
_POISON = Refused("defect", "", "Taking this event in ended the process each time; it is set aside for its makers.")


def attach(worker: Worker, desk: Desk) -> None:
    """Register what intake reads."""
    worker.read({INBOUND: partial(_arrivals, desk)})
    worker.read({SCHEDULES: partial(_schedules, desk), DISPOSALS: partial(_disposals, desk)}, unhurried=True)


async def _arrivals(desk: Desk, connection: Connection, batch: Batch) -> None:
    now = wall_clock()
    arrived = [arrival(record, batch) for record in batch.records]
    await take_in(connection, desk, arrived, now, await policy_day(connection, now, desk.pack.zone))


def arrival(record: ConsumerRecord, batch: Batch) -> Arrival:
    """Read one message; whatever it holds, it is an arrival."""
    headers = {
        str(name).lower(): value.decode("utf-8", "replace")[:HEADER_CHARS_MAX]
        for name, value in list(record.headers or ())[:HEADERS_MAX]
        if value is not None
    }
    place = batch.place_of(record)
    where = Place(place.topic, place.part, record.offset, place.incarnation, place.cluster)
    mode = "structured" if headers.get("content-type", "").startswith(STRUCTURED) else "binary"
    message = Message(mode, headers, record.value)
    read = _POISON if batch.poison else read_message(message)
    key = record.key.decode("utf-8", "replace")[:64] if record.key else None
    receipt, trace = receipt_id(*place, record.offset), trace_of(message, read)
    return Arrival(receipt, where, TOPIC, key, message, read, trace=trace)


async def _schedules(desk: Desk, connection: Connection, batch: Batch) -> None:
    changed, letters = read_events(batch, {ScheduleChanged.type: ScheduleChanged})
    await follow_schedules(connection, changed)
    await park(connection, desk.keys, batch, letters, wall_clock())


async def _disposals(desk: Desk, connection: Connection, batch: Batch) -> None:
    executed, letters = read_events(batch, {DisposalExecuted.type: DisposalExecuted})
    await shred(connection, desk.keys, executed, wall_clock())
    await park(connection, desk.keys, batch, letters, wall_clock())
