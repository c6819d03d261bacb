"""Manifests held against what came, on a real database: missing, too many, late, corrected."""

from datetime import timedelta

import pytest

from services.intake.actions.manifests import only_manifests, reconcile
from tests.make_arrivals import DESK, NOW, Topic, accounts_close, captured, told, value
from tests.make_manifests import LONG_AFTER, answers, manifest, settle, take

IDS = ("r1/1", "r2/1", "r3/1")


async def take_all(connection, topic, *names):
    return told(await take(connection, *topic.batch(*(captured(name) for name in names))))


async def test_what_came_as_told_matches(intake_connection):
    topic = Topic()
    await take_all(intake_connection, topic, "r1", "r2", "r3")
    assert told(await take(intake_connection, topic.of(manifest(*IDS)))) == [("accepted",)]
    await settle(intake_connection)
    assert await answers(intake_connection) == [(1, "matched", [], [], 0, 0)]
    await settle(intake_connection, LONG_AFTER + timedelta(hours=1))
    assert len(await answers(intake_connection)) == 1, "what has not changed is not told again"
    await accounts_close(intake_connection)


async def test_missing_and_extra_are_named_and_late_ones_close_the_account(intake_connection):
    topic = Topic()
    await take_all(intake_connection, topic, "r1", "r9")
    await take(intake_connection, topic.of(manifest(*IDS)))
    await settle(intake_connection)
    await take_all(intake_connection, topic, "r3")
    await settle(intake_connection, LONG_AFTER + timedelta(minutes=1))
    await take_all(intake_connection, topic, "r2")
    await settle(intake_connection, LONG_AFTER + timedelta(minutes=2))
    assert await answers(intake_connection) == [
        (1, "differs", ["r2/1", "r3/1"], ["r9/1"], 2, 1),
        (2, "differs", ["r2/1"], ["r9/1"], 1, 1),
        (3, "differs", [], ["r9/1"], 0, 1),
    ]
    corrected = manifest(*IDS, "r9/1", id_="m2", time="2022-08-03T00:31:00Z")
    await take(intake_connection, topic.of(corrected))
    await settle(intake_connection, LONG_AFTER + timedelta(minutes=3))
    assert (await answers(intake_connection))[-1] == (4, "matched", [], [], 0, 0)
    await take_all(intake_connection, topic, "r4")
    await settle(intake_connection, LONG_AFTER + timedelta(minutes=4))
    assert (await answers(intake_connection))[-1] == (5, "differs", [], ["r4/1"], 0, 1)


async def test_without_ids_only_counts_are_told(intake_connection):
    topic = Topic()
    await take_all(intake_connection, topic, "r1", "r2")
    await take(intake_connection, topic.of(manifest(*IDS, named=False)))
    await settle(intake_connection)
    await take_all(intake_connection, topic, "r4")
    await settle(intake_connection, LONG_AFTER + timedelta(minutes=1))
    assert await answers(intake_connection) == [(1, "differs", [], [], 1, 0), (2, "differs", [], [], 0, 0)]
    await take(
        intake_connection,
        topic.of(manifest("r1/1", "r2/1", "r4/1", named=False, id_="m2", time="2022-08-04T00:30:00Z")),
    )
    await settle(intake_connection, LONG_AFTER + timedelta(minutes=2))
    assert (await answers(intake_connection))[-1] == (3, "matched", [], [], 0, 0)


async def test_an_id_counts_wherever_it_came_and_a_source_answers_for_itself_only(intake_connection):
    topic = Topic()
    timeless = captured("r1", attributes={"time": None})
    other = captured("r3", attributes={"source": "urn:demo:intelligence"}, source_system="intelligence")
    await take(intake_connection, *topic.batch(captured("r2"), other))
    await take(intake_connection, topic.of(manifest("r1/1", "r2/1")))
    await settle(intake_connection)
    await take(intake_connection, topic.of(timeless))
    await settle(intake_connection, LONG_AFTER + timedelta(minutes=1))
    assert await answers(intake_connection) == [(1, "differs", ["r1/1"], [], 1, 0), (2, "matched", [], [], 0, 0)]


