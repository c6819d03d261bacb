"""Holds and disposals over HTTP, as the API's own database role: who may, in which order, and what the answers say."""

from hashlib import sha256

import httpx
import msgspec
import pytest

from services.retention.actions.holds import STEP, Step, show, sweep_hold
from services.retention.api import make_app
from services.retention.storage.disposals import pause
from services.retention.storage.sweeping import unswept
from shared.db import transaction
from shared.events import HOLDS
from shared.http import edge_of
from shared.keys import read_keys
from shared.settings import Settings
from tests.make_facts import PACK
from tests.make_lifecycle import DUE, OPENS, REAL, carry_out, hear, own_engines, select, take, tick
from tests.make_registered import record_state, ref, suspect, uid
from tests.stack import POLICY
from tools.stack import issuer, keys

BODY = {"authority": "Inquiries Act 2005", "reason": "moratorium", "owner": "D-RM1", "review_on": "2040-01-01"}


class Door:
    """Asks retention's API as a demo person."""

    def __init__(self, client, folder):
        self.client, self.folder, self.asked = client, folder, 0

    async def __call__(self, method, path, who="D-RM1", status=200, version=None, **more):
        self.asked += 1
        headers = {"Authorization": f"Bearer {issuer.token(who, self.folder)}"}
        headers |= {"Idempotency-Key": more.pop("key", f"test-key-{self.asked}")}
        headers |= {"If-Match": f'"{version}"'} if version is not None else {}
        answer = await self.client.request(method, path, headers=headers, **more)
        assert answer.status_code == status, answer.text
        return answer


@pytest.fixture
async def world(database, tmp_path):
    keys.make(tmp_path)
    settings = Settings(jwks_file=tmp_path / "jwks.json", policy=POLICY, keys=tmp_path)
    edge = edge_of("retention", settings, read_keys(tmp_path, "retention"), PACK)
    async with own_engines(database) as (worker, api):
        app = make_app(api, edge)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://retention") as client:
            yield worker, Door(client, tmp_path)


async def test_a_hold_is_in_force_before_the_answer_and_sent_twice_is_one(world):
    worker, door = world
    await take(worker, record_state("r1"), record_state("r2"))
    await hear(worker)
    await tick(worker, OPENS)
    await carry_out(worker, DUE, limit=1)
    scope = {"record_types": ["crime_report"]}
    counted = (await door("POST", "/v1/holds/preview", json=scope)).json()
    assert (counted["matches"], counted["executed"]) == (2, 1)

    answer = await door("POST", "/v1/holds", status=201, json={**BODY, "scope": scope}, key="one-and-the-same")
    assert len(answer.json()["executed_unconfirmed"]) == 1
    again = await door("POST", "/v1/holds", status=201, json={**BODY, "scope": scope}, key="one-and-the-same")
    assert again.json()["hold_id"] == answer.json()["hold_id"]
    assert len(await select(worker, "SELECT FROM hold")) == 1
    assert [refusal.why for refusal in (await carry_out(worker, DUE)).outcomes.values()] == ["held"]


async def test_records_are_asked_for_by_a_state_that_there_is(world):
    worker, door = world
    await take(worker, record_state("r1"))
    for state in ("current", "due", "exception", "permanent"):
        await door("GET", f"/v1/records?state={state}")
    [told] = (await door("GET", "/v1/records?state=expired", status=422)).json()["errors"]
    assert told["pointer"] == "/query/state"
    assert "'exception'" in told["mend"]


