"""A worker process: batches in, ticks, relay, sealer, watchdog and health; it crashes rather than limps."""

import asyncio
import logging
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import faust
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from faust.contrib.asgi import serve_asgi
from mode import Service
from mode.supervisors import CrashingSupervisor
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from shared import tracing
from shared.away import away
from shared.batches import App, Batch, Handler
from shared.clock import wall_clock
from shared.collector import BATCHES, collect_seldom
from shared.consumer import FETCH_WAIT_MS, UNHURRIED_WAIT_MS, Where
from shared.db import BY_KEY, Connection, connect, transaction, transient
from shared.epoch_turn import TURN_SECONDS, EpochTurn
from shared.events import RECEIPTS as RECEIPTS_TOPIC
from shared.health import health_app, until_migrated
from shared.in_force import Packs
from shared.kafka import BatchSource
from shared.keys import Keys, keys_of
from shared.ledger import LEAVES_MAX, seal
from shared.logs import start_logs
from shared.measuring import Lags, ends_of, hurry, positions_of, queues
from shared.metrics import (
    PUBLISHED,
    RECEIPTS,
    RELAY_DELAY,
    SEALER_DELAY,
    SETTLED_BATCHES,
    SETTLED_MESSAGES,
    TICKED,
    Meter,
    Reading,
)
from shared.policy import read_pack
from shared.relay import Relay, Route, Row
from shared.settings import Settings
from shared.topics import TOPICS
from shared.yielding import Yielding

log = logging.getLogger(__name__)

