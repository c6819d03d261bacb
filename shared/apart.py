"""A record at which processes have ended is tried by a process of its own: whether it lives, another can tell.

That process does nothing else, and nothing but what it tries could end it. Were it only counted how often processes end
at a record, a sound one would be parked when they are killed from outside, or by another part of themselves.
"""

import asyncio
import signal
import sys
from collections.abc import Sequence
from typing import Literal, NamedTuple

import msgspec
from aiokafka import ConsumerRecord

from shared.batches import Span
from shared.errors import NotTried
from shared.positions import Place

SUSPECT = "suspect"  # The kind of process, beside `worker` and `api`.
SECONDS_MAX = 60
START_SECONDS_MAX = 60  # More than that, and what hangs is not the record.
BEGUN = b"begun"  # Said as it comes to the record: what ends it before then is not the record.
SETTLED, LOST, NOT_NOW = 0, 3, 75
_FROM_OUTSIDE = (-signal.SIGTERM, -signal.SIGINT, -signal.SIGHUP)

Verdict = Literal["settled", "lost", "ended"]


class Sent(NamedTuple):
    """What the other process is told: one record, and where it leaves its partition."""

    place: Place
    offset: int
    timestamp: int
    timestamp_type: int
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes | None]]
    expects: int
    next: int


def send(span: Span) -> bytes:
    """Write down a span of one record."""
    [record] = span.records
    its = (record.offset, record.timestamp, record.timestamp_type, record.key, record.value, list(record.headers))
    return msgspec.msgpack.encode(Sent(span.place, *its, span.expects, span.next))


def receive(sent: bytes) -> Span:
    """Read what `send` wrote."""
    place, offset, timestamp, kind, key, value, headers, expects, next_ = msgspec.msgpack.decode(sent, type=Sent)
    sizes = (-1 if key is None else len(key), -1 if value is None else len(value))
    of = (place.topic, place.part, offset, timestamp, kind, key, value, None, *sizes)
    return Span(place, [ConsumerRecord(*of, tuple(headers))], expects, next_, alone=True)


def program_of(service: str) -> Sequence[str]:
    """Give the command line of a service's process for one record."""
    return sys.executable, "-m", f"services.{service}.main", SUSPECT


async def try_apart(program: Sequence[str], span: Span) -> Verdict:
    """Have a process of its own settle a span of one record; says what became of it.

    `ended` is said of a record that ended that process too, or had it work for over a minute. Raises `NotTried` when
    nothing can be said of the record.
    """
    pipe = asyncio.subprocess.PIPE
    child = await asyncio.create_subprocess_exec(*program, stdin=pipe, stdout=pipe, start_new_session=True)
    try:
        async with asyncio.timeout(START_SECONDS_MAX + SECONDS_MAX):
            said, _ = await child.communicate(send(span))
    except TimeoutError:
        raise NotTried("hangs") from None
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    if child.returncode in (SETTLED, LOST):
        return "settled" if child.returncode == SETTLED else "lost"
    if BEGUN not in said or child.returncode == NOT_NOW or child.returncode in _FROM_OUTSIDE:
        raise NotTried(f"ended with {child.returncode}")
    return "ended"
