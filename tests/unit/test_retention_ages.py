"""Birthdays that keep a record: whose they are, for how long after, and what an unknown one means."""

from dataclasses import replace
from datetime import date

import pytest

from services.retention.domain import of_record
from services.retention.domain.children import tells_birthday
from shared.calendar_rules import Period
from shared.policy import Age, Children, Floor
from shared.sentences import sentences
from tests.make_facts import (
    N42,
    N43,
    PACK,
    contact,
    day,
    decided,
    entered_in_error,
    link,
    person,
    person_state,
    schedule,
    starts,
    state,
    told,
    trigger,
    undetected,
    with_floor,
    with_row,
)

SUBJECT = frozenset({"subject"})
TO_100 = with_row(retain=None, clock=(), ages=(Age(SUBJECT, 100),))
SIX_OR_25 = with_row(ages=(Age(frozenset({"victim", "witness"}), 25, under=18),))
CLAIM = Floor("child_claim", age=Age(frozenset({"victim"}), 18), add=Period.parse("6y"))
CIVIL = with_floor(CLAIM, "R01")
VICTIM = state(links=[link(), link(N43, "victim")])


def born(on, **more):
    return [person_state(date_of_birth=on, **more)]


def on_it(role, **changes):
    return [undetected(links=[link(role=role)], **changes)]


@pytest.mark.parametrize(
    ("pack", "facts", "birth", "keep_until"),
    [
        pytest.param(TO_100, on_it("subject"), "1980-05-06", "2080-05-06", id="the hundredth birthday itself"),
        pytest.param(TO_100, on_it("subject"), "1980-02-29", "2080-02-29", id="born on a leap day"),
        pytest.param(SIX_OR_25, on_it("victim"), "2010-05-06", "2035-05-06", id="a child: the 25th birthday"),
        pytest.param(SIX_OR_25, on_it("witness"), "2010-05-06", "2035-05-06", id="in any of the roles"),
        pytest.param(SIX_OR_25, on_it("victim"), "2004-08-01", "2028-08-01", id="eighteen that very day"),
        pytest.param(SIX_OR_25, on_it("victim"), "2004-08-02", "2029-08-02", id="eighteen the day after"),
        pytest.param(SIX_OR_25, on_it("other"), "2010-05-06", "2028-08-01", id="in another role"),
        pytest.param(
            SIX_OR_25,
            on_it("victim", occurred_on=None),
            "2004-08-04",
            "2029-08-04",
            id="else by the day it was created",
        ),
        pytest.param(
            SIX_OR_25, on_it("victim", occurred_on="2022-08"), "2004-08-02", "2029-08-02", id="some day of it"
        ),
    ],
)
def test_a_row_keeps_to_the_birthdays_that_it_names(pack, facts, birth, keep_until):
    found = schedule(facts, born(birth), pack)
    assert (found.keep_until, found.problem) == (day(keep_until), None)
    assert found.by_age == (keep_until != "2028-08-01")


def test_a_birth_date_unknown_is_not_guessed():
    found = schedule(on_it("victim"), [], SIX_OR_25)
    assert (found.state, found.problem, found.keep_until) == ("exception", "no_birth_date", date(2028, 8, 1))
    assert schedule(on_it("victim"), born("2023-01-01"), SIX_OR_25).problem == "born_after_conduct"
    assert schedule(on_it("victim", occurred_on=None), born("2023-01-01"), SIX_OR_25).problem == "born_after_conduct"
    dead = born("1980-01-01", died_on="2022-07-31")
    assert schedule(on_it("victim"), dead, SIX_OR_25).problem == "dead_before_conduct"
    undated = {"occurred_on": None, "reported_at": None, "created_on": None}
    assert schedule(on_it("victim", **undated), born("2030-01-01"), SIX_OR_25).problem == "born_after_conduct"
    two = [*born("2010-05-06"), *born("2011-05-06", source="urn:demo:nominals")]
    assert schedule(on_it("victim"), two, SIX_OR_25).problem == "contradictory_dates"