CONCURRENCY = 4  # Of one topic three at a time: two wait for the database while the third is decoded.
CLOCK_SKEW_MAX = timedelta(minutes=5)
SEAL_SECONDS = 1
DESTINATION, COUNT = "messaging.destination.name", "messaging.batch.message_count"  # OpenTelemetry's words.
MEASURE_SECONDS = 5  # What stays small;
MEASURE_OWN_SECONDS = 15  # and what a service counts up to its bound.
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

    def __init__(self, app: faust.App, meter: Meter, spans: tracing.Spans) -> None:
        super().__init__(beacon=app.beacon)
        self.meter, self.spans = meter, spans
        self.scheduler = AsyncIOScheduler(timezone="UTC")

    def add(self, name: str, seconds: float, job: Job) -> None:
        """Run `job` every so many seconds, from the start on."""
        every: dict[str, Any] = {"seconds": seconds, "id": name, "coalesce": True, "max_instances": 1}
        self.scheduler.add_job(self._guarded, "interval", args=[name, job], next_run_time=wall_clock(), **every)

    async def _guarded(self, name: str, job: Job) -> None:
        try:
            with self.spans.over(name, tracing.Carried()):
                await job()
            self.meter.set(TICKED, wall_clock().timestamp(), name)
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
        self.keys: Keys = keys_of(settings, service)
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
        self.meter = Meter(service, f"{service}-worker")
        self.lags = Lags(self.meter)
        self.spans = tracing.spans_of(service, name)
        self.ticker = Ticker(self.app, self.meter, self.spans)
        self.app.service(self.ticker)
        plain = url.replace("postgresql+asyncpg://", "postgresql://")
        self.relay = Relay(Route(service, plain, settings.brokers))
        self.relay.told = self._published
        self.app.service(RelayKeeper(self.app, self.relay))
        self.sources: list[BatchSource] = []
        self.handlers: dict[str, Handler] = {}
        self.tells: dict[str, Any] = {}  # What else `/readyz` says: whatever a service's own ticks last found.
        self.packs = Packs(read_pack(settings.policy.read_bytes(), settings.policy.name), self.tells)
        for topic in TOPICS:  # Series that nothing has counted yet are there all the same.
            if service in topic.written_by:
                self.meter.count(PUBLISHED, topic.name, by=0)
        self._own_ticks()

    def _own_ticks(self) -> None:
        async def sealing() -> None:
            sealed = LEAVES_MAX
            while sealed >= LEAVES_MAX:
                async with transaction(self.engine) as connection:
                    sealed = await seal(connection, self.service, self.keys.ledger, wall_clock(), self._sealed)
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
        self.tick("epochs", TURN_SECONDS, EpochTurn(self.engine, self.service, self.keys).turn)
        self.tick("measure", MEASURE_SECONDS, self._measure)

    async def _measure(self) -> None:
        ends = await ends_of(self.sources)  # Before the positions, and outside a transaction: the broker may be slow.
        async with transaction(self.engine) as connection:
            await hurry(connection)
            self.meter.take(await queues(connection, wall_clock(), self._topics()))
            positions = await positions_of(connection, self.sources)
        self.lags.look(ends, positions, wall_clock().timestamp())

    def measure(self, read: Callable[[Connection], Awaitable[Iterable[Reading]]]) -> None:
        """Export what `read` gives, every few seconds; it must be cheap however much the service holds."""

        async def measuring() -> None:
            async with transaction(self.engine) as connection:
                await hurry(connection)
                self.meter.take(await read(connection))

        self.tick("measure_own", MEASURE_OWN_SECONDS, measuring)

    def _topics(self) -> list[str]:
        return [topic for source in self.sources for topic in source.where.topics]

    def _published(self, rows: Sequence[Row]) -> None:
        """Hear from the relay's thread what it has published, the oldest first."""
        self.meter.observe(RELAY_DELAY, max((wall_clock() - rows[0].at).total_seconds(), 0))
        for topic, n in Counter(row.topic for row in rows).items():
            self.meter.count(PUBLISHED, topic, by=n)
            if topic == RECEIPTS_TOPIC:
                self.meter.count(RECEIPTS, by=n)

    def _sealed(self, oldest: datetime) -> None:
        self.meter.observe(SEALER_DELAY, max((wall_clock() - oldest).total_seconds(), 0))

    def tick(self, name: str, seconds: float, job: Job) -> None:
        """Run `job` at an interval."""
        self.ticker.add(name, seconds, job)

    def read(
        self,
        handlers: Mapping[str, Handler],
        *,
        after: Callable[[Batch], Awaitable[None]] | None = None,
        unhurried: bool = False,
        yielding: Yielding | None = None,
        behind: Callable[[], bool] = lambda: False,
    ) -> None:
        """Settle each topic's batches with its handler; `after` runs once a batch has committed.

        Of `unhurried` topics what comes in a quarter of a second is settled together, and of those that are `yielding`
        to others. Both have a consumer of their own: one fetches nothing more while anything that it has fetched
        waits, of whichever topic. While it is `behind` with what follows from batches, Kafka hears of no progress.
        """
        channel = self.app.channel(maxsize=64)
        suffix = "-yielding" if yielding else "-unhurried" if unhurried else ""
        wait_ms = UNHURRIED_WAIT_MS if suffix else FETCH_WAIT_MS
        of = (self.settings.brokers, self.service, self.settings.slot, tuple(sorted(handlers)))
        where = Where(*of, suffix, wait_ms, yielding)
        source = BatchSource(self.app, channel, where, self.engine, behind)
        self.sources.append(source)
        self.handlers.update(handlers)
        self.app.service(source)
        for topic in handlers:
            self.meter.count(SETTLED_BATCHES, topic, by=0)
            self.meter.count(SETTLED_MESSAGES, topic, by=0)

        @self.app.agent(channel, name=where.group, concurrency=CONCURRENCY, supervisor_strategy=CrashingSupervisor)  # type: ignore[untyped-decorator]
        async def settling(stream: Any) -> None:
            async for batch in stream:
                if await self.settle(batch, handlers[batch.topic]) and after:
                    await after(batch)

    async def settle(self, batch: Batch, handle: Handler) -> bool:
        """Settle a batch, traced and counted; False when it is not ours any more."""
        self.lags.begin(batch)
        records, topic = batch.records, batch.topic
        came, first = tracing.carried(records), batch.spans[0]
        new = f"{topic}\n{first.place.incarnation}\n{first.place.part}\n{first.expects}"
        words: dict[str, str | int] = {DESTINATION: topic, COUNT: len(records)}
        with self.spans.over(f"settle {topic}", came, new, **words):
            if not await batch.settle(handle):
                return False
            if seen := [each.trace_id for each in came.sampled]:  # Else no line: a batch is nothing to tell of.
                said = {"action": "settled", "topic": topic, "traces": seen}
                log.info("Settled %s messages of %s.", len(records), topic, extra=said)
        self.relay.wake.set()
        self.meter.count(SETTLED_BATCHES, topic)
        self.meter.count(SETTLED_MESSAGES, topic, by=len(records))
        return True

    def run(self) -> None:
        """Serve until stopped; exits non-zero when anything broke."""
        sys.setswitchinterval(SWITCH_SECONDS)
        collect_seldom(BATCHES)
        health = health_app(self)
        first = asyncio.new_event_loop()  # Faust's own begins when there are tables to work with.
        first.run_until_complete(until_migrated(self, self.settings.host, self.settings.health_port))
        first.close()
        serve_asgi(self.app, health, host=self.settings.host, port=self.settings.health_port)
        worker = _Process(self.app, loglevel="ERROR", override_logging=False, redirect_stdouts=False, quiet=True)
        worker.execute_from_commandline()


async def refuse_skew(connection: Connection) -> None:
    """Raise `ClockSkewed` when this process's clock is over 5 minutes away from the database's."""
    theirs = (await connection.execute(text("SELECT clock_timestamp()"))).scalar_one()
    apart = abs(wall_clock() - theirs)
    if apart > CLOCK_SKEW_MAX:
        raise ClockSkewed(f"This process's clock is {apart} from the database's; set it right, then start again.")
