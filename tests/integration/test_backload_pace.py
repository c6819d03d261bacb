"""A back-load's pace and its switch, on the real tables."""

from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from types import SimpleNamespace
from uuid import uuid4

import pytest
from confluent_kafka import KafkaError, KafkaException
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.intake.actions.backload import turn
from services.intake.domain.pacing import ALONE_UNDATED_MAX, NOTHING, Limits, beside
from services.intake.schedule import Pacer
from services.intake.storage import backload, news
from shared.clock import wall_clock
from shared.db import connect, driver
from shared.events import BACKLOAD, INBOUND, RECEIPTS
from shared.log import Entry, put
from shared.metrics import Meter
from shared.yielding import Yielding

LIMITS = Limits(rows_max=500, ms_max=250, share_percent=25)


@pytest.fixture
async def connection(worker_url) -> AsyncIterator[AsyncConnection]:
    """Give a transaction as intake's API, which alone may turn the switch, rolled back at the end."""
    engine = connect(worker_url("intake", "api"), name="tests", pool_size=2)
    async with engine.connect() as connection:
        await connection.execute(text("BEGIN"))
        yield connection
        await connection.execute(text("ROLLBACK"))
    await engine.dispose()


def pacing(undated: Callable[[], int | None] = lambda: 0) -> tuple[Pacer, Yielding, SimpleNamespace]:
    yielding = Yielding(NOTHING, beside(LIMITS))
    worker = SimpleNamespace(tells={}, meter=Meter("intake", "intake-worker"))
    return Pacer(worker, yielding, LIMITS, undated), yielding, worker


def look(pacer: Pacer, live: int, read: int, unread: int = 7) -> None:
    """See so many events on the live topic and so many of them read, and so much of a back-load unread."""
    ends = {(INBOUND, 0): live, (BACKLOAD, 0): 10}
    pacer.look(wall_clock().timestamp(), ends, {(INBOUND, 0): read, (BACKLOAD, 0): 10 - unread})


async def test_the_pace_follows_the_switch_the_live_events_and_the_queue(connection):
    pacer, yielding, worker = pacing()

    async def state() -> str:
        await pacer.pace(connection, await news.oldest_queued(connection))
        assert worker.tells["backload"] == {"state": yielding.pace.state, "unread": 7, "undated": 0}
        return yielding.pace.state

    look(pacer, 5, 5)
    assert await state() == "sharing", "the first look does not know whether live events come"
    look(pacer, 5, 5)
    assert await state() == "alone"
    yielding.make_way()
    assert yielding.pace.state == "sharing"
    assert await state() == "sharing", "it was just seen, and the look is older than that"
    look(pacer, 900, 5)
    assert await state() == "yielding"
    look(pacer, 900, 900)
    look(pacer, 900, 900)
    entry = Entry(RECEIPTS, "key", "tenure.receipt.issued.v1", uuid4(), 1, b"{}")
    await put(connection, [entry], wall_clock() - timedelta(seconds=1))
    assert await state() == "yielding", "a receipt waits"
    await turn(connection, True, "D-DS1", wall_clock())
    assert await state() == "paused"
    assert b'tenure_backload_share{service="intake"} 0.0' in worker.meter.text()


async def test_what_waits_for_its_schedule_holds_a_back_load_up_and_is_as_it_was_while_kafka_does_not_say(worker_url):
    answers: list[int | None] = [1_001, None, 1_000]

    def undated() -> int:
        answer = answers.pop(0)
        if answer is None:
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT))
        return answer

    pacer, yielding, worker = pacing(undated)
    worker.engine = connect(worker_url("intake", "worker"), name="tests", pool_size=2)
    await pacer.hurry()
    assert len(answers) == 3, "nobody is asked while there is no back-load"
    look(pacer, 5, 5)
    look(pacer, 5, 5)
    for state, count in (("yielding", 1_001), ("yielding", 1_001), ("alone", 1_000)):
        await pacer.hurry()
        assert worker.tells["backload"] == {"state": state, "unread": 7, "undated": count}
    assert yielding.pace.state == "alone"
    await worker.engine.dispose()


async def test_only_an_answer_renews_what_may_be_handed_out(worker_url):
    answers: list[int | KafkaError | None] = [100, KafkaError(KafkaError._TIMED_OUT), 100, None]
    answers += [200, KafkaError(KafkaError.GROUP_AUTHORIZATION_FAILED)]

    def undated() -> int | None:
        answer = answers.pop(0)
        if isinstance(answer, KafkaError):
            raise KafkaException(answer)
        return answer

    pacer, yielding, worker = pacing(undated)
    worker.engine = connect(worker_url("intake", "worker"), name="tests", pool_size=2)
    yielding.handed = 5_000
    look(pacer, 5, 5, unread=0)
    assert yielding.handed == 5_000
    look(pacer, 5, 5)
    found = []
    while answers:
        await pacer.hurry()
        found.append(yielding.pace.upto)
        yielding.handed += 300
    first = 5_000 + ALONE_UNDATED_MAX - 100
    assert found == [first, first, first + 600, None, first + 1_200 - 100, None]
    await worker.engine.dispose()


async def test_the_switch_is_turned_once_and_the_ledger_keeps_who_did(connection):
    now = wall_clock()
    await turn(connection, True, "D-DS1", now)
    again = await turn(connection, True, "D-HIM1", now)
    assert (again.paused, again.version, again.changed_by, again.changed_at) == (True, 1, "D-DS1", now)
    assert (await turn(connection, False, "D-HIM1", now)).version == 2
    assert (await backload.read(connection)).paused is False

    raw = await driver(connection)
    kept = await raw.fetch("SELECT payload FROM log WHERE type = 'tenure.backload.turned.v1' ORDER BY version")
    assert [row["payload"] for row in kept] == [b'{"paused":true,"by":"D-DS1"}', b'{"paused":false,"by":"D-HIM1"}']
