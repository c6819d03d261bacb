"""Accounts, manifests and timeliness over HTTP: what is listed, paged, refused."""

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from uuid import uuid4

import pytest

from shared.db import connect, driver, transaction
from tests.contract.test_intake_api import BATCH, CRIME, Counter, api_url, counter, one, problem
from tests.make_manifests import settle
from tools.stack.settings import role_url

__all__ = ["api_url", "counter"]  # Fixtures.

DIGEST = sha256(b"").hexdigest()


def said(*ids: str, **changes):
    digest = sha256("\n".join(sorted(ids)).encode()).hexdigest()
    whole = {"source_system": "crime", "from": "2022-08-02", "to": "2022-08-02", "count": len(ids), "digest": digest}
    return {**whole, "ids": list(ids), **changes}


async def publish(counter: Counter, body, key=None, who="upstream"):
    headers = counter.headers(who, **{"Idempotency-Key": key or f"key-{uuid4()}"})
    return await counter.client.post("/v1/manifests", json=body, headers=headers)


async def work(worker_engine):
    async with transaction(worker_engine) as connection:
        await settle(connection, datetime.now(UTC) + timedelta(days=1))


@pytest.fixture
async def worker_engine(api_url, database):
    admin, paths = database
    url = f"{admin.rpartition('/')[0]}/{api_url.rpartition('/')[2]}"
    engine = connect(role_url(url, "tenure_intake_worker", paths), name="tests", pool_size=1)
    yield engine
    await engine.dispose()


async def test_a_manifest_is_receipted_and_done_once_under_its_key(counter: Counter) -> None:
    body, key = said(**{"from": "2021-01-01", "to": "2021-01-02"}), f"key-{uuid4()}"
    first = await publish(counter, body, key)
    assert (first.status_code, first.json()["outcome"], first.json()["source"]) == (200, "accepted", CRIME)
    assert (await publish(counter, body, key)).json() == first.json()
    assert problem(await publish(counter, {**body, "to": "2021-01-03"}, key)) == (409, "idempotency_key_reused")
    quarantined = (await publish(counter, {**body, "digest": "0" * 64})).json()
    assert (quarantined["outcome"], quarantined["reasons"][0]["code"]) == ("quarantined", "digest_mismatch")


async def test_a_manifest_is_refused_from_those_who_may_not_speak_for_the_source(counter: Counter) -> None:
    assert problem(await publish(counter, said(source_system="nobody"))) == (403, "not_your_source")
    assert problem(await publish(counter, said(), who="auditor")) == (403, "wrong_role")
    assert problem(await publish(counter, {**said(), "more": 1}))[0] == 422


async def test_manifests_are_listed_by_source_and_state_in_pages(counter: Counter) -> None:
    for day in ("2021-02-01", "2021-02-02", "2021-02-03"):
        await publish(counter, said(**{"from": day, "to": day}))
    found, pages = [], 0
    answer = await counter.get("/v1/manifests", "auditor", source=CRIME, state="open", limit=2)
    while True:
        found, pages = found + answer.json(), pages + 1
        if "next" not in answer.links:
            break
        answer = await counter.client.get(answer.links["next"]["url"], headers=counter.headers("auditor"))
    days = [each["from"] for each in found if each["from"].startswith("2021-02")]
    assert days == ["2021-02-01", "2021-02-02", "2021-02-03"]
    assert pages > 1
    assert {each["state"] for each in found} == {"open"}
    assert (await counter.get("/v1/manifests", "auditor", source="urn:nobody")).json() == []
    assert problem(await counter.get("/v1/manifests", "auditor", cursor="WyJ4Il0=")) == (400, "cursor_unreadable")


async def test_reconciliation_is_paged_filtered_and_says_who_is_silent(counter: Counter) -> None:
    await counter.taken([one(), one()], BATCH)
    whole = (await counter.get("/v1/reconciliation", "auditor", source=CRIME)).json()
    assert {row["source"] for row in whole["events"]} == {CRIME}
    paged = await counter.get("/v1/reconciliation", "auditor", limit=1)
    assert len(paged.json()["events"]) <= 1
    sources = {each["source"]: each for each in whole["sources"]}
    assert sources["urn:police-uk:street"]["silent_after_seconds"] == 62 * 86_400
    assert sources["urn:police-uk:street"]["overdue"] == []
    assert problem(await counter.get("/v1/reconciliation", "auditor", cursor="WyJ4IiwieSJd")) == (
        400,
        "cursor_unreadable",
    )


async def test_an_account_that_does_not_close_says_by_how_much(counter: Counter) -> None:
    await counter.taken([one()], BATCH)
    async with transaction(counter.engine) as connection:
        raw = await driver(connection)
        await raw.execute(
            "UPDATE account SET n = n + 2 WHERE outcome = 'accepted' AND source_key ="
            " (SELECT source_key FROM source WHERE source = $1)",
            CRIME,
        )
    [row] = (await counter.get("/v1/reconciliation", "auditor", source=CRIME)).json()["events"]
    assert (row["closes"], row["difference"]) == (False, 2)
    async with transaction(counter.engine) as connection:
        raw = await driver(connection)
        await raw.execute("UPDATE account SET n = n - 2 WHERE outcome = 'accepted'")


async def test_timeliness_is_summarised_and_the_late_are_listed(counter: Counter, worker_engine) -> None:
    unit = f"unit {uuid4()}"
    for hours in (1, 2, 100):
        recorded = datetime(2022, 8, 1, tzinfo=UTC) + timedelta(hours=hours)
        await counter.taken(one(unit=unit, reported_at="2022-08-01T00:00:00Z", recorded_at=recorded.isoformat()))
    await counter.taken(one(unit=unit, reported_at=None))
    await work(worker_engine)
    rows = {row["lag"]: row for row in (await counter.get("/v1/timeliness", "auditor", unit=unit)).json()}
    lag = rows["reported_to_recorded"]
    assert (lag["records"], lag["untold"], lag["late"], lag["max_seconds"]) == (4, 1, 1, 360_000)
    assert 7_200 <= lag["p50_seconds"] <= 7_200 * 1.032
    assert lag["p95_seconds"] == 360_000
    late = (await counter.get("/v1/timeliness/late", "auditor", unit=unit)).json()
    assert [(each["seconds"], each["limit_seconds"], each["lag"]) for each in late] == [
        (360_000, 86_400, "reported_to_recorded")
    ]
    by_source = (await counter.get("/v1/timeliness", "auditor", by="source", source=CRIME)).json()
    assert {(each["record_type"], each["unit"]) for each in by_source} == {(None, None)}
    spread = (await counter.get("/v1/timeliness/spread", "auditor", unit=unit)).json()
    assert sum(each["records"] for each in spread if each["lag"] == "reported_to_recorded") == 4
    assert problem(await counter.get("/v1/timeliness", "auditor", cursor="WzFd")) == (400, "cursor_unreadable")
    assert problem(await counter.get("/v1/timeliness/late", "auditor", cursor="WyJ4Il0=")) == (400, "cursor_unreadable")
