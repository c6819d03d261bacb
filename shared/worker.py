"""A worker process: batches in, ticks, relay, sealer, watchdog and health; it crashes rather than limps."""

import asyncio
import gc
import logging
import sys
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any

import faust
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from fastapi import FastAPI, Response
from faust.contrib.asgi import serve_asgi
from mode import Service
from mode.supervisors import CrashingSupervisor
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.away import away
from shared.batches import App, Batch, Handler
from shared.clock import wall_clock
from shared.consumer import FETCH_WAIT_MS, UNHURRIED_WAIT_MS, Where
from shared.db import BY_KEY, Connection, connect, transaction, transient
from shared.kafka import BatchSource
from shared.keys import Keys, read_keys
from shared.ledger import seal
from shared.logs import start_logs
from shared.relay import Relay, Route
from shared.settings import Settings

log = logging.getLogger(__name__)

CONCURRENCY = 4  # Of one topic two at a time: one waits for the database while the other decodes.
CLOCK_SKEW_MAX = timedelta(minutes=5)
SEAL_SECONDS = 1
COLLECT = (500_000, 20, 50)  # A batch makes tens of thousands of values that end with it.
LOG_DAYS_KEPT = 35
SWITCH_SECONDS = 0.0005  # The loop waits so long for a relay's thread that is busy; Python's own 5 ms add up.

Job = Callable[[], Awaitable[None]]


class _Process(faust.Worker):  # type: ignore[misc]
    """Faust's worker with our own logs."""

    def on_setup_root_logger(self, logger: logging.Logger, level: int) -> None:
        """Leave the root logger as `start_logs` made it."""


class ClockSkewed(Exception):
    """This process's clock and the database's differ too far to act on either."""


class Ticker(Service):  # type: ignore[misc]
    """Runs jobs at their intervals, in UTC, never twice at once; a job that breaks ends the process."""

    def __init__(self, app: faust.App) -> None:
        super().__init__(beacon=app.beacon)
        self.scheduler = AsyncIOScheduler(timezone="UTC")

    def add(self, name: str, seconds: float, job: Job) -> None:
        """Run `job` every so many seconds, from the start on."""
        every: dict[str, Any] = {"seconds": seconds, "id": name, "coalesce": True, "max_instances": 1}
        self.scheduler.add_job(self._guarded, "interval", args=[name, job], next_run_time=wall_clock(), **every)

    async def _guarded(self, name: str, job: Job) -> None:
        try:
            await job()
        except Exception as error:
            if transient(error):
                said = {"action": "tick_retry", "cause": type(error).__name__}
                log.warning("%s waits for its next turn: %s.", name, away(error), extra=said)
            else:
                await self.crash(error)

    async def on_start(self) -> None:
        """Begin ticking."""
        self.scheduler.start()

    async def on_stop(self) -> None:
        """Stop ticking; what runs is left to its transaction."""
        self.scheduler.shutdown(wait=False)


class RelayKeeper(Service):  # type: ignore[misc]
    """Keeps the relay's thread, and ends the process when it failed."""

    def __init__(self, app: faust.App, relay: Relay) -> None:
        super().__init__(beacon=app.beacon)
        self.relay = relay

    async def on_start(self) -> None:
        """Start the thread."""
        self.relay.start()

    @Service.task  # type: ignore[untyped-decorator]
    async def _look(self) -> None:
        while not self.should_stop:
            await self.sleep(0.5)
            if self.relay.failure:
                raise self.relay.failure
            if not self.relay.is_alive() and not self.should_stop:
                raise RuntimeError("The relay's thread has ended.")

    async def on_stop(self) -> None:
        """Let the transaction in hand end."""
        await asyncio.get_running_loop().run_in_executor(None, self.relay.stop)


