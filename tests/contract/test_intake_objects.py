"""Looking for an object or a place over HTTP: by whom, for what, page by page."""

from uuid import uuid4

from shared.db import driver
from tests.contract.test_intake_api import BATCH, CANARY, Counter, api_url, counter, one, problem

__all__ = ["api_url", "counter"]  # Fixtures.


async def search(counter: Counter, who="reviewing_officer", query="", **body):
    body = {"kind": "vehicle", "purpose": "retention_review", "reference": "R1"} | body
    return await counter.client.post(f"/v1/objects/search{query}", json=body, headers=counter.headers(who))


async def test_records_about_a_thing_are_found_in_pages_and_each_is_logged(counter: Counter) -> None:
    plate = f"{uuid4()}"
    sent = [one(objects=[{"kind": "vehicle", "ref": plate}]) for _ in range(3)]
    there = [each["record_id"] for each in await counter.taken([*sent, one()], BATCH)][:3]
    first = await search(counter, query="?limit=2", ref=plate.upper())
    path = first.links["next"]["url"]
    rest = await search(counter, query=f"?{path.partition('?')[2]}", ref=f" {plate}")
    assert (first.status_code, len(first.json()["records"])) == (200, 2)
    assert sorted(first.json()["records"] + rest.json()["records"]) == sorted(there)
    assert "next" not in rest.links
    async with counter.engine.connect() as connection:
        logged = await (await driver(connection)).fetch(
            "SELECT record_uid::text, actor, reference FROM access"
            " WHERE parts = '{search}' AND record_uid = ANY($1::uuid[])",
            there,
        )
    assert sorted(tuple(row) for row in logged) == sorted((each, "D-RO1", "R1") for each in there)


async def test_a_search_is_refused_without_its_purpose_and_finds_nothing_of_another_kind(counter: Counter) -> None:
    plate = f"{uuid4()}"
    await counter.taken(one(objects=[{"kind": "vehicle", "ref": plate}]))
    assert (await search(counter, kind="phone", ref=plate)).json() == {"records": []}
    assert problem(await search(counter, ref=plate, purpose="curiosity")) == (403, "purpose_not_allowed")
    assert problem(await search(counter, who="data_steward", ref=plate)) == (403, "wrong_role")
    assert problem(await search(counter, ref="", reference="")) == (422, "malformed")
    assert problem(await search(counter, ref=CANARY, query="?cursor=WyJhIl0=")) == (400, "cursor_unreadable")
