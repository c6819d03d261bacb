"""A record at which processes have ended is tried by a process of its own: whether it lives, another can tell.

That process does nothing else, and nothing but what it tries could end it. Were it only counted how often processes end
at a record, a sound one would be parked when they are killed from outside, or by another part of themselves.
"""

import asyncio
import signal
import sys
from typing import Literal, NamedTuple

import msgspec
from aiokafka import ConsumerRecord

from shared.batches import Span
from shared.positions import Place

SUSPECT = "suspect"  # The kind of process, beside `worker` and `api`.
BEGUN = b"begun"  # Said as it comes to the record: what ends it before then is not the record.
SETTLED, LOST, NOT_NOW = 0, 3, 75
_FROM_OUTSIDE = (-signal.SIGTERM, -signal.SIGINT, -signal.SIGHUP, -signal.SIGALRM)

Verdict = Literal["settled", "lost", "ended"]


class Sent(NamedTuple):
    """What the other process is told: one record, and where it leaves its partition."""

    place: Place
    record: ConsumerRecord[bytes, bytes]
    expects: int
    next: int


async def try_apart(service: str, span: Span) -> Verdict:
    """Have a process of its own settle a span of one record; says what became of it.

    `ended` is said of a record that ended that process too. Raises `ConnectionError` when it could not be tried now.
    """
    program = (sys.executable, "-m", f"services.{service}.main", SUSPECT)
    [record] = span.records
    sent = msgspec.msgpack.encode(Sent(span.place, record, span.expects, span.next))
    pipe = asyncio.subprocess.PIPE
    child = await asyncio.create_subprocess_exec(*program, stdin=pipe, stdout=pipe, start_new_session=True)
    try:
        said, _ = await child.communicate(sent)
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    if child.returncode in (SETTLED, LOST):
        return "settled" if child.returncode == SETTLED else "lost"
    if BEGUN not in said or child.returncode == NOT_NOW or child.returncode in _FROM_OUTSIDE:
        raise ConnectionError(f"A process of the record's own ended with {child.returncode}.")
    return "ended"
