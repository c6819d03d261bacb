"""What a steward is asked about identities, over HTTP, and what an answer does to the dates of all concerned."""

import pytest

from tests.integration.test_retention_holds_http import Door, world
from tests.make_lifecycle import select, settle_all, take
from tests.make_registered import (
    contact,
    merged,
    nominal_state,
    on_day,
    record_state,
    ref,
    suspect,
    trigger,
    unmerged,
)

__all__ = ["world"]

STEWARD = "data_steward"
BOTH = [record_state("r1", links=[suspect("p1")]), record_state("r2", links=[suspect("p2")])]
UNDONE = [on_day(merged(gone="p2", into="p1"), 5), on_day(unmerged(), 9)]
PERSONS = "SELECT grp, clock_on::text FROM person_schedule JOIN nominal USING (nominal_key) ORDER BY nominal_ref <> $1"
MEANT = on_day(contact("c1", "p1", "2024-05-06"), 7)


async def waiting(door: Door, state="waiting"):
    return (await door("GET", f"/v1/identities?state={state}", STEWARD)).json()["identities"]


async def clocks(door: Door):
    found = [(await door("GET", f"/v1/nominals/{ref(name)}/schedule", STEWARD)).json() for name in ("p1", "p2")]
    return [each["clock_on"] for each in found], [each["waiting"] for each in found]


async def test_what_came_while_merged_waits_for_a_steward_who_says_whose_it_is(world):
    worker, door = world
    await take(worker, *BOTH, *UNDONE, MEANT)
    [question] = await waiting(door)
    uid = question["event_uid"]
    assert (question["what"], question["about"], question["on"]) == ("contact", str(ref("p1")), "2024-05-06")
    assert await clocks(door) == (["2024-05-06"] * 2, [[uid]] * 2)

    path = f"/v1/identities/{uid}/assign"
    await door("POST", path, STEWARD, 428, json={"to": str(ref("p2"))})
    await door("POST", path, STEWARD, 412, version=9, json={"to": str(ref("p2"))})
    for body, code in (
        ({"to": str(ref("p9"))}, "not_between"),
        ({"answer": "accept"}, "person_needed"),
        ({}, "person_needed"),
    ):
        assert (await door("POST", path, STEWARD, 400, version=1, json=body)).json()["code"] == code
    answer = (await door("POST", path, STEWARD, version=1, json={"to": str(ref("p2"))})).json()
    assert (answer["state"], answer["version"]) == ("answered", 2)
    await settle_all(worker)
    assert await clocks(door) == (["2022-08-01", "2024-05-06"], [[], []])
    assert await waiting(door) == []

    await door("POST", path, STEWARD, version=2, json={"to": str(ref("p1"))})
    await settle_all(worker)
    assert (await clocks(door))[0] == ["2024-05-06", "2022-08-01"]
    [settled] = await waiting(door, "answered")
    assert (settled["event_uid"], settled["version"]) == (uid, 3)
    assert (await door("GET", f"/v1/identities/{uid}", STEWARD)).json() == settled


async def test_a_merge_that_would_make_suspect_and_victim_one_waits_for_a_yes(world):
    worker, door = world
    shared = record_state("r1", links=[suspect("p1"), suspect("p2", "victim")])
    await take(worker, shared, BOTH[1], merged(gone="p2", into="p1"))
    [question] = await waiting(door)
    assert (question["what"], set(question["between"])) == ("merged", {str(ref("p1")), str(ref("p2"))})
    states = "SELECT DISTINCT state, problem FROM schedule"
    assert [tuple(row) for row in await select(worker, states)] == [("exception", "merge_waits")]

    path = f"/v1/identities/{question['event_uid']}/assign"
    answer = await door("POST", path, STEWARD, 400, version=1, json={"to": str(ref("p1"))})
    assert answer.json()["code"] == "answer_needed"
    await door("POST", path, "D-RM1", 403, version=1, json={"answer": "accept"})
    await door("POST", path, STEWARD, version=1, json={"answer": "accept"})
    await settle_all(worker)
    assert [tuple(row) for row in await select(worker, states)] == [("current", None)]
    person = (await door("GET", f"/v1/nominals/{ref('p2')}/schedule", STEWARD)).json()
    assert (person["root"], person["members"]) == (
        str(min(ref("p1"), ref("p2"))),
        sorted([str(ref("p1")), str(ref("p2"))]),
    )


async def test_what_was_said_since_may_settle_a_question(world):
    worker, door = world
    shared = record_state("r1", links=[suspect("p1"), suspect("p2", "victim")])
    await take(worker, shared, merged(gone="p2", into="p1"))
    [question] = await waiting(door)
    await take(worker, record_state("r1", 2, links=[suspect("p1")]))
    assert await waiting(door) == []
    path = f"/v1/identities/{question['event_uid']}/assign"
    answer = await door("POST", path, STEWARD, 409, version=2, json={"answer": "refuse"})
    assert answer.json()["code"] == "not_waiting"
    await door("GET", f"/v1/identities/{ref('p1')}", STEWARD, 404)


@pytest.mark.parametrize(
    ("fact", "to_p1", "to_p2"),
    [
        (
            on_day(trigger("t1", "r1", "2024-05-06", person="p1"), 7),
            [("G3", "2024-05-06"), ("G3", "2022-08-01")],
            [("G3", "2022-08-01"), ("G3", "2024-05-06")],
        ),
        (
            on_day(nominal_state("p1", 3, flags=["mappa"], date_of_birth="1980-05-06"), 7),
            [("G1", "2022-08-01"), ("G3", "2022-08-01")],
            [("G3", "2022-08-01"), ("G1", "2022-08-01")],
        ),
    ],
    ids=["a trigger", "a flag"],
)
async def test_triggers_and_flags_are_whose_a_steward_says(world, fact, to_p1, to_p2):
    worker, door = world
    await take(worker, *BOTH, *UNDONE, fact)
    [question] = await waiting(door)
    for version, (name, expected) in enumerate((("p1", to_p1), ("p2", to_p2)), 1):
        path = f"/v1/identities/{question['event_uid']}/assign"
        await door("POST", path, STEWARD, version=version, json={"to": str(ref(name))})
        await settle_all(worker)
        assert [tuple(row) for row in await select(worker, PERSONS, ref("p1"))] == expected


async def test_what_came_after_the_undoing_is_in_no_doubt(world):
    worker, door = world
    await take(worker, *BOTH, *UNDONE, MEANT, on_day(contact("c2", "p1", "2023-01-01"), 20))
    assert [each["event_uid"] for each in await waiting(door)] == [str(MEANT.event_uid)]
