"""What may happen to a record, in which order, and what must be true before it goes."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import product

import pytest

from services.retention.domain.lifecycle import (
    Case,
    Decision,
    Offender,
    Refusal,
    execute_from,
    from_which,
    overslept,
    runs_away,
    verdict,
    who_decides,
)
from tests.make_facts import PACK

TODAY = date(2028, 8, 3)
BY_RULE = Case(1, None, "R03", "ordered", "current", "R03", "dispose", TODAY, held=False, dirty=False, parked=False)
G3, G2 = Offender(7, "G3"), Offender(8, "G2")
DECIDED = replace(BY_RULE, review_id="v1", row_ordered="R01", row="R01", ends="review", offenders=(G3,))
DECISION = Decision("v1", "basis", "D-RO1", ("D-HIM1", "D-DPO1"))
P7, P8 = ("nominal", 7), ("nominal", 8)


def judge(case, decisions=None, bases=None, today=TODAY):
    return verdict(PACK, case, decisions or {}, bases or {}, today=today)


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        pytest.param({}, None, id="nothing forbids it"),
        pytest.param({"held": True}, Refusal("held"), id="held"),
        pytest.param({"dirty": True}, Refusal("dirty", again=True), id="new facts are not settled yet"),
        pytest.param({"parked": True}, Refusal("parked", again=True), id="an event about it is in quarantine"),
        pytest.param({"held": True, "dirty": True, "parked": True}, Refusal("held"), id="a hold goes before all else"),
        pytest.param({"row": "R14"}, Refusal("rule"), id="another row governs it now"),
        pytest.param({"state": "exception"}, Refusal("rule"), id="it became an exception"),
        pytest.param({"state": "permanent"}, Refusal("rule"), id="it became permanent"),
        pytest.param({"ends": "review"}, Refusal("rule"), id="its row asks for a review now"),
        pytest.param({"actionable_from": date(2028, 8, 4)}, Refusal("not_due"), id="not a day early"),
        pytest.param({"actionable_from": None}, Refusal("not_due"), id="undated"),
        pytest.param({"lifecycle": "due"}, Refusal("not_ordered"), id="no longer ordered"),
    ],
)
def test_a_record_ordered_by_its_rule(changes, refusal):
    assert judge(replace(BY_RULE, **changes)) == refusal


@pytest.mark.parametrize(
    ("case", "decisions", "bases", "why"),
    [
        pytest.param(DECIDED, {P7: DECISION}, {P7: "basis"}, None, id="it stands on today's facts"),
        pytest.param(DECIDED, {}, {}, "decision_missing", id="it lapsed"),
        pytest.param(DECIDED, {P7: DECISION}, {P7: "other"}, "basis_changed", id="the facts moved on"),
        pytest.param(
            replace(DECIDED, offenders=(G3, G2)),
            {P7: DECISION},
            {P7: "basis", P8: "basis"},
            "decision_missing",
            id="another person has not been decided",
        ),
        pytest.param(
            replace(DECIDED, offenders=(G2,)),
            {P8: replace(DECISION, approved_by=())},
            {P8: "basis"},
            "second_person_missing",
            id="nobody approved",
        ),
        pytest.param(
            replace(DECIDED, offenders=(G2,)),
            {P8: replace(DECISION, approved_by=("D-RO1",))},
            {P8: "basis"},
            "second_person_missing",
            id="the decider approved it",
        ),
    ],
)
def test_a_record_ordered_by_decision(case, decisions, bases, why):
    assert judge(case, decisions, bases) == (Refusal(why) if why else None)


def test_no_decision_lets_a_held_record_go():
    for dirty, parked, lifecycle in product([False, True], [False, True], ["ordered", "due", "current"]):
        case = replace(DECIDED, held=True, dirty=dirty, parked=parked, lifecycle=lifecycle)
        assert judge(case, {P7: DECISION}, {P7: "basis"}) == Refusal("held")


def test_persons_decide_records_that_follow_them_and_records_decide_themselves():
    assert who_decides(PACK, "R01", 1, (G2, G3)) == (P7, P8)
    assert who_decides(PACK, "R01", 1, (Offender(9, None),)) == (("record", 1),)
    assert who_decides(PACK, "R03", 1, (G2,)) == (("record", 1),)


def test_there_is_no_way_back_from_executed():
    assert from_which("executed") == ("ordered",)
    assert from_which("shredded") == ("executed",)
    assert from_which("disposed") == ("shredded",)
    for state in ("current", "due", "in_review", "ordered"):
        assert not {"executed", "shredded", "disposed"} & set(from_which(state))


def test_an_order_waits_for_its_cooling_off_and_its_day():
    assert execute_from(date(2028, 8, 3), date(2028, 5, 1), 7) == date(2028, 8, 3)
    assert execute_from(date(2028, 8, 3), date(2028, 8, 1), 7) == date(2028, 8, 8)


def test_a_schedule_that_slept_36_hours_is_noticed():
    now = datetime(2026, 3, 2, 12, tzinfo=UTC)
    assert not overslept(None, now)
    assert not overslept(now - timedelta(hours=36), now)
    assert overslept(now - timedelta(hours=36, seconds=1), now)


def test_the_stop_switch_needs_count_and_ratio():
    assert not runs_away(10_000, 0, count=None, ratio=None)
    assert runs_away(201, 20, count=200, ratio=10.0)
    assert not runs_away(200, 0, count=200, ratio=10.0)
    assert not runs_away(201, 21, count=200, ratio=10.0)