class Worker:
    """What a service's `main` wires together: `read`, `tick`, `run`."""

    def __init__(self, settings: Settings, service: str) -> None:
        start_logs(settings.log_level, service=service, process=f"{service}-worker-{settings.slot}")
        self.settings, self.service = settings, service
        self.keys: Keys = read_keys(settings.keys, service)
        url = settings.database_url(service)
        name = f"{service}-worker-{settings.slot}"
        self.engine: AsyncEngine = connect(url, name=name, pool_size=settings.pool_size, **BY_KEY)
        self.app = App(
            f"tenure-{service}",
            broker=f"kafka://{settings.kafka}",
            topic_allow_declare=False,
            topic_disable_leader=True,
            store="memory://",
        )
        self.ticker = Ticker(self.app)
        self.app.service(self.ticker)
        plain = url.replace("postgresql+asyncpg://", "postgresql://")
        self.relay = Relay(Route(service, plain, settings.kafka))
        self.app.service(RelayKeeper(self.app, self.relay))
        self.sources: list[BatchSource] = []
        self.tells: dict[str, Any] = {}  # What else `/readyz` says: whatever a service's own ticks last found.
        self._own_ticks()

    def _own_ticks(self) -> None:
        async def sealing() -> None:
            async with transaction(self.engine) as connection:
                await seal(connection, self.service, self.keys.ledger, wall_clock())
            self.relay.wake.set()

        async def turning() -> None:
            async with transaction(self.engine) as connection:
                await connection.execute(text("SELECT turn_log_days(:days)"), {"days": LOG_DAYS_KEPT})

        async def comparing_clocks() -> None:
            async with transaction(self.engine) as connection:
                await refuse_skew(connection)

        self.tick("seal", SEAL_SECONDS, sealing)
        self.tick("turn_log_days", 3600, turning)
        self.tick("compare_clocks", 30, comparing_clocks)

    def tick(self, name: str, seconds: float, job: Job) -> None:
        """Run `job` at an interval."""
        self.ticker.add(name, seconds, job)

    def read(
        self,
        handlers: Mapping[str, Handler],
        *,
        after: Callable[[Batch], Awaitable[None]] | None = None,
        unhurried: bool = False,
    ) -> None:
        """Settle each topic's batches with its handler; `after` runs once a batch has committed.

        Of `unhurried` topics what comes in a quarter of a second is settled together. They have a consumer of their
        own: one fetches nothing more while anything that it has fetched waits, of whichever topic.
        """
        channel = self.app.channel(maxsize=64)
        group, wait_ms = f"tenure-{self.service}", FETCH_WAIT_MS
        if unhurried:
            group, wait_ms = f"{group}-unhurried", UNHURRIED_WAIT_MS
        where = Where(self.settings.kafka, group, self.settings.slot, tuple(sorted(handlers)), wait_ms)
        source = BatchSource(self.app, channel, where, self.engine)
        self.sources.append(source)
        self.app.service(source)

        @self.app.agent(channel, name=group, concurrency=CONCURRENCY, supervisor_strategy=CrashingSupervisor)  # type: ignore[untyped-decorator]
        async def settling(stream: Any) -> None:
            async for batch in stream:
                if await batch.settle(handlers[batch.topic]):
                    self.relay.wake.set()
                    if after:
                        await after(batch)

    def run(self) -> None:
        """Serve until stopped; exits non-zero when anything broke."""
        sys.setswitchinterval(SWITCH_SECONDS)
        gc.freeze()  # What is loaded by now stays: the collector need not go through it for every batch again.
        gc.set_threshold(*COLLECT)
        health = health_app(self)
        serve_asgi(self.app, health, host=self.settings.host, port=self.settings.health_port)
        worker = _Process(self.app, loglevel="ERROR", override_logging=False, redirect_stdouts=False, quiet=True)
        worker.execute_from_commandline()


async def refuse_skew(connection: Connection) -> None:
    """Raise `ClockSkewed` when this process's clock is over 5 minutes away from the database's."""
    theirs = (await connection.execute(text("SELECT clock_timestamp()"))).scalar_one()
    apart = abs(wall_clock() - theirs)
    if apart > CLOCK_SKEW_MAX:
        raise ClockSkewed(f"This process's clock is {apart} from the database's; set it right, then start again.")


def health_app(worker: Worker) -> FastAPI:
    """Give the worker's health: alive while its loop turns, ready while it reads, publishes and has its database."""
    health = FastAPI(title=f"{worker.service} worker", openapi_url=None)

    @health.get("/livez")
    async def livez() -> dict[str, str]:
        return {"status": "alive"}

    @health.get("/readyz")
    async def readyz(answer: Response) -> dict[str, Any]:
        checks: dict[str, Any] = {
            "kafka": all(source.ready for source in worker.sources),
            "relay": worker.relay.is_alive() and bool(worker.relay.partitions),
            "database": await _reachable(worker.engine),
        }
        ready = all(checks.values())
        lanes = sorted(worker.relay.producers)
        answer.status_code = 200 if ready else 503
        status = "ready" if ready else "waiting"
        waits_for = _waits_for(worker, checks)
        return {"status": status, "checks": checks, "waits_for": waits_for, "lanes": lanes, **worker.tells}

    return health


def _waits_for(worker: Worker, checks: Mapping[str, bool]) -> list[str]:
    """Say in sentences what is away; nothing while all is there."""
    waits_for = [source.waits_for for source in worker.sources if not source.ready]
    if not checks["database"]:
        waits_for.append("The database does not answer; work goes on when it does.")
    if not checks["relay"] and not waits_for:
        waits_for.append("The relay has not opened its session yet; what changed is published when it has.")
    return waits_for


async def _reachable(engine: AsyncEngine) -> bool:
    try:
        async with asyncio.timeout(2), engine.connect() as connection:
            await connection.execute(text("SELECT 1"))
    except Exception as error:
        if not transient(error):
            raise
        return False
    return True
