"""Time in: what batches left unsettled is settled each second."""

from services.retention.settler import Settler
from shared.worker import Worker

SETTLE_SECONDS = 1
ROUNDS_MAX = 50  # Then the next tick goes on.


def attach(worker: Worker, settler: Settler) -> None:
    """Register what retention does by the clock."""

    async def settle_left() -> None:
        for _ in range(ROUNDS_MAX):
            if not (await settler.round()).done:
                return
            await settler.pause()

    worker.tick("settle_left", SETTLE_SECONDS, settle_left)
