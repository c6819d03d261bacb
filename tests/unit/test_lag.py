"""How far a topic's positions are behind its ends, from looks alone."""

from shared.lag import LOOKS_MAX, Lag


def test_nothing_waits_where_the_positions_have_reached_the_ends():
    lag = Lag()
    assert lag.look(0, {0: 10, 1: 0}, {0: 10}) == (0, 0)
    assert lag.look(5, {0: 12, 1: 0}, {0: 12}) == (0, 0)


def test_what_waits_is_as_old_as_the_look_that_saw_it_first():
    lag = Lag()
    assert lag.look(0, {0: 10}, {0: 4}) == (6, 0)
    assert lag.look(5, {0: 20}, {0: 9}) == (11, 5)
    assert lag.look(10, {0: 20}, {0: 10}) == (10, 5), "what was there at 0 is taken in; the rest was seen at 5"
    assert lag.look(15, {0: 20}, {0: 20}) == (0, 0)
    assert lag.look(20, {0: 21}, {0: 20}) == (1, 0)


def test_a_message_in_hand_says_its_own_age_as_long_as_it_is_the_first():
    lag = Lag()
    lag.begin(0, 4, -100)
    assert lag.look(0, {0: 10}, {0: 4}) == (6, 100)
    assert lag.look(5, {0: 10}, {0: 6}) == (4, 5)


def test_one_partition_that_stands_still_is_what_counts():
    lag = Lag()
    lag.look(0, {0: 10, 1: 1}, {0: 4})
    assert lag.look(60, {0: 90, 1: 1}, {0: 90}) == (1, 60)


def test_a_long_lag_is_remembered_in_few_looks():
    lag = Lag()
    for second in range(3 * LOOKS_MAX):
        found = lag.look(second, {0: 10 + second}, {0: 0})
    assert found == (3 * LOOKS_MAX + 9, 3 * LOOKS_MAX - 1)
    assert len(lag._looks) <= LOOKS_MAX
