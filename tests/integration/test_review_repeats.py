"""A request that is sent twice is done once."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from shared.db import connect, transaction
from shared.errors import Conflict
from shared.http import Repeat, once

NOW = datetime(2026, 4, 1, tzinfo=UTC)


@pytest.fixture
async def engine(worker_url):
    given = connect(worker_url("review", "api"), name="tests", pool_size=4)
    yield given
    await given.dispose()


class Work:
    """Counts how often it is done."""

    def __init__(self) -> None:
        self.done = 0

    async def __call__(self) -> str:
        await asyncio.sleep(0.02)
        self.done += 1
        return f"result {self.done}"


async def test_ten_at_once_do_it_once(engine) -> None:
    work, repeat = Work(), Repeat(str(uuid4()), "POST /v1/holds", b"mac")

    async def send() -> str:
        async with transaction(engine) as connection:
            return await once(connection, repeat, NOW, work)

    assert await asyncio.gather(*[send() for _ in range(10)]) == ["result 1"] * 10


async def test_another_body_under_the_key_is_refused(engine) -> None:
    work, repeat = Work(), Repeat(str(uuid4()), "POST /v1/holds", b"mac")
    async with transaction(engine) as connection:
        await once(connection, repeat, NOW, work)
        with pytest.raises(Conflict) as refused:
            await once(connection, repeat._replace(mac=b"other"), NOW, work)
        assert refused.value.reason == "idempotency_key_reused"
        assert await once(connection, repeat._replace(route="POST /v1/other"), NOW, work) == "result 2"


async def test_a_key_is_kept_for_a_day_and_work_that_failed_leaves_none(engine) -> None:
    work, repeat = Work(), Repeat(str(uuid4()), "POST /v1/holds", b"mac")

    async def fail() -> str:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        async with transaction(engine) as connection:
            await once(connection, repeat, NOW, fail)
    async with transaction(engine) as connection:
        assert await once(connection, repeat, NOW, work) == "result 1"
        assert await once(connection, repeat, NOW + timedelta(hours=23), work) == "result 1"
        assert await once(connection, repeat, NOW + timedelta(hours=25), work) == "result 2"
