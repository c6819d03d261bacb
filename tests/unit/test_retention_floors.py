"""How far floors reach, where a row names them, and what keeps one open."""

from datetime import date

import pytest

from shared.calendar_rules import Period
from shared.policy import Floor, Pending, Stage, Start
from shared.sentences import sentences
from tests.make_facts import N42, N43, day, link, schedule, starts, state, stop, told, trigger, undetected, with_floor

VERDICTS = starts("acquitted", "convicted")
CPIA = Floor(
    "cpia",
    latest=(
        Stage(Start("no_further_action")),
        Stage(Start("acquitted")),
        Stage(Start("convicted"), Period.parse("6m")),
        Stage(Start("released_from_sentence")),
    ),
    pending=(
        Pending(VERDICTS, Start("charged")),
        Pending(starts("appeal_closed"), Start("appeal_opened")),
    ),
)
PACK = with_floor(CPIA)
OF_INVESTIGATION = with_floor(Floor("decision", pending=(Pending(starts("no_further_action", "charged")),)))


def dated(*facts, pack=PACK):
    found = schedule([undetected(), *facts], pack=pack)
    assert found == schedule([*reversed(facts), undetected()], pack=pack)
    assert found.problem is None
    return found.keep_until


@pytest.mark.parametrize(
    ("facts", "keep_until"),
    [
        pytest.param([], "2028-08-01", id="nothing happened: its own row"),
        pytest.param([trigger("acquitted", "2030-01-01")], "2030-01-01", id="an acquittal"),
        pytest.param([trigger("convicted", "2030-01-01")], "2030-07-01", id="six months from a conviction"),
        pytest.param(
            [trigger("convicted", "2030-01-01"), trigger("released_from_sentence", "2035-01-01")],
            "2035-01-01",
            id="the latest stage wins",
        ),
        pytest.param([trigger("convicted", "2024-01-01")], "2028-08-01", id="a floor never shortens"),
        pytest.param([trigger("charged", "2030-01-01")], None, id="charged: open"),
        pytest.param(
            [trigger("charged", "2030-01-01"), trigger("acquitted", "2031-01-01")], "2031-01-01", id="and acquitted"
        ),
        pytest.param(
            [trigger("charged", "2030-01-01", N42), trigger("acquitted", "2031-01-01", N43)],
            None,
            id="one's acquittal does not end the other's charge",
        ),
        pytest.param(
            [trigger("charged", "2030-01-01"), trigger("acquitted", "2031-01-01", N42)],
            "2031-01-01",
            id="a charge that names nobody, and nobody offends: any verdict ends it",
        ),
        pytest.param(
            [trigger("charged", "2030-01-01", N42), trigger("acquitted", "2031-01-01", N42)],
            "2031-01-01",
            id="their own does",
        ),
        pytest.param(
            [trigger("charged", "2030-01-01", N42), trigger("acquitted", "2031-01-01")],
            "2031-01-01",
            id="a verdict that names nobody is about all",
        ),
        pytest.param(
            [
                trigger("charged", "2030-01-01", N42, offence="28/11"),
                trigger("acquitted", "2031-01-01", N42, offence="1"),
            ],
            None,
            id="of another offence",
        ),
        pytest.param(
            [
                trigger("charged", "2030-01-01", N42, offence="28/11"),
                trigger("convicted", "2031-01-01", N42, offence="28/11"),
            ],
            "2031-07-01",
            id="of the same offence",
        ),
        pytest.param(
            [trigger("charged", "2031-01-01", N42), trigger("acquitted", "2030-01-01", N42)],
            None,
            id="charged again after a verdict",
        ),
        pytest.param(
            [
                trigger("appeal_opened", "2030-01-01"),
                trigger("appeal_closed", "2031-01-01"),
                trigger("appeal_opened", "2032-01-01"),
            ],
            None,
            id="a second appeal is open",
        ),
    ],
)
def test_evidence_of_an_investigation_is_kept_to_the_end_of_it(facts, keep_until):
    assert dated(*facts) == day(keep_until)


def test_an_open_floor_is_no_mistake_and_is_never_due():
    charged = trigger("charged", "2024-01-01", N42)
    found = schedule([undetected(), charged], pack=PACK)
    assert (found.state, found.open_on, found.problem) == ("current", None, None)
    assert found.review_on == date(2032, 8, 3)
    steps = told([undetected(), charged], pack=PACK)["steps"]
    assert {"code": "pending", "name": "cpia", "for": ["acquitted", "convicted"]} in steps
    assert "The floor cpia has no day yet: it is open until one of acquitted, convicted." in sentences(
        told([undetected(), charged], pack=PACK)
    )


def test_an_investigation_is_open_until_it_is_decided_whether_to_prosecute():
    assert dated(pack=OF_INVESTIGATION) is None
    assert dated(trigger("no_further_action", "2023-01-01"), pack=OF_INVESTIGATION) == date(2028, 8, 1)


def test_an_open_floor_holds_what_persons_would_date_too():
    pack = with_floor(CPIA, "R01")
    assert schedule([state(), trigger("charged")], pack=pack).keep_until is None
    found = schedule([state(), trigger("charged"), trigger("convicted", "2040-01-01")], pack=pack)
    assert (found.keep_until, found.floor_until) == (date(2046, 1, 1), date(2040, 7, 1))


def test_no_row_with_a_shorter_period_is_lengthened_by_a_floor_it_does_not_name():
    assert schedule([stop(), trigger("charged", "2050-01-01")], pack=PACK).keep_until == date(2029, 8, 1)


def test_a_floor_s_date_may_be_missing_only_if_it_names_one():
    dated_floor = Floor("paper", start=("marked_on",), add=Period.parse("1y"))
    assert schedule([undetected()], pack=with_floor(dated_floor)).problem == "no_floor_date"
    assert schedule([undetected()], pack=with_floor(Floor("stage", latest=CPIA.latest))).problem is None


def test_a_verdict_on_one_of_two_accused_ends_nothing_for_the_other():
    pack = with_floor(CPIA, "R01")
    both, charged = state(links=[link(N42), link(N43)]), trigger("charged", "2024-01-01")
    first, second = trigger("acquitted", "2035-01-01", N42), trigger("acquitted", "2036-01-01", N43)
    assert schedule([both, charged, first], pack=pack).keep_until is None
    ended = schedule([both, charged, first, second], pack=pack)
    assert (ended.floor_until, ended.keep_until) == (date(2036, 1, 1), date(2042, 1, 1))
    assert schedule([both, charged, trigger("acquitted", "2035-01-01")], pack=pack).keep_until == date(2041, 1, 1)
