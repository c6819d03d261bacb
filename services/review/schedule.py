"""Time in: what is overdue is counted and said, never closed by a timer."""

import logging
from datetime import date

from services.review.storage import measures
from services.review.storage.tasks import overdue
from shared.clock import policy_day, wall_clock
from shared.db import Connection, transaction
from shared.metrics import Reading
from shared.worker import Worker

log = logging.getLogger(__name__)

OVERDUE_SECONDS = 60


def attach(worker: Worker) -> None:
    """Register what review does by the clock."""

    async def day(connection: Connection) -> date:
        return await policy_day(connection, wall_clock(), (await worker.packs.current(connection)).zone)

    async def say_overdue() -> None:
        async with transaction(worker.engine) as connection:
            count = await overdue(connection, await day(connection))
        if count:
            log.warning("Tasks are past their day.", extra={"action": "tasks_overdue", "count": count})

    async def measuring(connection: Connection) -> list[Reading]:
        return await measures.read(connection, await day(connection))

    worker.measure(measuring)
    worker.tick("tasks_overdue", OVERDUE_SECONDS, say_overdue)
