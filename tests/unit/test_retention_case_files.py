"""Case files, parts and cross-references, folded from facts: one last day for a whole, in whatever order they came."""

from dataclasses import replace
from datetime import date
from itertools import permutations

import pytest

from shared.calendar_rules import Period
from tests.make_cases import PACK, closed, file, part, related
from tests.make_registered import fold, record_state, suspect, trigger, uid, withdrawal
from tests.oracle.lives import Event, Life
from tests.oracle.program import schedules

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


def test_a_late_part_entered_in_error_opens_nothing():
    late = part(created_on="2023-05-02"), part(sequence=2, change="withdrawn")
    found = dated(file(record_type="a_enquiry"), closed(), *late)
    assert {each.keep_until for each in found.values()} == {date(2029, 5, 1)}
    again = part(sequence=3, created_on="2023-05-02")
    assert until(file(record_type="a_enquiry"), closed(), *late, again) is None


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


def with_rows(*prevails, pack=PACK, **changed):
    """Give rows of the pack other values, and declare an order of those who supply a rule."""
    rows = {name: replace(pack.rows[name], **values) for name, values in changed.items()}
    return replace(pack, rows={**pack.rows, **rows}, prevails=prevails)


def exhibit(record="e1", sequence=1, part_of=("f1",), **more):
    return part(record, sequence, part_of, **{"record_type": "a_exhibit", "offences": [], **more})


def test_a_row_that_nobody_confirmed_never_goes_by_time_as_its_file_does():
    pack = with_rows(TF4={"confirmed": None})
    found = dated(file(), closed(), exhibit(), pack=pack)
    assert (found[uid("e1")].keep_until, found[uid("e1")].end, found[uid("f1")].end) == (WHOLE, "review", "dispose")


def test_an_exhibit_in_error_gets_its_review():
    found = dated(file(), closed(), exhibit(), exhibit(sequence=2, change="withdrawn"))[uid("e1")]
    assert (found.keep_until, found.end, found.cause) == (WHOLE, "review", "withdrawn")


def test_a_rule_for_parts_says_nothing_of_a_record_that_has_parts_and_is_in_no_file():
    found = dated(exhibit(part_of=()), part(part_of=["e1"]))
    assert (found[uid("e1")].problem, found[uid("e1")].keep_until) == ("no_fitting_rule", None)
    assert (found[uid("r1")].problem, found[uid("r1")].keep_until) == (None, ALONE)


def test_a_closing_before_the_file_was_reported_stays_impossible_when_a_part_opens_it_again():
    events = [file(record_type="a_enquiry"), closed(on="2022-07-01"), part(created_on="2023-05-02")]
    found = dated(*events)
    assert {uid(each): found[uid(each)].problem for each in ("f1", "r1")} == {
        uid("f1"): "event_before_report",
        uid("r1"): "case_file_undated",
    }


def test_what_is_kept_for_ever_has_no_day_where_something_is_missing_either():
    pack = with_rows(TF1={"permanent": True, "retain": None, "clock": ()})
    found = dated(file(), part(), part("r2", offences=[]), pack=pack)[uid("f1")]
    assert (found.problem, found.keep_until) == ("case_member_undated", None)


FILE_FIRST = ("case_file", "class", "source", "override")
NO_DATE = {"occurred_on": None, "reported_at": None}
ON_PAPER = {"occurred_on": "2011-01-01", "reported_at": None, "created_on": "2011-01-01"}


def test_what_a_part_s_own_rule_lacks_is_nothing_where_the_file_s_prevails():
    events = [file(), closed(), part(**NO_DATE)]
    assert {each.problem for each in dated(*events).values()} == {"case_member_undated", "no_clock_date"}
    found = dated(*events, pack=with_rows(*FILE_FIRST))
    assert {(each.problem, each.keep_until) for each in found.values()} == {(None, WHOLE)}


def test_where_the_file_s_rule_prevails_and_lacks_something_the_part_s_own_day_is_shown():
    unknown = file(occurred_on="2011-01-01", reported_at=None, created_on="2011-01-01", group="G9")
    found = dated(unknown, closed(on="2012-01-01"), part(**ON_PAPER), pack=with_rows(*FILE_FIRST))[uid("r1")]
    assert (found.problem, found.keep_until) == ("case_file_undated", date(2022, 1, 1))
    own = with_rows(*FILE_FIRST, R03={"retain": Period.parse("30y")})
    assert dated(unknown, closed(on="2012-01-01"), part(**ON_PAPER), pack=own)[uid("r1")].keep_until == date(2041, 1, 1)


def test_a_file_s_rule_shortens_no_locked_row():
    events = [file(), closed(), part(offences=["1"])]
    assert until(*events, pack=with_rows(*FILE_FIRST)) == WHOLE
    locked = dated(*events, pack=with_rows(*FILE_FIRST, R02={"locked": True}))
    assert {each.keep_until for each in locked.values()} == {date(2122, 8, 1)}


SAID = {"source_system": "crime", "offences": ["28/11"], "created_on": "2022-08-02", "occurred_on": "2022-08-01"}
OVERRIDDEN = (
    Event("e1", "state", "f1", sequence=1, data={**SAID, "record_type": "a_folder"}),
    Event("e2", "trigger", "f1", data={"trigger": "closed", "on": "2030-01-01"}),
    Event("e3", "state", "r1", sequence=1, data={**SAID, "record_type": "crime_report", "part_of": ["f1"]}),
    Event("e4", "override", "r1", sequence=1, data={"on": "2024-01-01", "row": "TF4"}),
)


@pytest.mark.parametrize(
    ("order", "wanted"),
    [
        ((), date(2033, 1, 1)),
        (("override", "class", "case_file"), date(2033, 1, 1)),
        (("class", "override", "case_file"), ALONE),
    ],
)
def test_an_override_by_a_rule_for_parts_keeps_a_record_as_its_file_is_kept(order, wanted):
    found = schedules(Life(replace(PACK, prevails=order), OVERRIDDEN))["r1"]
    assert (found.state, found.keep_until) == ("current", wanted)
