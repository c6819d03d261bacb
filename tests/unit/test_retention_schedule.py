"""Persons and schedules: the dates that people will argue about, by name."""

from datetime import date

import pytest

from shared.policy import read_pack
from tests.make_facts import (
    POLICY_TEXT,
    contact,
    day,
    decided,
    entered_in_error,
    intelligence,
    person_state,
    schedule,
    state,
    stop,
    trigger,
    undetected,
)

BORN = person_state(date_of_birth="1980-05-06")


@pytest.mark.parametrize(
    ("facts", "own", "keep_until"),
    [
        pytest.param([undetected()], [], "2028-08-01", id="undetected: 6 years from the report"),
        pytest.param(
            [undetected(occurred_on="2022-08", reported_at=None)], [], "2028-08-31", id="only the month known"
        ),
        pytest.param([undetected(offences=["1"])], [], "2122-08-01", id="undetected, serious: 100 years"),
        pytest.param([stop()], [], "2029-08-01", id="stop and search: 7 years"),
        pytest.param([intelligence()], [], "2028-08-02", id="ungraded intelligence: its own row, and the floor"),
        pytest.param([intelligence(group="G2")], [], "2032-08-02", id="graded intelligence"),
        pytest.param([state()], [], "2028-08-03", id="G3: the floor binds"),
        pytest.param([state()], [contact(on="2023-01-01")], "2029-01-01", id="G3: a contact resets"),
        pytest.param([state()], [contact("subject_access_request")], "2028-08-03", id="a subject's request never does"),
        pytest.param([state()], [contact("agency_request")], "2028-08-03", id="an agency's does not here"),
        pytest.param([state()], [contact(on="2001-01-01")], "2028-08-03", id="a late event counts from its own date"),
        pytest.param([state(), trigger(on="2023-02-03")], [], "2029-02-03", id="a verdict counts"),
        pytest.param([state(offences=["5/1"])], [], "2032-08-01", id="G2: 10 years"),
        pytest.param([state(offences=["1"])], [BORN], "2080-05-06", id="G1: the hundredth birthday itself"),
        pytest.param(
            [state(offences=["1"])],
            [person_state(date_of_birth="2000-02-29")],
            "2100-02-28",
            id="G1: born on a leap day",
        ),
        pytest.param(
            [state(created_on="2022-08-01")],
            [person_state(date_of_birth="1990-01-01", flags=["mappa"])],
            "2090-01-01",
            id="a flag puts them in G1",
        ),
        pytest.param(
            [state()],
            [person_state(1, date_of_birth="1990-01-01", flags=["mappa"]), person_state(2, date_of_birth="1990-01-01")],
            "2090-01-01",
            id="a flag that disappears lowers nothing",
        ),
        pytest.param(
            [state()], [person_state(flags=["vulnerable", "unheard_of"])], "2028-08-03", id="a flag without a group"
        ),
        pytest.param([state()], [decided("2028-06-01")], "2033-06-01", id="G3 retained: 5 years from the decision"),
        pytest.param(
            [state(), trigger(on="2028-05-31")],
            [decided("2028-06-01")],
            "2034-05-31",
            id="G3 retained: the clear period is later",
        ),
        pytest.param(
            [state()],
            [decided("2028-06-01", next_on="2030-01-01")],
            "2030-01-01",
            id="the reviewer names an earlier day",
        ),
        pytest.param(
            [state()],
            [decided("2028-06-01", next_on="2050-01-01")],
            "2033-06-01",
            id="a later one than policy's is not taken",
        ),
        pytest.param(
            [state()],
            [decided("2023-06-01", next_on="2024-01-01")],
            "2028-08-03",
            id="never before the clear period ends",
        ),
        pytest.param(
            [state(offences=["5/1"])],
            [decided("2032-06-01")],
            "2042-06-01",
            id="G2 retained: 10 years from the decision",
        ),
        pytest.param(
            [state(offences=["1"])], [BORN, decided("2040-01-01")], "2080-05-06", id="G1 retained between moves nothing"
        ),
        pytest.param([state(offences=["1"])], [BORN, decided("2080-04-01")], "2090-04-01", id="G1 retained at the end"),
        pytest.param(
            [state()], [decided("2028-06-01", "dispose")], "2028-08-03", id="a decision to dispose moves nothing"
        ),
        pytest.param(
            [state(), decided("2028-06-01", subject=1)],
            [],
            "2028-08-03",
            id="this record alone retained: its person's review decides how long",
        ),
        pytest.param(
            [undetected(), decided("2028-06-01", subject=1)],
            [],
            "2038-06-01",
            id="nobody's record retained: the backstop's cadence",
        ),
        pytest.param(
            [undetected(), decided("2028-06-01", next_on="2029-01-01", subject=1)],
            [],
            "2029-01-01",
            id="undetected, retained until a day named",
        ),
        pytest.param(
            [state(), entered_in_error()],
            [contact(on="2027-01-01")],
            "2028-08-03",
            id="withdrawn: the floor of its highest state",
        ),
        pytest.param([undetected(), entered_in_error()], [], "2028-08-01", id="withdrawn, by its own row"),
    ],
)
def test_keep_until(facts, own, keep_until):
    found = schedule(facts, own)
    assert (found.state, found.keep_until, found.problem) == ("current", day(keep_until), None)
    assert found.actionable_from > found.keep_until
    assert schedule(facts[::-1], own[::-1]) == found


