"""A back-load yields to live events: nothing while they wait, a share beside them, everything when none come."""

import asyncio

import pytest

from services.intake.domain.pacing import ALONE_RECORDS_MAX, ALONE_UNDATED_MAX, BESIDE_RECORDS_MAX, Limits, Live, pace
from shared.batches import Span
from shared.gathering import Gathering
from shared.pace import Pace
from shared.positions import Place
from shared.yielding import Yielding

LIMITS = Limits(rows_max=500, ms_max=1_000, share_percent=25)


@pytest.mark.parametrize(
    ("live", "paused", "state"),
    [
        pytest.param(Live(0, 0.0, False), False, "alone", id="no live event comes"),
        pytest.param(Live(0, 0.0, True), False, "sharing", id="live events come and are taken in at once"),
        pytest.param(Live(500, 1.0, True), False, "sharing", id="as late as they may be"),
        pytest.param(Live(501, 0.0, True), False, "yielding", id="a row too many waits"),
        pytest.param(Live(1, 1.001, True), False, "yielding", id="the oldest waits too long"),
        pytest.param(Live(0, 1.001, False), False, "yielding", id="a receipt waits too long"),
        pytest.param(Live(0, 0.0, True, 500), False, "sharing", id="what is registered is dated soon"),
        pytest.param(Live(0, 0.0, True, 501), False, "yielding", id="a live event's schedule would wait too long"),
        pytest.param(Live(0, 0.0, False, ALONE_UNDATED_MAX), False, "alone", id="nobody's schedule waits"),
        pytest.param(Live(0, 0.0, False, ALONE_UNDATED_MAX + 1), False, "yielding", id="nobody's, but somebody's may"),
        pytest.param(Live(0, 0.0, False), True, "paused", id="an operator's word comes first"),
        pytest.param(Live(900, 9.0, True), True, "paused", id="and last"),
    ],
)
def test_the_state(live, paused, state):
    found = pace(live, LIMITS, paused=paused)

    assert found.state == state
    assert bool(found.room) == (state in ("sharing", "alone"))


def test_beside_live_events_a_batch_is_small_and_is_followed_by_a_rest():
    assert pace(Live(0, 0.0, True), LIMITS, paused=False) == Pace("sharing", BESIDE_RECORDS_MAX, 3.0)
    assert pace(Live(0, 0.0, True), LIMITS._replace(share_percent=100), paused=False).rest == 0


def test_alone_it_may_hand_out_what_is_not_many_to_be_dated():
    found = pace(Live(0, 0.0, False, undated=300, handed=20_000), LIMITS, paused=False)
    assert found == Pace("alone", ALONE_RECORDS_MAX, upto=20_000 + ALONE_UNDATED_MAX - 300)


def test_where_nobody_tells_what_waits_for_its_schedule_there_is_no_such_bound():
    found = pace(Live(0, 0.0, False, undated=None, handed=20_000), LIMITS, paused=False)
    assert found == Pace("alone", ALONE_RECORDS_MAX)


async def test_nobody_gets_through_until_there_is_room():
    yielding = Yielding(Pace("paused", 0))
    passing = asyncio.ensure_future(yielding.open())
    await asyncio.sleep(0)
    assert not passing.done()

    yielding.set(Pace("alone", 10))
    await passing

    yielding.set(Pace("yielding", 0))
    again = asyncio.ensure_future(yielding.open())
    await asyncio.sleep(0)
    assert (again.done(), yielding.room(0)) == (False, 0)
    again.cancel()


async def test_beside_others_one_batch_goes_at_a_time_and_rests_after():
    rung = asyncio.Event()
    yielding = Yielding(Pace("sharing", 250, 3.0))
    yielding.changed = rung.set

    assert (yielding.room(0), yielding.room(1)) == (250, 0)
    yielding.took(0.005)
    assert yielding.room(0) == 0
    await asyncio.wait_for(rung.wait(), 2)
    assert yielding.room(0) == 250


def spans(count: int) -> list[Span]:
    return [Span(Place("cluster", "t", "i", part), [None] * 250, 0, 250) for part in range(count)]


async def test_a_live_event_is_made_way_for_at_once_and_a_pause_is_not_lifted_by_one():
    yielding = Yielding(Pace("alone", 2_000), Pace("sharing", 100, 3.0))
    assert not yielding.met

    yielding.make_way()
    assert (yielding.pace.state, yielding.met) == ("sharing", True)

    yielding.set(Pace("paused", 0))
    yielding.make_way()
    assert yielding.pace.state == "paused"


async def test_a_batch_holds_what_the_pace_allows():
    yielding = Yielding(Pace("paused", 0))
    gathering = Gathering(None, ["t"], yielding)
    for span in spans(3):
        gathering.add(span)
    assert list(gathering.batches()) == []

    yielding.set(Pace("sharing", 250, 3.0))
    assert gathering.changed.is_set()
    [batch] = gathering.batches()
    assert (len(batch.records), list(gathering.batches())) == (250, [])

    yielding.set(Pace("alone", 2_000))
    [together] = gathering.batches()
    assert len(together.records) == 500


async def test_no_more_is_handed_out_than_the_next_pace_waits_for():
    yielding = Yielding(Pace("alone", 500, upto=600))
    gathering = Gathering(None, ["t"], yielding)
    for span in spans(5):
        gathering.add(span)
    assert [len(batch.records) for batch in gathering.batches()] == [500, 500]
    assert (yielding.handed, yielding.room(0)) == (1_000, 0)

    yielding.set(Pace("alone", 500, upto=1_001))
    assert [len(batch.records) for batch in gathering.batches()] == [250]


async def test_what_was_read_for_a_larger_batch_is_read_again_in_smaller_pieces():
    yielding = Yielding(Pace("alone", 500))
    gathering = Gathering(None, ["t"], yielding)
    begun, waiting, beside = spans(3)
    gathering.add(begun)
    [batch] = gathering.batches()
    gathering.add(waiting)

    yielding.set(Pace("sharing", 50, 9.0))
    assert list(gathering.batches()) == []
    assert (waiting.outcome.result(), begun.outcome.done()) == (False, False)

    gathering.left(batch)
    yielding.set(Pace("paused", 0))
    gathering.add(beside)
    assert list(gathering.batches()) == []
    assert not beside.outcome.done(), "what is paused waits"


async def test_what_no_agent_has_begun_is_lost_at_once_when_its_partition_goes():
    gathering = Gathering(None, ["t"])
    first, second = spans(2)
    gathering.add(first)
    [begun] = gathering.batches()
    gathering.add(second)

    gathering.abandon()

    assert second.outcome.result() is False
    assert (begun.spans, first.outcome.done()) == ([first], False)
