"""The process that tries one record and nothing else: what a worker starts for one at which others have ended."""

import asyncio
import logging
import os
import resource
import signal
import sys
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import msgspec
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.apart import BEGUN, LOST, NOT_NOW, SETTLED, Sent
from shared.away import away
from shared.batches import Batch, Span
from shared.clock import monotonic
from shared.db import Connection, transient
from shared.worker import Worker

log = logging.getLogger(__name__)

SUSPECT_SECONDS_MAX = 60
PROCESSOR_SECONDS_MAX = 30

Result = TypeVar("Result")


def try_suspect(worker: Worker) -> int:
    """Settle the one record that standard input brings; gives the exit status that `try_apart` reads."""
    sent = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=Sent)
    signal.alarm(SUSPECT_SECONDS_MAX)  # The database's fault, not the record's; and whoever started us may be gone.
    resource.setrlimit(resource.RLIMIT_CPU, (PROCESSOR_SECONDS_MAX, PROCESSOR_SECONDS_MAX))  # The record's own.
    return asyncio.run(_settle(worker, sent))


async def _settle(worker: Worker, sent: Sent) -> int:
    handle = worker.handlers[sent.place.topic]

    async def saying_so(connection: Connection, batch: Batch) -> None:
        os.write(sys.stdout.fileno(), BEGUN)
        await handle(connection, batch)

    span = Span(sent.place, [sent.record], sent.expects, sent.next, alone=True)
    try:
        settled = await worker.settle(Batch(_Once(worker.engine), [span], monotonic()), saying_so)
    except BrokenPipeError:
        return NOT_NOW  # Whoever started us has ended, and tries again.
    except Exception as error:
        if not transient(error):
            raise
        log.warning("A record alone cannot be tried now: %s.", away(error), extra={"cause": type(error).__name__})
        return NOT_NOW
    return SETTLED if settled else LOST


class _Once:
    """Settles once: whoever started this process tries again."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine
        self.left: Callable[[Batch], None] = lambda _: None

    async def again(
        self, work: Callable[[], Awaitable[Result]], until: "asyncio.Future[Any] | None" = None
    ) -> Result | None:
        """Do the work; what it raises is raised."""
        return await work()
