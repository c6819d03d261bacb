"""The rule of one record changed over HTTP by two people, and dated anew by the fact that it becomes."""

from datetime import date

from tests.integration.test_retention_holds_http import BODY, world
from tests.make_lifecycle import select, settle_all, take
from tests.make_registered import record_state, suspect, uid

__all__ = ["world"]

STOPS = "preventing.stop_and_search"
PATH = f"/v1/records/{uid('r1')}"
RM, HIM = "D-RM1", "D-HIM1"


async def shown(worker, door):
    await settle_all(worker)
    return (await door("GET", f"{PATH}/schedule")).json()


async def change(door, version, what, status=202, **asked):
    return (await door("POST", f"{PATH}/{what}", RM, status, version, json={"authority": RM, **asked})).json()


async def test_an_override_is_a_fact_once_a_second_person_agrees(world):
    worker, door = world
    await take(worker, record_state("r1"))
    before = await shown(worker, door)
    version = before["version"]
    await change(door, version, "override", until="2060-01-01")
    assert (await shown(worker, door))["keep_until"] == before["keep_until"]
    assert (await change(door, version, "override", 409, until="2070-01-01"))["code"] == "proposed_already"
    assert (await door("POST", f"{PATH}/override/approve", HIM, 412, version + 1)).json()["code"]
    await door("POST", f"{PATH}/override/approve", HIM, 200, version)
    after = await shown(worker, door)
    assert after["keep_until"] == "2060-01-01"
    assert "The override names 1 January 2060 as its last day" in " ".join(after["sentences"])
    assert (await door("POST", f"{PATH}/override/approve", HIM, 409, after["version"])).json()["code"] == "not_proposed"
    assert [row[0] for row in await select(worker, "SELECT kind FROM fact ORDER BY fact_key")][1:] == ["override"]


async def test_a_later_decision_ends_the_one_before(world):
    worker, door = world
    await take(worker, record_state("r1"))
    for until in ("2060-01-01", "2050-01-01"):
        version = (await shown(worker, door))["version"]
        await change(door, version, "override", until=until)
        await door("POST", f"{PATH}/override/approve", HIM, 200, version)
        assert (await shown(worker, door))["keep_until"] == until


async def test_a_move_takes_the_record_and_its_person_along(world):
    worker, door = world
    await take(worker, record_state("r1", links=[suspect("p1")]))
    version = (await shown(worker, door))["version"]
    await change(door, version, "move", to=STOPS)
    await door("POST", f"{PATH}/move/approve", HIM, 200, version)
    after = await shown(worker, door)
    assert (after["class"], after["row"], after["group"]) == (STOPS, "R29", None)
    assert after["keep_until"] == date(2029, 8, 1).isoformat()
    assert (await change(door, after["version"], "move", 409, to=STOPS))["code"] == "same_class"


async def test_what_makes_no_sense_or_is_frozen_is_refused(world):
    worker, door = world
    await take(worker, record_state("r1"))
    version = (await shown(worker, door))["version"]
    assert (await change(door, version, "override", 400, row="R99"))["code"] == "unknown_row"
    assert (await change(door, version, "override", 400))["code"] == "no_one_rule"
    assert (await change(door, version, "override", 400, row="R29", until="2050-01-01"))["code"] == "no_one_rule"
    period = {"period": "12y", "from_on": "2022-08-01"}
    assert (await change(door, version, "override", 400, **period, until="2050-01-01"))["code"] == "no_one_rule"
    assert (await change(door, version, "override", 400, row="R29", period="12y"))["code"] == "no_one_rule"
    assert (await change(door, version, "move", 400, to="nowhere"))["code"] == "unknown_class"
    await door("POST", "/v1/holds", RM, 201, json={**BODY, "scope": {"records": [str(uid("r1"))]}})
    assert (await change(door, version, "move", 409, to=STOPS))["code"] == "held"
