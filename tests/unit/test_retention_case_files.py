"""Case files, parts and cross-references, folded from facts: one last day for a whole, in whatever order they came."""

from dataclasses import replace
from datetime import date
from itertools import permutations

import pytest

from tests.make_cases import PACK, closed, file, part, related
from tests.make_registered import fold, record_state, suspect, trigger, uid, withdrawal

WHOLE = date(2033, 5, 1)  # Ten years after the file was closed on 1 May 2023.
ALONE = date(2028, 8, 1)


def dated(*events, pack=PACK):
    return fold(events, pack)[0]


def until(*events, record="r1", pack=PACK):
    return dated(*events, pack=pack)[uid(record)].keep_until


def problem(*events, record="r1"):
    return dated(*events)[uid(record)].problem


@pytest.mark.parametrize("events", list(permutations([file(), closed(), part()])))
def test_a_file_and_its_parts_have_one_last_day_whichever_came_first(events):
    assert {each.keep_until for each in dated(*events).values()} == {WHOLE}


def test_the_latest_of_all_parts_keeps_the_whole():
    late = closed(on="2010-01-01")
    serious = part("r2", offences=["1"], created_on="2009-01-01", occurred_on="2009-01-01", reported_at=None)
    older = part(created_on="2009-01-01", occurred_on="2009-01-01", reported_at=None)
    begun = {"created_on": "2008-01-01", "occurred_on": "2008-01-01", "reported_at": None}
    found = dated(file(**begun), late, older, serious)
    assert len({each.keep_until for each in found.values()}) == 1
    assert found[uid("r1")].keep_until == found[uid("r2")].keep_until > date(2100, 1, 1)


def test_a_file_not_closed_waits_and_so_do_its_parts():
    found = dated(file(), part())
    assert {(each.state, each.keep_until) for each in found.values()} == {("current", None)}


def test_leaving_a_file_dates_the_record_by_itself_earlier():
    assert until(file(), closed(), part(), record_state("r1", 2)) == ALONE


def test_a_file_whose_unit_is_the_record_does_not_bind():
    assert until(file(record_type="a_folder"), closed(), part()) == ALONE


def test_a_part_that_only_its_file_dates_has_its_date_and_end():
    found = dated(file(), closed(), part("e1", record_type="a_exhibit", offences=[]))[uid("e1")]
    assert (found.keep_until, found.state, found.end) == (WHOLE, "current", "dispose")


@pytest.mark.parametrize(
    ("events", "wanted"),
    [
        pytest.param([part()], "case_file_not_known", id="the file has not come"),
        pytest.param([file(), closed(), part(created_on="2023-05-02")], "dated_after_file_closed", id="too late"),
        pytest.param([file(), closed(), part(created_on="2023-05-01")], None, id="on the day it was closed"),
        pytest.param([part(part_of=["r1"])], "part_of_itself", id="of itself"),
        pytest.param([part(part_of=["r2"]), part("r2", part_of=["r1"])], "case_files_in_circle", id="a circle"),
        pytest.param(
            [file(), closed(), part(), part("r2", offences=[])], "case_file_undated", id="another part has no date"
        ),
    ],
)
def test_what_keeps_a_part_from_its_date_is_named(events, wanted):
    assert problem(*events) == wanted


def test_a_late_part_opens_a_file_again_where_its_type_says_so():
    enquiry = file(record_type="a_enquiry")
    found = dated(enquiry, closed(), part(created_on="2023-05-02"))
    assert {(each.state, each.keep_until) for each in found.values()} == {("current", None)}
    assert until(enquiry, closed(), part(created_on="2023-05-02"), closed(on="2024-01-01")) == date(2030, 1, 1)


@pytest.mark.parametrize(
    ("order", "wanted"),
    [(("case_file", "class"), date(2033, 5, 1)), (("class", "case_file"), date(2122, 8, 1)), ((), date(2122, 8, 1))],
)
def test_the_declared_order_says_whose_date_stands(order, wanted):
    pack = replace(PACK, prevails=order)
    assert until(file(), closed(), part(offences=["1"]), pack=pack) == wanted


CHARGED = trigger("t9", "r9", "2025-01-02")


def reference(kind):
    return record_state("r9", related=[related("r1", kind)])


@pytest.mark.parametrize("events", list(permutations([reference("a_same_incident"), CHARGED])))
def test_a_passed_trigger_counts_as_if_it_had_been_recorded_there(events):
    mine = record_state("r1", links=[suspect("p1")])
    assert until(mine, *events) == date(2031, 1, 2)
    assert until(mine, *events, withdrawal(CHARGED)) == until(mine)
    assert until(mine, *events, record_state("r9", 2)) == until(mine)


def test_a_record_that_only_a_file_would_date_is_an_exception_when_entered_in_error_too():
    lone = record_state("e1", record_type="a_exhibit", offences=[])
    error = record_state("e1", 2, "withdrawn")
    for events in ([lone], [lone, error]):
        found = dated(*events)[uid("e1")]
        assert (found.state, found.problem, found.keep_until) == ("exception", "no_fitting_rule", None)
    filed = part("e1", record_type="a_exhibit", offences=[])
    found = dated(file(), closed(), filed, error)[uid("e1")]
    assert (found.problem, found.keep_until) == (None, WHOLE)


def test_what_was_passed_goes_no_further():
    mine = record_state("r1", links=[suspect("p1")])
    between = record_state("r5", related=[related("r1", "a_same_incident")])
    first = record_state("r9", related=[related("r5", "a_same_incident")])
    assert until(mine, between, first, CHARGED) == until(mine)
