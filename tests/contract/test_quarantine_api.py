"""The quarantine as stewards work it over HTTP: lists, history, owners, many at once, discards, measures, letters."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

from services.intake.actions import stewarding
from services.intake.api import make_app
from shared.auth import ALL_ROLES
from shared.db import connect
from shared.http import edge_of
from shared.ids import nominal_ref
from shared.keys import read_keys
from shared.settings import Settings
from tests.make_arrivals import PACK, captured
from tests.make_discards import TODAY
from tests.stack import clone
from tools.stack import issuer, keys
from tools.stack.settings import role_url

BATCH = "application/cloudevents-batch+json"
STEWARD, MANAGER = "data_steward", "records_manager"
CANARY = "canary-7f3a"


class Workplace:
    """Intake's API as stewards use it, over a quarantine of each test's own source ids."""

    def __init__(self, client: httpx.AsyncClient, folder: Any) -> None:
        self.client, self.folder = client, folder

    async def ask(self, method: str, path: str, who: str = STEWARD, **more: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {issuer.token(who, self.folder)}", **more.pop("headers", {})}
        return await self.client.request(method, path, headers=headers, **more)

    async def get(self, path: str = "", who: str = STEWARD, **query: Any) -> Any:
        answer = await self.ask("GET", f"/v1/quarantine{path}", who, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def do(self, path: str, version: int | None = None, who: str = STEWARD, **body: Any) -> httpx.Response:
        headers = {"Idempotency-Key": f"{uuid4()}"} if version is None else {"If-Match": f'"{version}"'}
        return await self.ask("POST", f"/v1/quarantine{path}", who, json=body, headers=headers)

    async def quarantine(self, *units: str, **changes: Any) -> list[str]:
        """Quarantine one state for each unit; gives their receipts."""
        wrong = {"occurred_on": "2022-08"} | changes
        sent = [captured(f"{uuid4()}", 1, unit=unit, content={"summary": CANARY}, **wrong) for unit in units]
        answer = await self.ask("POST", "/v1/events", "upstream", json=sent, headers={"content-type": BATCH})
        assert {each["outcome"] for each in answer.json()} == {"quarantined"}, answer.text
        return [each["receipt_id"] for each in answer.json()]


@pytest.fixture(scope="module")
def api_url(database) -> str:
    """A database of this module's own: what is sent over HTTP is committed."""
    admin, paths = database
    server, name = admin.rpartition("/")[0], f"tenure_own_{uuid4().hex}"
    clone(f"{server}/postgres", name)
    return role_url(f"{server}/{name}", "tenure_intake_api", paths)


@pytest.fixture
async def work(api_url, tmp_path) -> AsyncIterator[Workplace]:
    keys.make(tmp_path)
    settings = Settings(keys=tmp_path, jwks_file=tmp_path / "jwks.json", clock="rehearsal")
    sealing = read_keys(tmp_path, "intake")
    engine = connect(api_url, name="tests", pool_size=3)
    app = make_app(engine, edge_of("intake", settings, sealing, PACK, 1_000_000), sealing, 0)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://intake") as client:
        yield Workplace(client, tmp_path)
    await engine.dispose()