def test_a_row_by_age_alone_needs_somebody_of_that_role():
    assert schedule([undetected()], [], TO_100).problem == "nobody_of_age"
    assert schedule([undetected()], [], SIX_OR_25).problem is None


def test_a_birthday_waits_for_the_clock_where_that_waits():
    pack = with_row("R03", SIX_OR_25, clock=starts("closed"))
    assert schedule(on_it("victim"), born("2010-05-06"), pack).keep_until is None


def test_the_floor_of_a_child_s_claim_reads_the_victim_never_the_offender():
    found = schedule([VICTIM], born("2010-05-06"), CIVIL)
    assert (found.keep_until, found.by_age, found.group) == (date(2034, 5, 6), True, "G3")
    gives = of_record([VICTIM], CIVIL).gives
    assert (gives[N43].aged, gives[N43].offending, gives[N42].aged) == ("victim", False, "")
    assert schedule([state()], born("2010-05-06"), CIVIL).keep_until == date(2028, 8, 3)
    assert schedule([VICTIM], [], CIVIL).problem == "no_birth_date"


def test_a_floor_by_age_binds_only_where_it_is_the_latest():
    later = [*born("1990-05-06"), contact(on="2030-01-01")]
    found = schedule([VICTIM], later, CIVIL)
    assert (found.keep_until, found.by_age) == (date(2036, 1, 1), False)


def test_a_record_withdrawn_keeps_the_date_by_age_that_it_had():
    before = schedule(on_it("subject"), born("1980-05-06"), TO_100)
    after = schedule([*on_it("subject"), entered_in_error()], born("1980-05-06"), TO_100)
    assert (after.keep_until, after.by_age, after.cause) == (before.keep_until, True, "withdrawn")


def test_the_birthday_is_told():
    steps = told([VICTIM], born("2010-05-06"), CIVIL)
    assert steps["steps"][-3] | {"nominal": ""} == {
        "code": "birthday",
        "nominal": "",
        "age": 18,
        "years": 6,
        "until": "2034-05-06",
        "binds": True,
    }
    assert "and 6 years from then, gives 6 May 2034." in sentences(steps)[-3]
    alone = told(on_it("subject"), born("1980-05-06"), TO_100)
    assert sentences(alone)[-3].startswith("The 100th birthday of the person")


# Children: conduct before the tenth birthday, and before the eighteenth.

CHILDREN = replace(PACK, children=Children(18, Period.parse("2y"), (18, 25)))
NINE, TEN, SEVENTEEN = born("2012-08-02"), born("2012-08-01"), born("2005-03-04")


def test_conduct_before_the_tenth_birthday_counts_only_after_a_review_that_says_why():
    found = schedule([state()], NINE)
    assert (found.state, found.problem, found.group, found.cause) == ("exception", "under_10", None, "under_10")
    assert person([state()], own=NINE).group is None
    admitted = [state(), decided("2024-01-01", subject=1)]
    assert (schedule(admitted, NINE).problem, schedule(admitted, NINE).cause) == (None, None)
    assert person(admitted, own=NINE).group == "G3"
    assert person([state()], own=TEN).group == "G3"


EARLY, LATER = "2021-08-01", "2022-09-01"
NO_DAYS = {"occurred_on": None, "reported_at": None, "created_on": None}


@pytest.mark.parametrize(
    ("facts", "group"),
    [
        pytest.param([state(), undetected(2)], None, id="a child's, replaced"),
        pytest.param([state(occurred_on=LATER), undetected(2)], "G3", id="replaced, and no child's"),
        pytest.param([state(offences=["1"]), state(2, occurred_on=LATER)], "G3", id="corrected to after the birthday"),
        pytest.param([state(occurred_on=LATER), state(2, offences=["1"])], "G3", id="corrected to before it"),
        pytest.param([state(offences=["1"]), state(2, occurred_on=EARLY)], None, id="a child's by all"),
        pytest.param(
            [state(offences=["1"]), undetected(2), decided("2024-01-01", subject=1)], "G1", id="admitted by a review"
        ),
        pytest.param(
            [state(offences=["1"]), undetected(2, **NO_DAYS), decided("2024-01-01", subject=1)],
            "G1",
            id="admitted, though the state that shows says no day",
        ),
    ],
)
def test_each_state_counts_by_its_own_conduct(facts, group):
    found = person(facts, own=NINE)
    assert found.group == group
    assert person(list(reversed(facts)), own=NINE) == found


