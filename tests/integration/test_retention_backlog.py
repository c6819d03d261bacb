"""After a long sleep, on a real PostgreSQL: the oldest first, at the pack's pace, with what waits published."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import msgspec
import pytest

from services.retention.actions import backlog
from services.retention.storage.backlog import read
from shared.db import transaction
from shared.events import MEASURES, REVIEWS, MeasureTaken, ReviewRequested
from tests.integration.test_retention_lifecycle import told
from tests.make_facts import PACK
from tests.make_lifecycle import REAL, hear, own_engines, take, tick
from tests.make_registered import record_state, suspect, uid

PACED = replace(PACK, limits=replace(PACK.limits, reviews_per_tick_max=2))
TODAY = date(2040, 1, 1)


@pytest.fixture
async def engine(database):
    async with own_engines(database) as (worker, _):
        yield worker


def burglary(n):
    day = f"2022-08-{28 - n:02}"
    told = {"occurred_on": day, "reported_at": f"{day}T10:00:00Z", "created_on": day}
    return record_state(f"r{n}", links=[suspect(f"p{n}")], **told)


async def waiting(engine):
    async with transaction(engine) as connection:
        return await read(connection, TODAY)


async def publish(engine, minutes=0):
    async with transaction(engine) as connection:
        return await backlog.tell(connection, TODAY, REAL + timedelta(minutes=minutes))


async def test_what_fell_due_meanwhile_comes_up_in_order_and_the_rest_is_published(engine):
    await take(engine, *(burglary(n) for n in range(5)))
    await hear(engine)
    left = []
    for n in range(4):
        await tick(engine, TODAY, REAL + timedelta(seconds=n), PACED)
        left.append((await waiting(engine)).records)
    assert left == [3, 1, 0, 0]
    asked = [each.records[0].record_id for each in await told(engine, REVIEWS, ReviewRequested)]
    assert asked == [uid(f"r{n}") for n in (4, 3, 2, 1, 0)]


async def test_the_backlog_is_told_when_it_changes(engine):
    await take(engine, *(burglary(n) for n in range(3)))
    await hear(engine)
    assert await publish(engine) == 2
    assert await publish(engine, 1) == 0
    await tick(engine, TODAY, REAL, PACED)
    assert await publish(engine, 2) == 1
    said = [each for each in await told(engine, MEASURES, MeasureTaken) if each.measure == "due.backlog"]
    assert [(each.value, each.version) for each in said] == [(3.0, 1), (1.0, 2)]
    oldest = date(2028, 8, 27) - timedelta(days=PACK.limits.lead_days)
    assert said[0].since == datetime(oldest.year, oldest.month, oldest.day, tzinfo=UTC)
    assert msgspec.json.encode(said[0])
