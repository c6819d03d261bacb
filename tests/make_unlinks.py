"""A shared record whose one person goes, with intake, retention and review on one database of a test's own."""

import secrets
from contextlib import asynccontextmanager
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncEngine

from services.retention.actions import certificates, unlinks
from services.review import agents as of_review
from shared.db import connect, transaction
from shared.events import CONFIRMATIONS, DISPOSALS, REGISTERED, REVIEWS, DisposalConfirmed, ReviewRequested
from tests.integration.test_retention_lifecycle import ENDS, LOOKED_AT, decide, decided, told
from tests.make_arrivals import KEYS, PACK, Topic, captured, contact, ref, take
from tests.make_discards import HOLDERS, NOW, Pair, batch, own_pair, read_on
from tests.make_lifecycle import REAL, carry_out, hear, select, settle_all, tick
from tools.stack.settings import role_url

SHARED, OWN = "r1", "own"
OF_REVIEW = {"review": KEYS.ledger.public_key()}


def suspect(person: str) -> dict[str, str]:
    return {"nominal_source": "crime", "nominal_id": person, "role": "suspect"}


def burglary(record: str, sequence: int = 1, **changes: Any) -> dict[str, Any]:
    """A state of the crime whose dates `ENDS` and `LOOKED_AT` are."""
    days = {"reported_at": "2022-08-01T22:10:00+01:00", "created_on": "2022-08-02"}
    return captured(record, sequence, **days, **changes)


class Trio(NamedTuple):
    """The pair of intake and retention, and review beside them."""

    pair: Pair
    review: AsyncEngine
    review_api: AsyncEngine
    read: dict[str, int]

    async def send(self, *sent: Any) -> None:
        """Have intake take in events, and the others what it registers."""
        async with transaction(self.pair.intake) as connection:
            receipts = await take(connection, *Topic(secrets.randbelow(2**30)).batch(*sent))
        assert {each.outcome for each in receipts} <= {"accepted", "superseded"}
        await self.pair.to_retention()
        await settle_all(self.pair.retention, pack=PACK)
        await self.to_review(REGISTERED)

    async def to_review(self, topic: str, times: int = 1) -> None:
        """Carry to review what it has not read of a topic, as often as a broker may deliver it."""
        engine = self.pair.intake if topic == REGISTERED else self.pair.retention
        records = await read_on(engine, topic, self.read)
        reads = {REGISTERED: of_review.registered, DISPOSALS: of_review.disposals}[topic]
        for _ in range(times):
            async with transaction(self.review) as connection:
                await reads(KEYS, connection, batch(topic, records))

    async def confirm(self, times: int = 1) -> list[DisposalConfirmed]:
        """Carry review's answers to retention."""
        rows = await select(self.review, "SELECT payload FROM log WHERE topic = $1 ORDER BY log_id", CONFIRMATIONS)
        answers = [msgspec.json.decode(row[0], type=DisposalConfirmed) for row in rows]
        for answer in answers * times:
            async with transaction(self.pair.retention) as connection:
                await certificates.confirm(connection, KEYS, HOLDERS | OF_REVIEW, PACK, answer, NOW)
        return answers

    async def ordered(self, sequence: int = 1) -> None:
        """Two suspects of one burglary, the second in sight again since; the first's disposal is decided."""
        await self.send(
            burglary(SHARED, sequence, links=[suspect("p1"), suspect("p2")]),
            burglary(OWN, links=[suspect("p1")]),
            contact(person="p2", on="2026-01-01"),
        )
        await hear(self.pair.retention)
        await tick(self.pair.retention, LOOKED_AT)
        review = next(
            each for each in await told(self.pair.retention, REVIEWS, ReviewRequested) if each.subject == ref("p1")
        )
        await decide(self.pair.retention, decided(review))

    async def carry_out(self, today: date = ENDS) -> dict[UUID, str | None]:
        """Carry out what has cooled off: disposals first, then whom they leave to be unlinked."""
        await hear(self.pair.retention)
        await carry_out(self.pair.retention, today)
        await settle_all(self.pair.retention, pack=PACK)
        async with transaction(self.pair.retention) as connection:
            done = await unlinks.carry_out(connection, PACK, today, REAL)
        await settle_all(self.pair.retention, pack=PACK)
        return done

    async def unlinked(self, times: int = 1, sequence: int = 1) -> UUID:
        """Have the first gone from the shared record, and every holder know it; gives the order."""
        await self.ordered(sequence)
        return await self.carried_out(times)

    async def carried_out(self, times: int = 1) -> UUID:
        """Carry the order out, and every answer to it back; gives the order."""
        [(order, why)] = (await self.carry_out()).items()
        assert why is None
        await self.pair.to_intake(times)
        await self.pair.confirm(times)
        await self.to_review(DISPOSALS, times)
        await self.confirm(times)
        return order


@asynccontextmanager
async def own_trio(database):
    """Give the three services on a database of this test's own."""
    admin, paths = database
    async with own_pair(database) as pair:
        server = f"{admin.rpartition('/')[0]}/{pair.intake.url.database}"
        engines = [
            connect(role_url(server, f"tenure_review_{kind}", paths), name="tests") for kind in ("worker", "api")
        ]
        try:
            yield Trio(pair, *engines, {})
        finally:
            for engine in engines:
                await engine.dispose()
