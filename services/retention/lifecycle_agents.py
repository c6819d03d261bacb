"""The lifecycle's events and time: decisions and answers in; what falls due, holds shown, orders carried out."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import partial

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from services.retention.actions import backlog, certificates, decisions, due, execute, holds, unlinks
from services.retention.announcer import Announcer
from services.retention.storage.sweeping import unswept
from shared.batches import Batch, Handler
from shared.clock import monotonic, policy_day, wall_clock
from shared.crash import crash_point
from shared.db import Connection, transaction
from shared.dead_letters import Letter, park
from shared.events import CONFIRMATIONS, DECISIONS, DisposalConfirmed, EpochEnded, Event, ReviewDecided
from shared.metrics import DISPOSALS
from shared.policy import Pack
from shared.reading import read_messages
from shared.worker import Worker

DUE_SECONDS = 5
HOLDS_SECONDS = 2
EXECUTE_SECONDS = 1
FINISH_SECONDS = 60
BACKLOG_SECONDS = 30
SETS_MAX = 20  # Then the next tick goes on.
SET_SECONDS_MAX = 0.25
SET_SIZE_MIN = 25
SWEEPS_MAX = 40

_MODELS: Mapping[str, type[Event]] = {model.type: model for model in (ReviewDecided, DisposalConfirmed, EpochEnded)}


@dataclass(slots=True)
class Lifecycle:
    """What the lifecycle's edges share."""

    worker: Worker
    announcer: Announcer
    holders: Mapping[str, Ed25519PublicKey]
    arrivals_after: int = 0
    set_size: int = execute.EXECUTED_PER_SET_MAX
    sweeping: dict[object, int] = field(default_factory=dict)

    async def policy(self, connection: Connection, now: datetime) -> tuple[Pack, date]:
        """Give the pack and the policy date of this transaction."""
        pack = await self.worker.packs.current(connection)
        return pack, await policy_day(connection, now, pack.zone)

    def wake(self) -> None:
        """Let relay and announcer look at once."""
        self.worker.relay.wake.set()
        self.announcer.wake.set()


def lifecycle_of(worker: Worker, announcer: Announcer) -> Lifecycle:
    """Make what the edges share; the holders' keys are read here, once."""
    return Lifecycle(worker, announcer, certificates.read_holders(worker.settings.keys))


def handlers(life: Lifecycle) -> Mapping[str, Handler]:
    """Give the topics that the lifecycle reads."""
    return {DECISIONS: partial(_take, life), CONFIRMATIONS: partial(_take, life)}


async def _take(life: Lifecycle, connection: Connection, batch: Batch) -> None:
    """Take in decisions or holders' answers, one by one: people make them, so they are few."""
    now = wall_clock()
    events, letters = read_messages(batch, _MODELS)
    policy = await life.policy(connection, now)
    for message, event in events:
        reason = await _take_one(life, connection, event, policy, now)
        if reason:
            letters.append(Letter(message, reason))
    await park(connection, life.worker.keys, batch, letters, now)
    life.wake()


async def _take_one(
    life: Lifecycle, connection: Connection, event: Event, policy: tuple[Pack, date], now: datetime
) -> str | None:
    """Take one event in, or say with which code it is set aside; nothing was written for it then."""
    pack, today = policy
    try:
        if isinstance(event, ReviewDecided):
            await decisions.decide(connection, pack, event, today, now)
        elif isinstance(event, DisposalConfirmed):
            await certificates.confirm(connection, life.worker.keys, life.holders, pack, event, now)
        elif isinstance(event, EpochEnded):
            await certificates.epoch_ended(connection, life.holders, event)
    except certificates.BadSignature:
        return "bad_signature"
    except LookupError:
        return "subject_unknown"
    return None


def attach_ticks(life: Lifecycle) -> None:
    """Register what the lifecycle does by the clock."""
    worker = life.worker
    for state in ("executed", "refused", "disposed"):
        worker.meter.count(DISPOSALS, state, by=0)
    worker.tick("fall_due", DUE_SECONDS, partial(fall_due, life))
    worker.tick("show_holds", HOLDS_SECONDS, partial(show_holds, life))
    worker.tick("execute", EXECUTE_SECONDS, partial(carry_out, life))
    worker.tick("finish", FINISH_SECONDS, partial(finish, life))
    worker.tick("tell_backlog", BACKLOG_SECONDS, partial(tell_backlog, life))


async def fall_due(life: Lifecycle) -> None:
    """Bring up what falls due, in one transaction."""
    now = wall_clock()
    async with transaction(life.worker.engine) as connection:
        await due.tick(connection, *await life.policy(connection, now), now)
    life.wake()


async def show_holds(life: Lifecycle) -> None:
    """Show holds that came or went, each step in its own transaction, then the next later arrivals."""
    for _ in range(SWEEPS_MAX):
        async with transaction(life.worker.engine) as connection:
            waiting = await unswept(connection)
            if not waiting:
                break
            hold = waiting[0]
            key = (hold.hold_id, hold.released)
            swept = await holds.sweep_hold(connection, hold, life.sweeping.get(key, 0), wall_clock())
        if swept.after is None:
            life.sweeping.pop(key, None)
        else:
            life.sweeping[key] = swept.after
    async with transaction(life.worker.engine) as connection:
        life.arrivals_after = await holds.sweep_arrivals(connection, life.arrivals_after, wall_clock())
    life.wake()


async def carry_out(life: Lifecycle) -> None:
    """Carry out cooled orders, set by set; the gate is the first statement of each transaction.

    A set's length is how long a hold waits, so sets shrink while they take too long.
    """
    for _ in range(SETS_MAX):
        now, began, size = wall_clock(), monotonic(), life.set_size
        async with transaction(life.worker.engine) as connection:
            pack, today = await life.policy(connection, now)
        async with transaction(life.worker.engine) as connection:
            done = await execute.execute(connection, pack, today, now, size)
            crash_point("before_execute_commit")
        for refusal in done.outcomes.values():
            life.worker.meter.count(DISPOSALS, "refused" if refusal else "executed")
        slow = monotonic() - began > SET_SECONDS_MAX
        life.set_size = max(size // 2, SET_SIZE_MIN) if slow else min(size * 2, execute.EXECUTED_PER_SET_MAX)
        if len(done.outcomes) < size:
            break
    async with transaction(life.worker.engine) as connection:
        pack, today = await life.policy(connection, wall_clock())
    async with transaction(life.worker.engine) as connection:
        await unlinks.carry_out(connection, pack, today, wall_clock())
    life.wake()


async def finish(life: Lifecycle) -> None:
    """Close what every holder has answered and nothing can bring back."""
    async with transaction(life.worker.engine) as connection:
        closed = await due.finish(connection, wall_clock())
    life.worker.meter.count(DISPOSALS, "disposed", by=closed)


async def tell_backlog(life: Lifecycle) -> None:
    """Publish what has fallen due and waits for its turn."""
    now = wall_clock()
    async with transaction(life.worker.engine) as connection:
        _, today = await life.policy(connection, now)
        await backlog.tell(connection, today, now)
    life.wake()