async def test_what_is_on_its_way_and_a_period_that_goes_on_are_waited_for(intake_connection):
    topic = Topic()
    await take(intake_connection, topic.of(manifest(*IDS)))
    await settle(intake_connection, NOW)
    assert await answers(intake_connection) == []
    await take_all(intake_connection, topic, "r1", "r2", "r3")
    await settle(intake_connection, NOW + timedelta(seconds=6))
    assert await answers(intake_connection) == [(1, "matched", [], [], 0, 0)]
    today = NOW.date().isoformat()
    coming = manifest("r7/1", id_="m2", **{"from": today, "to": today})
    await take(intake_connection, topic.of(coming))
    await settle(intake_connection, NOW + timedelta(hours=1))
    assert len(await answers(intake_connection)) == 1
    await settle(intake_connection, NOW + timedelta(days=1))
    assert (await answers(intake_connection))[-1][:3] == (1, "differs", ["r7/1"])


async def test_of_two_for_one_period_the_later_counts_whichever_comes_first(intake_connection):
    topic = Topic()
    await take_all(intake_connection, topic, "r1")
    late = manifest("r1/1", id_="m2", time="2022-08-03T02:00:00Z")
    await take(intake_connection, *topic.batch(late, manifest("r1/1", "r2/1")))
    await settle(intake_connection)
    assert await answers(intake_connection) == [(1, "matched", [], [], 0, 0)]
    assert await value(intake_connection, "SELECT count(*) FROM manifest") == 1


async def test_what_cannot_be_a_manifest_has_its_receipt(intake_connection):
    topic = Topic()
    sent = [
        manifest(*IDS, count=4),
        manifest(*IDS, id_="m2", digest="0" * 64),
        manifest("r1/1", "r1/1", id_="m3"),
        manifest(*IDS, id_="m4", time=None),
        manifest(*IDS, id_="m5", to="2022-08-01"),
        manifest(*IDS, id_="m6", to="2024-08-01"),
        manifest(*IDS, id_="m7", source_system="nominals"),
        manifest(*IDS, id_="m8", to="2022-08-02T10:00:00"),
        manifest(*IDS, id_="m9", source="urn:nobody"),
    ]
    assert told(await take(intake_connection, *topic.batch(*sent))) == [
        ("quarantined", "count_mismatch"),
        ("quarantined", "digest_mismatch"),
        ("quarantined", "ids_repeated"),
        ("quarantined", "no_time"),
        ("quarantined", "period_empty"),
        ("quarantined", "period_too_long"),
        ("quarantined", "not_your_system"),
        ("quarantined", "partial_instant"),
        ("quarantined", "source_not_registered"),
    ]
    await settle(intake_connection)
    assert await answers(intake_connection) == []
    await accounts_close(intake_connection)


@pytest.mark.parametrize("count", [1_100])
async def test_ids_are_told_up_to_a_thousand_with_their_counts(intake_connection, count):
    topic = Topic()
    await take(intake_connection, topic.of(manifest(*(f"x{n:04}" for n in range(count)))))
    await settle(intake_connection)
    [(_, state, missing, _, missing_count, _)] = await answers(intake_connection)
    assert (state, len(missing), missing[0], missing_count) == ("differs", 1_000, "x0000", count)


async def test_one_that_is_being_compared_by_another_is_left_to_it(intake_connection):
    topic = Topic()
    await take(intake_connection, topic.of(manifest(*IDS)))
    assert await reconcile(intake_connection, DESK, LONG_AFTER) == 1
    assert await reconcile(intake_connection, DESK, LONG_AFTER) == 0


async def test_what_is_no_manifest_is_refused_on_their_topic_and_kept(intake_connection):
    topic = Topic()
    arrived = [only_manifests(each) for each in topic.batch(captured(), manifest(*IDS))]
    assert told(await take(intake_connection, *arrived)) == [("quarantined", "not_a_manifest"), ("accepted",)]
    await accounts_close(intake_connection)
