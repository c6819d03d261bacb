"""When a row's clock starts, and when it waits: each sentence of the scheme by name."""

from datetime import date

import pytest

from shared.calendar_rules import Period
from shared.policy import Start
from shared.sentences import sentences
from tests.make_facts import (
    PACK,
    day,
    entered_in_error,
    schedule,
    starts,
    state,
    told,
    trigger,
    undetected,
    with_row,
    with_trigger,
    withdrawal,
)

CLOSED = with_row(clock=starts("closed"))
CLOSED_OR_REPORTED = with_row(clock=starts("closed", "reported_at"))
REOPENS = with_trigger("closed", CLOSED, undone_by=frozenset({"reopened"}))


@pytest.mark.parametrize(
    ("pack", "facts", "clock_on"),
    [
        pytest.param(CLOSED, [trigger("closed", "2023-04-05")], "2023-04-05", id="closed"),
        pytest.param(
            CLOSED, [trigger("closed", "2023-04-05"), trigger("closed", "2024-04-05")], "2024-04-05", id="the last time"
        ),
        pytest.param(CLOSED, [trigger("closed", "2043-04-05")], "2043-04-05", id="closed in the future"),
        pytest.param(CLOSED, [trigger("resolved", "2023-04-05")], None, id="another trigger"),
        pytest.param(
            REOPENS, [trigger("closed", "2023-04-05"), trigger("reopened", "2023-05-05")], None, id="re-opened later"
        ),
        pytest.param(
            REOPENS, [trigger("closed", "2023-04-05"), trigger("reopened", "2023-04-05")], None, id="the same day"
        ),
        pytest.param(
            REOPENS,
            [trigger("closed", "2023-04"), trigger("reopened", "2023-04-20")],
            None,
            id="some day of a month, in which it was opened again: nobody can tell which came first",
        ),
        pytest.param(
            REOPENS,
            [trigger("closed", "2023-04-05"), trigger("reopened", "2023-05-05"), trigger("closed", "2023-06-05")],
            "2023-06-05",
            id="closed again",
        ),
        pytest.param(
            REOPENS,
            [trigger("reopened", "2023-03-05"), trigger("closed", "2023-04-05")],
            "2023-04-05",
            id="re-opened before",
        ),
        pytest.param(CLOSED_OR_REPORTED, [], "2022-08-01", id="first of the list that is there"),
        pytest.param(
            CLOSED_OR_REPORTED, [trigger("closed", "2023-04-05")], "2023-04-05", id="first of the list, in its order"
        ),
        pytest.param(
            with_row(clock=starts("closed", "resolved"), clock_by="any"),
            [trigger("closed", "2024-04-05"), trigger("resolved", "2023-04-05")],
            "2023-04-05",
            id="any: the earliest",
        ),
        pytest.param(
            with_row(clock=starts("closed", "resolved"), clock_by="any"),
            [trigger("closed", "2024-04-05")],
            "2024-04-05",
            id="any: the only one",
        ),
        pytest.param(
            with_row(clock=starts("closed", "resolved"), clock_by="all"),
            [trigger("closed", "2024-04-05"), trigger("resolved", "2023-04-05")],
            "2024-04-05",
            id="all: the latest",
        ),
        pytest.param(
            with_row(clock=starts("closed", "reported_at"), clock_by="all"), [], None, id="all: one has not happened"
        ),
        pytest.param(
            with_row(clock=(Start("outcome_recorded", frozenset({"not_relevant"})),)),
            [trigger("outcome_recorded", "2023-04-05", value="relevant")],
            None,
            id="another value leaves the clock alone",
        ),
        pytest.param(
            with_row(clock=(Start("outcome_recorded", frozenset({"not_relevant"})),)),
            [trigger("outcome_recorded", "2023-04-05", value="not_relevant")],
            "2023-04-05",
            id="the value that the row names",
        ),
        pytest.param(
            with_trigger("closed", CLOSED, values=frozenset({"filed"})),
            [trigger("closed", "2023-04-05")],
            None,
            id="no value, where the trigger asks for one",
        ),
    ],
)
def test_a_clock_starts_at_what_the_row_names(pack, facts, clock_on):
    for its in ([undetected(), *facts], [*reversed(facts), undetected()]):
        found = schedule(its, pack=pack)
        assert (found.state, found.clock_on) == ("current", day(clock_on))
        assert found.keep_until == (day(clock_on) and date(day(clock_on).year + 6, *day(clock_on).timetuple()[1:3]))