async def test_a_release_takes_the_version_meant_and_two_people(world):
    worker, door = world
    await take(worker, record_state("r1"))
    placed = await door("POST", "/v1/holds", status=201, json={**BODY, "scope": {"records": [str(uid("r1"))]}})
    path = placed.headers["location"]
    reason = {"json": {"reason": "the inquiry has ended"}}
    assert placed.json()["matches"] is None  # Nobody has counted yet; none would be another answer.
    await show_all(worker)
    shown = await door("GET", path)
    assert (shown.json()["matches"], shown.headers["etag"]) == (1, placed.headers["etag"])
    await door("POST", f"{path}/release", status=428, **reason)
    await door("POST", f"{path}/release", status=412, version=9, **reason)
    await door("POST", f"{path}/approve", "D-HIM1", status=409, version=1)
    answer = await door("POST", f"{path}/release", status=202, version=1, **reason)
    assert answer.json()["missing"] == "head_of_information_management"
    await door("POST", f"{path}/approve", "D-RM1", status=403, version=2)
    shown = await door("GET", "/v1/holds", params={"state": "release_proposed"})
    assert [each["version"] for each in shown.json()["holds"]] == [2]
    assert (await door("POST", f"{path}/approve", "D-HIM1", version=2)).json() == {"state": "released"}
    assert (await door("GET", path)).json()["state"] == "released"


async def show_all(engine):
    async with transaction(engine) as connection:
        for hold in await unswept(connection):
            await sweep_hold(connection, hold, 0, REAL)


async def test_a_record_says_that_it_is_held_before_any_sweep(world):
    worker, door = world
    await take(worker, record_state("r1"), record_state("r2"))
    placed = await door("POST", "/v1/holds", status=201, json={**BODY, "scope": {"records": [str(uid("r1"))]}})
    for record, held in (("r1", True), ("r2", False)):
        assert (await door("GET", f"/v1/records/{uid(record)}/schedule")).json()["held"] is held
    await show_all(worker)
    path = placed.headers["location"]
    await door("POST", f"{path}/release", status=202, version=1, json={"reason": "the inquiry has ended"})
    await door("POST", f"{path}/approve", "D-HIM1", version=2)
    assert (await door("GET", f"/v1/records/{uid('r1')}/schedule")).json()["held"] is False


async def test_why_a_hold_ends_is_kept_shown_and_in_the_ledger_and_never_on_the_topic(world):
    worker, door = world
    await take(worker, record_state("r1"))
    placed = await door("POST", "/v1/holds", status=201, json={**BODY, "scope": {"records": [str(uid("r1"))]}})
    path, why = placed.headers["location"], "the inquiry has ended: letter of 3 May"
    assert placed.json()["release_reason"] is None
    await door("POST", f"{path}/release", status=202, version=1, json={"reason": why})
    shown = (await door("GET", path)).json()
    assert (shown["release_reason"], shown["proposed_by"]) == (why, "D-RM1")
    await door("POST", f"{path}/approve", "D-HIM1", version=2)
    assert (await door("GET", path)).json()["release_reason"] == why
    kept = await select(worker, "SELECT version, payload FROM log WHERE topic IS NULL AND type = $1 ORDER BY 1", STEP)
    steps = [(row["version"], msgspec.json.decode(row["payload"], type=Step)) for row in kept]
    assert [(n, step.state, step.by) for n, step in steps] == [
        (1, "in_force", "D-RM1"),
        (2, "release_proposed", "D-RM1"),
        (3, "released", "D-HIM1"),
    ]
    assert [step.reason_sha256 for _, step in steps] == [_sha256(BODY["reason"]), _sha256(why), None]
    told = await select(worker, "SELECT payload FROM log WHERE topic = $1", HOLDS)
    assert len(told) == 3
    assert not any(b"letter" in row[0] for row in told)


def _sha256(text):
    return sha256(text.encode()).hexdigest()


SCOPES = {
    "by offence": ({"offences": ["28/11"]}, ["r1", "r2", "r3"]),
    "by list": ({"records": [str(uid("r2")), str(uid("r9"))]}, ["r2"]),
    "by victim": ({"nominals": [str(ref("p2"))]}, ["r2"]),
    "by person and unit": ({"nominals": [str(ref("p1"))], "units": ["Barking"]}, ["r1"]),
}