@pytest.mark.parametrize(
    ("facts", "own", "problem", "at_least"),
    [
        pytest.param([state(offences=["1"])], [], "no_birth_date", "2028-08-03", id="G1 without a birth date"),
        pytest.param([undetected(reported_at=None, occurred_on=None)], [], "no_clock_date", None, id="no date at all"),
        pytest.param([stop(occurred_on=None)], [], "no_clock_date", None, id="a stop without its day"),
        pytest.param(
            [state(reported_at=None, occurred_on=None)], [], "no_person_clock", "2028-08-03", id="no notice date"
        ),
        pytest.param([state(record_type="other")], [], "unclassified", None, id="unclassified"),
        pytest.param([state(offences=[])], [], "no_offence", "2028-08-03", id="suspect without an offence"),
        pytest.param(
            [state(received_on=None)], [], "no_floor_date", "2028-08-01", id="nothing tells when it was created"
        ),
        pytest.param(
            [state()], [person_state(date_of_birth="2012-08-02")], "under_10", "2028-08-03", id="nine years old"
        ),
        pytest.param(
            [state()],
            [person_state(date_of_birth="2023-01-01")],
            "born_after_conduct",
            "2028-08-03",
            id="not yet born",
        ),
        pytest.param(
            [state()], [person_state(died_on="2022-07-31")], "dead_before_conduct", "2028-08-03", id="dead by then"
        ),
        pytest.param(
            [state()],
            [person_state(date_of_birth="1980-01-01", died_on="1979-01-01")],
            "contradictory_dates",
            "2028-08-03",
            id="died before birth",
        ),
    ],
)
def test_an_exception_is_kept_owned_and_never_falls_due(facts, own, problem, at_least):
    found = schedule(facts, own)
    assert (found.state, found.problem, found.owner) == ("exception", problem, "data_steward")
    assert (found.keep_until, found.actionable_from, found.open_on) == (day(at_least), None, None)
    assert found.review_on is not None


def test_a_tenth_birthday_makes_responsible_and_so_does_a_review_of_the_record():
    assert schedule([state()], [person_state(date_of_birth="2012-08-01")]).problem is None
    assert schedule([state(), decided(subject=1)], [person_state(date_of_birth="2012-08-02")]).problem is None


@pytest.mark.parametrize(
    ("died_on", "happened"),
    [
        pytest.param("2022-08-01", {"occurred_on": "2022-08-01"}, id="on the day itself"),
        pytest.param("2022-08-01", {"occurred_on": "2022-08"}, id="within the month that is all that is known"),
        pytest.param("2010-05-06", {"occurred_on": None}, id="long ago, and nobody says when it happened"),
    ],
)
def test_what_is_only_told_after_a_death_is_no_contradiction(died_on, happened):
    assert schedule([state(**happened)], [person_state(died_on=died_on)]).problem is None