def test_a_trigger_withdrawn_un_starts_the_clock():
    closed = trigger("closed", "2023-04-05")
    assert schedule([undetected(), closed, withdrawal(closed)], pack=CLOSED) == schedule([undetected()], pack=CLOSED)


def test_what_has_not_happened_is_waited_for_and_never_due_but_looked_at():
    found = schedule([undetected()], pack=CLOSED)
    assert (found.state, found.keep_until, found.actionable_from, found.open_on) == ("current", None, None, None)
    assert (found.review_on, found.review_kind, found.problem) == (date(2032, 8, 3), "backstop", None)
    assert {"code": "waits", "for": ["closed"]} in told([undetected()], pack=CLOSED)["steps"]
    assert "The clock has not started: it waits for closed." in sentences(told([undetected()], pack=CLOSED))


def test_a_date_that_should_be_there_and_is_not_is_an_exception():
    pack = with_row(clock=starts("created_on"))
    assert schedule([undetected()], pack=pack).problem == "no_clock_date"
    both = with_row(clock=starts("created_on", "closed"), clock_by="all")
    assert schedule([undetected()], pack=both).problem == "no_clock_date"
    assert schedule([undetected(created_on="2022-08-02")], pack=both).problem is None


def test_the_fact_that_starts_a_clock_is_named():
    closed = trigger("closed", "2023-04-05")
    steps = told([undetected(), closed], pack=CLOSED)["steps"]
    assert {"code": "clock", "on": "2023-04-05", "facts": [str(closed.event_uid)]} in steps


def test_a_clock_may_start_at_a_date_of_the_metadata():
    pack = with_row(clock=starts("metadata:licence_expires_on"))
    found = schedule([undetected(metadata={"licence_expires_on": "2030-02-28"})], pack=pack)
    assert found.keep_until == date(2036, 2, 28)
    for unreadable in ("soon", "2022-13", "2022/05", "9999-12-31T23:59:00-14:00"):
        told_so = schedule([undetected(metadata={"licence_expires_on": unreadable})], pack=pack)
        assert told_so.problem == "date_unreadable"
    assert schedule([undetected()], pack=pack).problem == "no_clock_date"


def test_a_row_without_a_period_ends_on_its_clock_s_day():
    pack = with_row(clock=starts("expired"), retain=None, ends_on_clock=True)
    found = schedule([undetected(), trigger("expired", "2030-02-28")], pack=pack)
    assert (found.keep_until, found.actionable_from) == (date(2030, 2, 28), date(2030, 3, 1))
    assert schedule([undetected()], pack=pack).state == "current"
    assert schedule([undetected()], pack=with_row("R03", pack, clock=starts("created_on"))).problem == "no_clock_date"


def test_hours_are_whole_civil_days_rounded_up():
    pack = with_row(clock=starts("closed"), retain=Period.parse("25h"))
    assert schedule([undetected(), trigger("closed", "2030-02-28")], pack=pack).keep_until == date(2030, 3, 2)


@pytest.mark.parametrize("name", ["closed", "charged"])
def test_what_befell_a_record_before_it_was_reported_is_an_exception(name):
    early = trigger(name, "2022-07-31")
    found = schedule([undetected(), early], pack=PACK)
    assert (found.state, found.problem, found.keep_until) == ("exception", "event_before_report", date(2028, 8, 1))
    assert "before it was reported" in " ".join(sentences(told([undetected(), early])))
    assert schedule([undetected(), early, withdrawal(early)]).problem is None
    assert schedule([undetected(), trigger(name, "2022-08-01")]).problem is None


def test_a_withdrawn_record_that_waits_keeps_on_waiting():
    found = schedule([undetected(), entered_in_error()], pack=CLOSED)
    assert (found.state, found.keep_until, found.cause) == ("current", None, "withdrawn")


def test_a_clock_of_the_row_is_not_read_where_persons_date_the_record():
    pack = with_row("R01", clock=starts("closed"), retain=Period.parse("30y"))
    assert schedule([state()], pack=pack) == schedule([state()])
