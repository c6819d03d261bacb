"""Until when everything that came in has been passed on, from looks at ends and stored positions alone."""

from datetime import UTC, datetime, timedelta

import pytest

from services.intake.domain.news import LOOKS_MAX, Looks

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)


def at(second: int) -> datetime:
    return NOON + timedelta(seconds=second)


def of(parts: dict[int, int]) -> dict[tuple[str, int], int]:
    return {("records.events.v1", part): offset for part, offset in parts.items()}


def seen(*ends: dict[int, int]) -> Looks:
    looks = Looks()
    for second, each in enumerate(ends):
        looks.add(at(second), of(each))
    return looks


@pytest.mark.parametrize(
    ("positions", "second"),
    [
        pytest.param({0: 9, 1: 6}, 2, id="all is taken in"),
        pytest.param({0: 5, 1: 6}, 1, id="one partition is a look behind"),
        pytest.param({0: 9, 1: 4}, 0, id="the other is two behind"),
        pytest.param({0: 9}, None, id="a partition with records was never read"),
        pytest.param({}, None, id="nothing was read"),
    ],
)
def test_it_is_the_latest_look_whose_ends_all_positions_have_reached(positions, second):
    looks = seen({0: 3, 1: 4}, {0: 5, 1: 5}, {0: 9, 1: 6})

    assert looks.passed(of(positions)) == (None if second is None else at(second))


def test_an_empty_partition_holds_nothing_up():
    assert seen({0: 3, 1: 0}).passed(of({0: 3})) == at(0)


def test_nothing_is_known_before_the_first_look():
    assert Looks().passed(of({0: 9})) is None


def test_a_back_load_that_waits_holds_up_what_is_said_of_live_events():
    looks = Looks()
    for second in range(3):
        looks.add(at(second), {("records.events.v1", 0): second, ("records.backload.v1", 0): 5 if second else 0})

    assert looks.passed({("records.events.v1", 0): 2, ("records.backload.v1", 0): 4}) == at(0)
    assert looks.passed({("records.events.v1", 0): 2, ("records.backload.v1", 0): 5}) == at(2)


def test_who_is_behind_for_longer_than_every_look_is_kept_is_told_a_look_later_and_never_too_fresh():
    looks = seen(*({0: end} for end in range(1, LOOKS_MAX + 2)))

    assert looks.passed(of({0: 1})) == at(0)
    assert looks.passed(of({0: 2})) == at(0)
    assert looks.passed(of({0: 3})) == at(2)
    assert looks.passed(of({0: LOOKS_MAX + 1})) == at(LOOKS_MAX)


def test_a_position_never_falls_back_so_neither_does_what_is_said():
    looks = seen({0: 1}, {0: 2})

    assert looks.passed(of({0: 2})) == at(1)
    assert looks.passed(of({0: 1})) == at(1)