def test_what_is_supplied_gives_the_date_at_once():
    facts = [state(offences=["1"])]
    assert schedule(facts, [person_state(1)]).state == "exception"
    assert schedule(facts, [person_state(1), person_state(2, date_of_birth="1980-05-06")]).state == "current"


@pytest.mark.parametrize(
    ("facts", "own", "open_on", "review_on", "kind", "end"),
    [
        pytest.param(
            [undetected()], [], "2028-07-26", "2032-08-03", "backstop", "dispose", id="by time: cooling-off before"
        ),
        pytest.param([state()], [], "2028-05-06", "2028-08-04", "scheduled", "review", id="review: lead time before"),
        pytest.param(
            [undetected(offences=["1"])],
            [],
            "2122-05-04",
            "2032-08-03",
            "backstop",
            "review",
            id="the backstop is sooner",
        ),
        pytest.param(
            [undetected(offences=["1"]), decided("2031-01-01", subject=1)],
            [],
            "2122-05-04",
            "2041-01-01",
            "backstop",
            "review",
            id="the backstop counts from the last review",
        ),
        pytest.param(
            [state(offences=["1"])],
            [BORN],
            "2080-02-07",
            "2032-08-01",
            "periodic",
            "review",
            id="G1: ten years from the facts",
        ),
        pytest.param(
            [state(offences=["1"]), trigger(on="2024-01-01")],
            [BORN],
            "2080-02-07",
            "2032-08-01",
            "periodic",
            "review",
            id="G1: nothing between moves it",
        ),
        pytest.param(
            [state(offences=["1"])],
            [BORN, decided("2031-01-01")],
            "2080-02-07",
            "2041-01-01",
            "periodic",
            "review",
            id="G1: ten years from the decision",
        ),
        pytest.param(
            [state(offences=["5/1"])],
            [decided("2023-01-01", next_on="2025-01-01")],
            "2032-05-04",
            "2025-01-01",
            "periodic",
            "review",
            id="the day a reviewer named",
        ),
        pytest.param(
            [state(offences=["5/1"])],
            [decided("2023-01-01", next_on="2025-01-01"), decided("2025-01-02", "dispose")],
            "2032-05-04",
            "2032-08-02",
            "scheduled",
            "review",
            id="and once looked at, no more",
        ),
    ],
)
def test_when_it_opens_and_is_looked_at_next(facts, own, open_on, review_on, kind, end):
    found = schedule(facts, own)
    assert (found.open_on, found.review_on, found.review_kind, found.end) == (day(open_on), day(review_on), kind, end)


def test_a_withdrawn_record_asks_for_a_review_and_has_neither_group_nor_clock():
    found = schedule([state(offences=["5/1"]), entered_in_error()])
    assert (found.cause, found.group, found.clock_on, found.end) == ("withdrawn", None, None, "review")
    assert found.keep_until == date(2032, 8, 1)  # As before: ten years since they came to notice by it.
    again = schedule([state(offences=["5/1"]), entered_in_error(), state(3, offences=["5/1"])])
    assert (again.cause, again.group, again.keep_until) == (None, "G2", date(2032, 8, 1))


def test_unconfirmed_rows_date_but_never_dispose():
    text = POLICY_TEXT.replace(b'confirmed = {by = "D-IAO1", on = 2020-01-01}', b"")
    found = schedule([undetected()], pack=read_pack(text, "unconfirmed"))
    assert (found.keep_until, found.end, found.review_kind) == (date(2028, 8, 1), "review", "scheduled")


def test_a_permanent_row_has_no_last_day_and_yet_a_review():
    text = POLICY_TEXT.replace(b'retain = "100y"\n', b'retain = "permanent"\n', 1)
    found = schedule([undetected(offences=["1"])], pack=read_pack(text, "permanent"))
    assert (found.state, found.keep_until, found.open_on) == ("permanent", None, None)
    assert (found.review_on, found.review_kind) == (date(2032, 8, 3), "backstop")
