"""Orders to unlink over HTTP: in the list of all orders, by state, page by page; and ended in the cooling-off."""

from tests.integration.test_retention_holds_http import world
from tests.integration.test_retention_lifecycle import ENDS, LOOKED_AT
from tests.integration.test_retention_unlinks import shared, unlink
from tests.make_lifecycle import carry_out, select, settle_all, take, tick
from tests.make_registered import contact, ref, uid

__all__ = ["world"]


async def listed(door, **asked):
    """All orders of a list, page by page, one on each."""
    answer = await door("GET", "/v1/disposals", "D-AU1", params={"limit": 1, **asked})
    found = answer.json()["disposals"]
    while "next" in answer.links:
        answer = await door("GET", answer.links["next"]["url"], "D-AU1")
        found += answer.json()["disposals"]
    return found


async def test_they_are_listed_with_the_others_and_alone(world):
    worker, door = world
    await shared(worker)
    both = await listed(door)
    assert sorted((each["what"], each["record_id"]) for each in both) == [
        ("link", str(uid("r1"))),
        ("record", str(uid("own"))),
    ]
    assert [each["disposal_id"] for each in both] == sorted(each["disposal_id"] for each in both)
    [link] = await listed(door, links=True)
    assert (link["what"], link["state"], link["opened_on"]) == ("link", "cooling", str(LOOKED_AT))
    assert [each["what"] for each in await listed(door, links=False)] == ["record"]
    assert await listed(door, links=True, state="dropped") == []


async def test_a_dropped_one_is_seen_with_its_reason(world):
    worker, door = world
    await shared(worker)
    await carry_out(worker, ENDS)
    await settle_all(worker)
    await take(worker, contact("c9", person="p1", on="2021-01-01"))
    await unlink(worker)
    [dropped] = await listed(door, state="dropped")
    assert (dropped["what"], dropped["reason"], dropped["record_id"]) == ("link", "basis_changed", str(uid("r1")))
    shown = (await door("GET", f"/v1/disposals/{dropped['disposal_id']}")).json()
    assert (shown["certificate"], shown["confirmations"], shown["executed_on"]) == (None, [], None)


async def test_one_is_ended_in_its_cooling_off_and_the_person_is_reviewed_again(world):
    worker, door = world
    await shared(worker)
    [order] = await listed(door, links=True)
    path, reason = f"/v1/disposals/{order['disposal_id']}", {"json": {"reason": "an appeal was announced"}}
    await door("POST", f"{path}/abort", "D-RO1", status=403, version=1, **reason)
    await door("POST", f"{path}/abort", status=412, version=2, **reason)
    await door("POST", f"{path}/abort", version=1, **reason)
    await door("POST", f"{path}/abort", status=409, version=2, **reason)
    assert (await door("GET", path)).json()["state"] == "aborted"
    await carry_out(worker, ENDS)
    await settle_all(worker)
    assert await unlink(worker) == []
    await tick(worker, ENDS)
    causes = await select(
        worker,
        "SELECT cause FROM review JOIN nominal USING (nominal_key) WHERE nominal_ref = $1 ORDER BY n DESC",
        ref("p1"),
    )
    assert causes[0][0] == "order_aborted"
