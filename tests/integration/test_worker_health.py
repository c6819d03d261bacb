"""What a worker's health says while something is away, and what a service adds to it."""

from types import SimpleNamespace

import httpx
import pytest

from shared.db import connect
from shared.health import health_app


@pytest.mark.parametrize("partitions", [{"records.registered.v1": 8}, {}], ids=["after its start", "at its start"])
async def test_a_database_that_is_away_is_said_in_a_sentence(partitions):
    engine = connect("postgresql+asyncpg://nobody@127.0.0.1:1/none", name="tests")
    worker = SimpleNamespace(
        service="retention",
        sources=[SimpleNamespace(ready=True, waits_for="Kafka does not answer.")],
        relay=SimpleNamespace(ident=1, is_alive=lambda: True, partitions=partitions, producers={}),
        engine=engine,
        tells={"oldest_mark_seconds": 3},
    )
    transport = httpx.ASGITransport(health_app(worker))
    async with httpx.AsyncClient(transport=transport, base_url="http://worker") as client:
        answer = await client.get("/readyz")
    await engine.dispose()
    assert answer.status_code == 503
    assert answer.json()["checks"]["database"] is False
    assert answer.json()["waits_for"] == ["The database does not answer; work goes on when it does."]
    assert answer.json()["oldest_mark_seconds"] == 3