def problem(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    assert CANARY not in answer.text
    return answer.status_code, answer.json()["code"]


async def test_an_item_tells_what_can_be_told_without_its_content(work: Workplace) -> None:
    suspect = {"nominal_source": "crime", "nominal_id": "N-42", "role": "suspect"}
    [receipt] = await work.quarantine("Barking", links=[suspect])
    answer = await work.ask("GET", f"/v1/quarantine/{receipt}", "auditor")
    shown = answer.json()
    assert answer.headers["etag"] == '"1"'
    assert (shown["record_type"], shown["unit"], shown["state"]) == ("crime_report", "Barking", "open")
    assert (shown["age_days"], shown["overdue"], shown["owner"], shown["history"]) == (0, False, None, [])
    assert shown["reasons"][0]["pointer"] == "/data/occurred_on"
    assert CANARY not in answer.text
    assert "N-42" not in answer.text
    found = await work.get(subject=str(nominal_ref("crime", "N-42")), who="disclosure_officer")
    assert receipt in {each["receipt_id"] for each in found}  # A request for the person finds what only names them.
    assert problem(await work.ask("GET", f"/v1/quarantine/{uuid4()}")) == (404, "not_found")


async def test_every_filter_fits_what_it_says(work: Workplace) -> None:
    mine, other = await work.quarantine("Filter A", "Filter B")
    await work.do(f"/{mine}/assign", 1, owner="D-DS7")
    tomorrow, yesterday = (str(TODAY + timedelta(days=days)) for days in (1, -1))

    async def fits(**query: Any) -> set[str]:
        return {each["receipt_id"] for each in await work.get(limit=200, **query)} & {mine, other}

    assert await fits(unit="Filter A") == {mine}
    assert await fits(owner="D-DS7") == {mine}
    assert await fits(unowned=True) == {other}
    assert await fits(code="partial_date", source="urn:demo:crime") == {mine, other}
    assert await fits(code="no_such_code") == set()
    assert await fits(seen_from=yesterday, seen_to=tomorrow) == {mine, other}
    assert await fits(seen_from=tomorrow) == await fits(seen_to=yesterday) == set()
    assert await fits(older_than_days=1) == await fits(overdue=True) == set()
    assert await fits(state="any") == {mine, other}
    assert await fits(state="discarded") == set()
    nonsense = {"state": CANARY, "older_than_days": -1, "unit": "\x00", "sort": "age", "seen_from": "2022-02-30"}
    for name, value in nonsense.items():
        assert problem(await work.ask("GET", "/v1/quarantine", params={name: value}))[0] == 422, name


@pytest.mark.parametrize("column", ["first_seen", "review_on", "attempts", "source", "unit", "owner"])
async def test_each_column_sorts_both_ways_in_pages_without_gaps(work: Workplace, column: str) -> None:
    receipts = await work.quarantine("Sort B", "Sort A", "Sort C", "Sort A")
    await work.do(f"/{receipts[0]}/assign", 1, owner="D-DS9", review_on=str(TODAY))
    await work.do(f"/{receipts[1]}/replay", 1)

    async def listed(sort: str) -> list[str]:
        found, path = [], f"/v1/quarantine?limit=2&sort={sort}"
        while path:
            answer = await work.ask("GET", path)
            found += [each["receipt_id"] for each in answer.json()]
            path = answer.links.get("next", {}).get("url", "")
        return found

    up, down = await listed(column), await listed(f"-{column}")
    assert up == down[::-1]
    assert set(receipts) <= set(up)
    assert len(up) == len(set(up))
    values = {each["receipt_id"]: each for each in await work.get(limit=200)}
    sorted_by = [values[each][column] or ("" if column in ("unit", "owner") else 0) for each in up]
    assert sorted_by == sorted(sorted_by)


async def test_a_cursor_of_another_order_is_refused(work: Workplace) -> None:
    await work.quarantine("A", "B", "C")
    first = await work.ask("GET", "/v1/quarantine?limit=1&sort=unit")
    cursor = first.links["next"]["url"].partition("cursor=")[2]
    assert problem(await work.ask("GET", f"/v1/quarantine?limit=1&sort=owner&cursor={cursor}")) == (
        *(400, "cursor_unreadable"),
    )


async def test_an_item_is_given_to_somebody_by_a_day_that_the_pack_allows(work: Workplace) -> None:
    [receipt] = await work.quarantine("Barking")
    week, later = (str(TODAY + timedelta(days=days)) for days in (7, 30))
    assert problem(await work.do(f"/{receipt}/assign", 1, owner="D-DS2", review_on=later)) == (400, "review_on_out")
    answer = await work.do(f"/{receipt}/assign", 1, owner="D-DS2", review_on=week)
    assert (answer.status_code, answer.json()["version"]) == (200, 2)
    assert problem(await work.do(f"/{receipt}/assign", 1, owner="D-DS2")) == (412, "precondition_failed")
    assert (await work.do(f"/{receipt}/assign", 2, owner=None)).status_code == 200
    shown = await work.get(f"/{receipt}")
    assert (shown["owner"], shown["review_on"]) == (None, week)
    assert [(each["step"], each["by"], each["code"]) for each in shown["history"]] == [
        ("assigned", "D-DS1", f"D-DS2 {week}"),
        ("unassigned", "D-DS1", None),
    ]


async def test_a_discard_needs_two_people_and_a_reason_of_the_pack(work: Workplace) -> None:
    [receipt] = await work.quarantine("Barking")
    path = f"/{receipt}/discard"
    assert problem(await work.do(path, 1, reason="boredom")) == (400, "reason_not_declared")
    assert problem(await work.do(path, 1, reason="test_data", reference="a\nb"))[0] == 422
    assert problem(await work.do(f"{path}/approve", 1, MANAGER)) == (409, "not_proposed")
    proposed = await work.do(path, 1, reason="test_data", reference="CASE 7")
    assert (proposed.status_code, proposed.json()["state"]) == (202, "discard_proposed")
    assert "second person" in proposed.json()["missing"]
    assert problem(await work.do(f"{path}/approve", 2)) == (403, "same_person")
    assert problem(await work.do(f"{path}/approve", 2, "auditor")) == (403, "wrong_role")
    assert [each["receipt_id"] for each in await work.get(state="discard_proposed")] == [receipt]
    assert (await work.do(f"{path}/withdraw", 2, MANAGER)).json()["state"] == "open"
    assert (await work.do(path, 3, reason="test_data")).status_code == 202
    agreed = await work.do(f"{path}/approve", 4, MANAGER)
    assert (agreed.status_code, agreed.json()["state"]) == (200, "discard_proposed")
    assert agreed.json()["disposal_id"]
    assert problem(await work.do(f"{path}/withdraw", 5)) == (409, "already_approved")
    assert problem(await work.do(f"/{receipt}/replay", 5)) == (409, "discard_proposed")
    steps = [(each["step"], each["by"]) for each in (await work.get(f"/{receipt}"))["history"]]
    assert steps == [
        ("discard_proposed", "D-DS1"),
        ("discard_withdrawn", "D-RM1"),
        ("discard_proposed", "D-DS1"),
        ("discard_approved", "D-RM1"),
    ]


async def test_many_are_tried_again_and_each_member_is_answered(work: Workplace, monkeypatch) -> None:
    receipts = await work.quarantine("Many", "Many", "Many")
    nobody = str(uuid4())
    await work.do(f"/{receipts[2]}/discard", 1, reason="test_data")
    answer = (await work.do("/replay", receipt_ids=[*receipts, nobody])).json()
    assert (answer["asked"], answer["done"], answer["refused"], answer["not_reached"]) == (4, 0, 4, 0)
    codes = {each["receipt_id"]: each["code"] for each in answer["members"]}
    assert codes == {
        **dict.fromkeys(receipts[:2], "partial_date"),
        receipts[2]: "discard_proposed",
        nobody: "not_found",
    }
    monkeypatch.setattr(stewarding, "BULK_ITEMS_MAX", 1)
    answer = (await work.do("/assign", filter={"unit": "Many"}, owner="D-DS3")).json()
    assert (answer["asked"], answer["done"], answer["not_reached"], answer["more"]) == (2, 1, 1, False)
    assert [each["result"] for each in answer["members"]] == ["done", "not_reached"]
    assert len(await work.get(unit="Many", owner="D-DS3")) == 1
    monkeypatch.setattr(stewarding, "BULK_LISTED_MAX", 1)
    answer = (await work.do("/assign", filter={"unit": "Many", "unowned": False}, owner="D-DS3")).json()
    assert (answer["asked"], answer["done"], answer["more"]) == (1, 1, True)


async def test_a_bulk_sent_twice_is_done_once(work: Workplace) -> None:
    [receipt] = await work.quarantine("Twice")
    key = {"Idempotency-Key": f"{uuid4()}"}
    body = {"receipt_ids": [receipt]}
    first, again = [(await work.ask("POST", "/v1/quarantine/replay", json=body, headers=key)).json() for _ in range(2)]
    assert first == again
    assert (await work.get(f"/{receipt}"))["attempts"] == 1
    for wrong in ({}, {"receipt_ids": [receipt], "filter": {}}):
        assert problem(await work.do("/replay", **wrong)) == (400, "one_of_two")
    for wrong in ({"receipt_ids": []}, {"filter": {"colour": "red"}}, {"receipt_ids": [CANARY]}):
        assert problem(await work.do("/replay", **wrong))[0] == 422


async def test_measures_say_how_well_it_is_mended_by_source_and_unit(work: Workplace) -> None:
    unit = f"Unit {uuid4()}"
    await work.quarantine(unit)
    await work.quarantine(unit, record_type=None, occurred_on=None, source_record_id=None)
    rows = await work.get("/measures", "compliance_dashboard", unit=unit)
    [row] = rows
    assert (row["source"], row["quarantined"], row["incomplete"], row["waiting"]) == ("urn:demo:crime", 2, 1, 2)
    assert (row["overdue"], row["mended"], row["mended_share"], row["oldest_days"]) == (0, 0, 0.0, 0)
    assert await work.get("/measures", unit="nowhere") == []


async def test_each_of_these_routes_as_every_role(work: Workplace) -> None:
    routes = ["GET /v1/quarantine", "GET /v1/quarantine/measures", "GET /v1/dead-letters"]
    allowed = {
        "GET /v1/quarantine": {"disclosure_officer"},
        "GET /v1/quarantine/measures": {"compliance_dashboard"},
        "GET /v1/dead-letters": set(),
    }
    process = {STEWARD, MANAGER, "auditor", "data_protection_officer", "head_of_information_management"}
    for route in routes:
        for role in sorted(ALL_ROLES):
            answer = await work.ask(*route.split(), role)
            expected = 200 if role in process | allowed[route] else 403
            assert answer.status_code == expected, (route, role)


async def test_dead_letters_are_listed_and_one_that_is_not_there_cannot_be_asked_for(work: Workplace) -> None:
    assert (await work.ask("GET", "/v1/dead-letters")).json() == []
    assert (await work.ask("GET", "/v1/dead-letters?state=taken&topic=a.b&reason=defect&limit=1")).json() == []
    assert problem(await work.ask("GET", "/v1/dead-letters", params={"cursor": "WyJhIl0="})) == (
        400,
        "cursor_unreadable",
    )
    missing = await work.ask("POST", "/v1/dead-letters/9/retry", headers={"If-Match": '"1"'})
    assert problem(missing) == (404, "not_found")
    assert problem(await work.ask("POST", "/v1/dead-letters/9/retry")) == (428, "precondition_required")
