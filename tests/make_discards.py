"""Intake and retention on one database of a test's own, with the topics between them carried by hand."""

import secrets
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from services.intake import agents as of_intake
from services.intake.actions import discarding
from services.intake.actions.discarding import Proposal
from services.intake.storage import workplace
from services.retention import agents as of_retention
from services.retention.actions import certificates
from shared.batches import Batch, Span
from shared.calendar_rules import civil_day
from shared.clock import wall_clock
from shared.db import connect, driver, transaction
from shared.events import CONFIRMATIONS, DISPOSALS, REGISTERED, DisposalConfirmed
from shared.ids import event_uid
from shared.in_force import Packs
from shared.positions import Place
from tests import stack
from tests.make_arrivals import DESK, DESKS, KEYS, PACK, Topic, captured, take
from tests.make_lifecycle import carry_out, hear, select
from tools.stack.settings import role_url

NOW = wall_clock()
TODAY = civil_day(NOW, PACK.zone)  # Orders are opened on the policy day, by the real clock.
WHY = Proposal("test_data", "case 7")
HOLDERS = {"intake": KEYS.ledger.public_key()}


class Killed(Exception):
    """The process ended before its transaction did."""


async def read_on(engine: Any, topic: str, read: dict[str, int]) -> list[Any]:
    """Give what is on a topic since it was last read, as a broker's records; `read` says up to where, by topic."""
    rows = await select(
        engine,
        "SELECT log_id, key, type, payload FROM log WHERE topic = $1 AND log_id > $2 ORDER BY log_id",
        *(topic, read.get(topic, 0)),
    )
    read[topic] = max((row["log_id"] for row in rows), default=read.get(topic, 0))
    return [
        SimpleNamespace(
            partition=0,
            offset=row["log_id"],
            key=row["key"].encode(),
            value=row["payload"],
            headers=[("ce_type", row["type"].encode())],
        )
        for row in rows
    ]


class Pair(NamedTuple):
    """The engines of both services, each worker's and each API's."""

    intake: AsyncEngine
    intake_api: AsyncEngine
    retention: AsyncEngine
    retention_api: AsyncEngine
    read: dict[str, int]
    verify_url: str

    async def carry(self, source: str, topic: str) -> list[Any]:
        """Give what a service put on a topic since the last time, as a broker's records."""
        return await read_on(self.intake if source == "intake" else self.retention, topic, self.read)

    async def to_retention(self, times: int = 1) -> None:
        """Carry what intake registered, as often as a broker may deliver it."""
        records = await self.carry("intake", REGISTERED)

        async def take_in(connection) -> None:
            await of_retention.registered(of_retention.Desk(KEYS, Packs(PACK)), connection, batch(REGISTERED, records))

        await self._deliver(self.retention, take_in, times if records else 0)

    async def to_intake(self, times: int = 1) -> None:
        """Carry what retention disposed of, or refused to."""
        records = await self.carry("retention", DISPOSALS)

        async def take_in(connection) -> None:
            await of_intake._disposals(DESKS, connection, batch(DISPOSALS, records))

        await self._deliver(self.intake, take_in, times if records else 0)

    async def _deliver(self, engine, take_in, times: int) -> None:
        """Settle a batch as often as it comes; of a process killed before its commit nothing stays."""
        if times > 1:
            with pytest.raises(Killed):
                await _killed(engine, take_in)
        for _ in range(times):
            async with transaction(engine) as connection:
                await take_in(connection)

    async def confirm(self, times: int = 1) -> list[DisposalConfirmed]:
        """Carry intake's answers."""
        answers = [
            msgspec.json.decode(each.value, type=DisposalConfirmed)
            for each in await self.carry("intake", CONFIRMATIONS)
        ]

        async def take_in(connection) -> None:
            for answer in answers:
                await certificates.confirm(connection, KEYS, HOLDERS, PACK, answer, NOW)

        await self._deliver(self.retention, take_in, times)
        return answers

    async def end_holds(self) -> None:
        """Release every hold at once."""
        async with transaction(self.retention_api) as connection:
            await (await driver(connection)).execute("UPDATE hold SET state = 'released', released_at = $1", NOW)

    async def quarantined(self, record="r1", sequence=1, **changes) -> UUID:
        """Quarantine a state whose date is partial; gives its receipt."""
        sent = captured(record, sequence, **({"occurred_on": "2022"} | changes))
        async with transaction(self.intake) as connection:
            [receipt] = await take(connection, Topic(secrets.randbelow(2**30)).of(sent))
        assert receipt.outcome == "quarantined"
        return receipt.receipt_id

    async def item(self, receipt: UUID) -> dict[str, Any]:
        async with transaction(self.intake) as connection:
            return dict(await workplace.item(connection, receipt))

    async def propose(self, receipt: UUID, by="D-DS1", desk=DESK) -> None:
        version = (await self.item(receipt))["version"]
        async with transaction(self.intake_api) as connection:
            await discarding.propose(connection, desk, (receipt, version), WHY, by, NOW)

    async def approve(self, receipt: UUID, by="D-RM1") -> UUID:
        version = (await self.item(receipt))["version"]
        async with transaction(self.intake_api) as connection:
            return await discarding.approve(connection, DESK, (receipt, version), by, NOW)

    async def order(self, receipt: UUID) -> UUID:
        """Have a discard ordered: proposed, approved, and carried to retention."""
        await self.propose(receipt)
        disposal = await self.approve(receipt)
        await self.to_retention()
        return disposal

    async def execute(self, **more) -> dict[UUID, str | None]:
        """Carry out what has cooled off; gives why each was refused, or None: it went."""
        await hear(self.retention, NOW)
        done = await carry_out(self.retention, TODAY, NOW, PACK, **more)
        assert done.blocked is None
        return {order: refusal.why if refusal else None for order, refusal in done.outcomes.items()}

    async def parked(self) -> set[tuple[UUID, UUID]]:
        """Give the (event, subject) pairs that keep subjects from disposal."""
        rows = await select(self.retention, "SELECT event_uid, subject FROM parked WHERE resolved_at IS NULL")
        return {tuple(row) for row in rows}


async def _killed(engine: AsyncEngine, take_in: Any) -> None:
    async with transaction(engine) as connection:
        await take_in(connection)
        raise Killed


def batch(topic: str, records: list[Any]) -> Batch:
    """Give records as one batch."""
    span = Span(Place("cluster", topic, "first", 0), records, 0, len(records))
    return Batch(None, [span], 0.0)


@asynccontextmanager
async def own_pair(database):
    """Give both services on a database of this test's own: transactions really commit."""
    admin, paths = database
    name = f"discards_{secrets.token_hex(6)}"
    stack.clone(admin, name)
    server = f"{admin.rpartition('/')[0]}/{name}"
    engines = [
        connect(role_url(server, f"tenure_{service}_{kind}", paths), name="tests")
        for service in ("intake", "retention")
        for kind in ("worker", "api")
    ]
    try:
        yield Pair(*engines, {}, role_url(server, "tenure_verify", paths, "postgresql"))
    finally:
        for engine in engines:
            await engine.dispose()


def uid_of(record="r1", sequence=1):
    return event_uid("urn:demo:crime", f"{record}/{sequence}")