async def test_records_are_listed_by_the_hold_that_covers_them_before_any_sweep(world):
    worker, door = world
    people = [suspect("p1"), suspect("p2", "victim")]
    await take(worker, record_state("r1", links=people[:1], unit="Barking"), record_state("r2", links=people))
    await take(worker, record_state("r3"))
    listed = {}
    for what, (scope, _) in SCOPES.items():
        placed = await door("POST", "/v1/holds", status=201, json={**BODY, "scope": scope})
        listed[what] = await _covered(door, placed.json()["hold_id"])
    assert listed == {what: {str(uid(each)) for each in found} for what, (_, found) in SCOPES.items()}
    path, reason = placed.headers["location"], {"json": {"reason": "the inquiry has ended"}}
    await door("POST", f"{path}/release", status=202, version=1, **reason)
    assert await _covered(door, placed.json()["hold_id"]) == listed["by person and unit"]
    await door("POST", f"{path}/approve", "D-HIM1", version=2)
    assert await _covered(door, placed.json()["hold_id"]) == set()
    assert await _covered(door, uid("no hold")) == set()


async def _covered(door, hold_id):
    answer = await door("GET", "/v1/records", params={"hold": str(hold_id), "limit": 2})
    found = {each["record_id"] for each in answer.json()["records"]}
    while "next" in answer.links:
        answer = await door("GET", answer.links["next"]["url"])
        found |= {each["record_id"] for each in answer.json()["records"]}
    return found


async def test_an_empty_scope_and_a_stranger_are_refused(world):
    _, door = world
    answer = await door("POST", "/v1/holds", status=400, json={**BODY, "scope": {}})
    assert "empty" in answer.json()["detail"]
    await door("POST", "/v1/holds", "D-RO1", status=403, json={**BODY, "scope": {"units": ["Camden"]}})
    await door("GET", f"/v1/holds/{uid('nothing')}", status=404)


async def test_an_order_is_seen_and_aborted_in_its_cooling_off(world):
    worker, door = world
    await take(worker, record_state("r1"))
    await tick(worker, OPENS)
    [order] = (await door("GET", "/v1/disposals", params={"record": str(uid("r1"))})).json()["disposals"]
    path = f"/v1/disposals/{order['disposal_id']}"
    shown = await door("GET", path, "D-AU1")
    assert (shown.json()["state"], shown.json()["certificate"]) == ("cooling", None)
    reason = {"json": {"reason": "an appeal was announced"}}
    await door("POST", f"{path}/abort", "D-RO1", status=403, version=1, **reason)
    await door("POST", f"{path}/abort", version=1, **reason)
    await door("POST", f"{path}/abort", status=409, version=2, **reason)
    await tick(worker, OPENS)
    assert (await door("GET", path)).json()["state"] == "aborted"
    assert [row[0] for row in await select(worker, "SELECT cause FROM review")] == ["order_aborted"]


async def test_disposals_that_wait_for_nobody_are_not_resumed(world):
    worker, door = world
    assert (await door("GET", "/v1/disposals")).json()["paused"] == []
    await door("POST", "/v1/disposals/resume", status=409)
    await door("POST", "/v1/disposals/resume/approve", "D-HIM1", status=409)
    async with transaction(worker) as connection:
        await pause(connection, "stop_switch", REAL)
    assert (await door("GET", "/v1/disposals", "D-AU1")).json()["paused"] == ["stop_switch"]
    await door("POST", "/v1/disposals/resume", status=202)
    await door("POST", "/v1/disposals/resume/approve", "D-HIM1")
    assert (await door("GET", "/v1/disposals")).json()["paused"] == []


async def test_the_worker_shows_holds_that_the_api_placed(world):
    worker, door = world
    await take(worker, record_state("r1"))
    await door("POST", "/v1/holds", status=201, json={**BODY, "scope": {"sources": ["crime"]}})
    async with transaction(worker) as connection:
        assert (await show(connection, [1], REAL))[0] == [1]
