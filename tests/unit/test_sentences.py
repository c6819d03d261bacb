"""Every step has its sentence, and the last one gives the date and the row."""

import json

import pytest

from shared.calendar_rules import Period
from shared.sentences import PROBLEMS, STEPS, blocker, ordinal, sentence, sentences
from tests.make_facts import (
    contact,
    decided,
    entered_in_error,
    person_state,
    state,
    stop,
    told,
    trigger,
    undetected,
    with_row,
)

PERSON = "2625b9e6-6368-525c-a254-1d8cea6ff0dd"
BACKSTOP = (
    "Its next review is due on 3 August 2032: none is due sooner, and all that is kept is looked at again 10 years "
    "after its creation, 3 August 2022."
)
BORN = person_state(date_of_birth="1980-05-06", flags=["mappa"])


def test_the_derivation_is_as_the_design_shows_it():
    fact = undetected(occurred_on="2022-08", reported_at=None)
    assert json.loads(json.dumps(told([fact]))) == {
        "v": 1,
        "steps": [
            {"code": "classified", "class": "crime.report.undetected"},
            {"code": "clock", "on": "2022-08-31", "facts": [str(fact.event_uid)]},
            {"code": "period", "row": "R03", "years": 6},
            {"code": "keep_until", "on": "2028-08-31", "row": "R03"},
            {
                "code": "next_review",
                "on": "2032-08-03",
                "why": "backstop",
                "years": 10,
                "from": "2022-08-03",
                "since": "creation",
            },
        ],
    }


@pytest.mark.parametrize(
    ("facts", "own", "expected"),
    [
        pytest.param(
            [state()],
            [contact(on="2023-01-01")],
            [
                "It is in class crime.report.suspect.",
                f"The person {PERSON} is in group G3, by a record.",
                f"The person {PERSON} last came to notice on 1 January 2023.",
                "Group G3 asks for 6 years clear of notice.",
                f"For the person {PERSON} it is needed until 1 January 2029.",
                "The floor creation reaches to 3 August 2028.",
                "So it is kept until 1 January 2029 (row R01).",
                "Its next review is due on 2 January 2029, the day after its last day.",
            ],
            id="a person's clock",
        ),
        pytest.param(
            [state()],
            [BORN, decided("2031-01-01")],
            [
                "It is in class crime.report.suspect.",
                f"The person {PERSON} is in group G1, by a flag on the person.",
                f"Group G1 keeps it until the 100th birthday of the person {PERSON}, the day included.",
                "A review decided on 1 January 2031 to retain it.",
                f"For the person {PERSON} it is needed until 6 May 2080.",
                "The floor creation reaches to 3 August 2028.",
                "So it is kept until 6 May 2080 (row R01).",
                f"Its next review is due on 1 January 2041: group G1 has the person {PERSON} looked at again 10 years "
                "after the last review, 1 January 2031.",
            ],
            id="a birthday",
        ),
        pytest.param(
            [state(), entered_in_error()],
            [],
            [
                "It is in class crime.report.suspect.",
                "Withdrawn as entered in error, it groups nobody and moves no clock: its own facts alone keep it.",
                "For those whom it named, by what it said itself, it is kept until 1 August 2028.",
                "The floor creation reaches to 3 August 2028, and nothing asks for longer.",
                "So it is kept until 3 August 2028 (row R01).",
                "Its next review is due on 4 August 2028, the day after its last day.",
            ],
            id="withdrawn",
        ),
        pytest.param(
            [stop(occurred_on=None)],
            [],
            [
                "It is in class preventing.stop_and_search.",
                "It has no certain date, because none of the dates that start its clock is known; "
                "the data steward must have its source put that right.",
                "So it is kept, without a date, until that is known (row R29).",
                BACKSTOP,
            ],
            id="undated",
        ),
        pytest.param(
            [state(record_type="other")],
            [],
            [
                "No class of the pack takes it.",
                "It has no certain date, because no class takes it; "
                "the data steward must have the policy pack or its source put that right.",
                "So it is kept, without a date, until that is known (row none).",
                BACKSTOP,
            ],
            id="unclassified",
        ),
    ],
)
def test_an_explanation(facts, own, expected):
    assert sentences(told(facts, own)) == expected


def test_the_facts_that_set_the_clock_are_named():
    charge, first = trigger(on="2024-01-01"), state()
    [clock] = [step for step in told([first, charge])["steps"] if step["code"] == "clock"]
    assert clock["facts"] == [str(charge.event_uid)]
    [clock] = [step for step in told([first])["steps"] if step["code"] == "clock"]
    assert clock["facts"] == [str(first.event_uid)]


def test_days_months_and_permanence_are_said_too():
    for period, words in (("31d", "31 days"), ("1m", "1 month")):
        pack = with_row("R29", retain=Period.parse(period))
        assert f"Row R29 keeps it for {words} from then." in sentences(told([stop()], pack=pack))
    permanent = with_row("R29", retain=None, permanent=True)
    assert sentences(told([stop()], pack=permanent))[-2] == "So it is kept permanently (row R29)."


def test_every_sentence_ends_and_every_problem_has_words():
    assert all(text.endswith(".") for text in STEPS.values())
    assert not any(text.endswith(".") or "_" in text for text in PROBLEMS.values())


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (1, "1st"),
        (2, "2nd"),
        (3, "3rd"),
        (10, "10th"),
        (11, "11th"),
        (13, "13th"),
        (21, "21st"),
        (100, "100th"),
        (112, "112th"),
    ],
)
def test_a_birthday_is_counted_as_people_do(number, said):
    assert ordinal(number) == said
    step = {"code": "birthday", "nominal": str(PERSON), "age": number, "until": "2036-01-01"}
    assert sentence(step).startswith(f"The {said} birthday of the person")


@pytest.mark.parametrize(
    ("problem", "mend"),
    [
        ("no_birth_date", "the data steward must have its source put that right."),
        ("merge_waits", "the data steward must answer that."),
        ("told_apart", "the data steward must have the index take one of them back."),
        ("under_10", "only a review of the record can say so."),
        ("offence_not_in_table", "the data steward must have the policy pack or its source put that right."),
    ],
)
def test_what_is_uncertain_is_said_with_the_mend_that_is_one(problem, mend):
    about = {"problem": problem, "owner": "data_steward"}
    assert sentence({"code": "problem", **about}).endswith(f"; {mend}")
    assert blocker("problem", about).endswith(f"; {mend}")
