"""The process that tries one record and nothing else: what a worker starts for one at which others have ended."""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from shared.apart import BEGUN, LOST, NOT_NOW, SECONDS_MAX, SETTLED, SUSPECT, receive
from shared.away import away
from shared.batches import Batch, Result
from shared.clock import monotonic
from shared.db import Connection, transient
from shared.logs import start_logs
from shared.worker import Worker

log = logging.getLogger(__name__)


def try_suspect(worker: Worker) -> int:
    """Settle the one record that standard input brings; gives the exit status that `try_apart` reads."""
    settings = worker.settings
    start_logs(settings.log_level, worker.service, f"{worker.service}-{SUSPECT}-{settings.slot}")
    sent = sys.stdin.buffer.read()
    signal.alarm(SECONDS_MAX)  # Whoever started us may be gone, and nothing else ends what has no end.
    return asyncio.run(_settle(worker, sent))


async def _settle(worker: Worker, sent: bytes) -> int:
    span = receive(sent)
    handle = worker.handlers[span.place.topic]

    async def saying_so(connection: Connection, batch: Batch) -> None:
        os.write(sys.stdout.fileno(), BEGUN)
        await handle(connection, batch)

    try:
        settled = await worker.settle(Batch(_Once(worker.engine), [span], monotonic()), saying_so)
    except BrokenPipeError:
        return NOT_NOW  # Whoever started us has ended, and tries again.
    except Exception as error:
        if not transient(error):
            raise
        log.warning("A record alone cannot be tried now: %s.", away(error), extra={"cause": type(error).__name__})
        return NOT_NOW
    finally:
        await worker.engine.dispose()
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