def test_conduct_that_does_not_count_moves_no_clock_of_theirs():
    assert person([state()], own=NINE).clock_on is None
    assert person([state(), trigger()], own=NINE).clock_on is None
    assert person([state(), trigger()], own=[*NINE, person_state(2, flags=["mappa"])]).group == "G1"


def test_a_child_is_looked_at_more_often():
    retained = [*SEVENTEEN, decided("2029-01-01")]
    assert schedule([state()], retained, pack=replace(PACK, children=None)).keep_until == date(2034, 1, 1)
    assert schedule([state()], retained, CHILDREN).keep_until == date(2031, 1, 1)
    grown = [*born("2004-08-01"), decided("2029-01-01")]
    assert schedule([state()], grown, CHILDREN).keep_until == date(2034, 1, 1)


def test_a_child_is_looked_at_again_at_eighteen_and_at_twenty_five():
    assert person([state()], own=SEVENTEEN, pack=CHILDREN).review_on == date(2023, 3, 4)
    at_18 = [*SEVENTEEN, decided("2023-03-04", "amend")]
    assert person([state()], own=at_18, pack=CHILDREN).review_on == date(2030, 3, 4)
    assert person([state()], own=[*at_18, decided("2030-05-01", "amend")], pack=CHILDREN).review_on is None
    assert person([state()], own=born("1980-01-01"), pack=CHILDREN).review_on is None
    assert schedule([state()], SEVENTEEN, CHILDREN).review_kind == "birthday"


def test_a_child_in_the_highest_group_is_looked_at_more_often_too():
    murder = [state(offences=["1"])]
    assert person(murder, own=born("1980-01-01"), pack=CHILDREN).review_on == date(2032, 8, 1)
    young = [*SEVENTEEN, decided("2030-04-01")]
    assert person(murder, own=young, pack=CHILDREN).review_on == date(2032, 4, 1)
    assert schedule(murder, young, CHILDREN).review_kind == "periodic"


@pytest.mark.parametrize(
    ("birth", "on", "tells"),
    [
        ("2005-03-04", "2023-03-04", True),
        ("2005-03-04", "2023-03-05", True),
        ("2005-03-04", "2023-03-03", False),
        ("2005-03-04", "2023-03-06", False),
        ("1980-12-31", "2081-01-01", True),
        ("1980-02-29", "2081-02-28", True),
        ("1980-02-29", "2081-03-01", True),
        ("1980-02-29", "2080-02-28", False),
    ],
)
def test_a_day_that_tells_a_birthday_is_known(birth, on, tells):
    assert tells_birthday(day(on), [date(1990, 7, 15), day(birth)], PACK) is tells


# Lives that contradict themselves.


@pytest.mark.parametrize(
    ("own", "problem"),
    [
        pytest.param([person_state(died_on="2023-01-01"), contact(on="2024-01-01")], "dead_before_contact", id="dead"),
        pytest.param([person_state(died_on="2024-01-01"), contact(on="2024-01-01")], None, id="that very day"),
        pytest.param(
            [person_state(died_on="2023-01-01"), contact("agency_request", on="2024-01-01")],
            None,
            id="asked about later",
        ),
        pytest.param([*born("1990-01-01"), contact(on="1989-01-01")], "contact_before_birth", id="not yet born"),
    ],
)
def test_a_contact_outside_a_life_is_an_exception(own, problem):
    assert schedule([state()], own).problem == problem
