"""Why a record is looked at next: each reason in words, by the day that the schedule has, and for whose eyes."""

import pytest

from services.retention.domain import Linked, counts_from, derivation, of_record, together
from services.retention.domain.derivation.leaving_out import reviewed_on_another_s_day, without_third_persons
from services.retention.domain.fold import counting
from shared.calendar_rules import Period
from shared.ids import nominal_ref
from shared.sentences import sentence, sentences
from tests.make_facts import (
    N42,
    N43,
    PACK,
    RECORD,
    contact,
    decided,
    entered_in_error,
    link,
    person_state,
    schedule,
    starts,
    state,
    told,
    undetected,
    with_row,
)
from tests.unit.test_retention_ages import CHILDREN, CIVIL, SEVENTEEN, TO_100, VICTIM, born, on_it

SHE, HE = str(nominal_ref(*N42)), str(nominal_ref(*N43))
DUE = "Its next review is due on "
AT_ONCE = "Its next review is due at once, for nothing tells when it was made."
MURDER = [state(offences=["1"])]
SHARED = [state(links=[link(), link(N43)])]
GROWN = born("1980-01-01")


@pytest.mark.parametrize(
    ("facts", "own", "pack", "says"),
    [
        pytest.param([state()], [], PACK, "4 August 2028, the day after its last day.", id="the end"),
        pytest.param(
            [state()],
            SEVENTEEN,
            CHILDREN,
            f"4 March 2023, the 18th birthday of the person {SHE}: at that age somebody is looked at again who was a "
            "child at the time.",
            id="a birthday",
        ),
        pytest.param(
            MURDER,
            GROWN,
            PACK,
            f"1 August 2032: group G1 has the person {SHE} looked at again 10 years after the day that put them in it, "
            "1 August 2022.",
            id="the group's cadence before the first review",
        ),
        pytest.param(
            MURDER,
            [*SEVENTEEN, decided("2030-04-01")],
            CHILDREN,
            f"1 April 2032: group G1 has the person {SHE} looked at again 2 years after the last review, 1 April 2030.",
            id="a child's cadence after a review",
        ),
        pytest.param(
            MURDER,
            [*GROWN, decided("2025-01-01", next_on="2026-01-01")],
            PACK,
            f"1 January 2026, as a decision about the person {SHE} named it.",
            id="a decision about a person",
        ),
        pytest.param(
            [undetected(), decided("2025-01-01", next_on="2026-01-01", subject=RECORD)],
            [],
            PACK,
            "1 January 2026, as a decision about it named it.",
            id="a decision about the record",
        ),
        pytest.param(
            [undetected(), decided("2025-01-01", "amend", subject=RECORD)],
            [],
            with_row(clock=starts("resolved"), cycle=Period.parse("3m")),
            "1 April 2025: row R03 has it looked at again 3 months after the last review, 1 January 2025.",
            id="the row's cycle",
        ),
        pytest.param(
            [undetected()],
            [],
            PACK,
            "3 August 2032: none is due sooner, and all that is kept is looked at again 10 years after its creation, "
            "3 August 2022.",
            id="the backstop",
        ),
        pytest.param(
            [undetected(occurred_on=None, reported_at=None, received_on=None)],
            [],
            PACK,
            AT_ONCE,
            id="no creation",
        ),
        pytest.param(
            [*MURDER, entered_in_error()], GROWN, PACK, "2 August 2032, the day after its last day.", id="withdrawn"
        ),
    ],
)
def test_why_it_is_looked_at_next_is_told(facts, own, pack, says):
    step = told(facts, own, pack)["steps"][-1]
    assert step["on"] == schedule(facts, own, pack).review_on.isoformat()
    assert sentence(step) == (says if says == AT_ONCE else DUE + says)


def derived(facts, own, pack=PACK):
    """The derivation where each person has their own facts."""
    people = [
        Linked(ref, tuple(its), *together(counting([given], counts_from(its, pack)), pack))
        for nominal, given in of_record(facts, pack).gives.items()
        for ref, its in [(nominal_ref(*nominal), own.get(nominal, ()))]
    ]
    return derivation(facts, people, pack)


def next_review(found, *keep):
    hidden = without_third_persons(found, keep)
    return sentences(hidden)[-1], reviewed_on_another_s_day(hidden)


OWN_END = DUE + f"2 August 2028: the person {SHE} needs it until the day before, and another longer."


def test_the_own_end_of_somebody_who_shares_a_record_is_told():
    found = derived(SHARED, {N43: [contact(on="2030-01-01")]})
    assert next_review(found, SHE, HE) == (OWN_END, False)
    assert next_review(found, HE) == (DUE + "2 August 2028, because of another person.", False)


def test_a_day_of_somebody_s_own_is_another_s_business_by_its_year_alone():
    year = "Its next review is due on a day in {}, because of another person."
    child = derived([state()], {N42: SEVENTEEN}, CHILDREN)
    assert next_review(child) == (year.format(2023), True)
    assert next_review(child, SHE) == (sentences(child)[-1], False)
    ends = {N42: [*born("1925-02-28"), person_state(flags=["mappa"], source="urn:b")], N43: [contact(on="2030-01-01")]}
    found = derived(SHARED, ends)
    assert next_review(found, SHE) == (
        DUE + f"1 March 2025: the person {SHE} needs it until the day before, and another longer.",
        False,
    )
    assert next_review(found, HE) == (year.format(2025), True)


@pytest.mark.parametrize(
    ("facts", "own", "pack", "year"),
    [
        pytest.param([VICTIM], born("2010-05-06"), CIVIL, 2034, id="a floor's"),
        pytest.param(on_it("subject"), GROWN, TO_100, 2080, id="the row's"),
    ],
)
def test_a_birthday_that_a_rule_names_is_told_to_others_by_its_year(facts, own, pack, year):
    hidden = without_third_persons(told(facts, own, pack))
    assert f"So it is kept until a day in {year}" in sentences(hidden)[-2]
    assert f"{year}-0" not in repr(hidden)
    assert SHE not in repr(hidden)


def test_nothing_names_the_group_or_the_review_of_another():
    found = derived([state(offences=["1"], links=[link(), link(N43)])], {N42: GROWN, N43: GROWN})
    hidden = without_third_persons(found)["steps"][-1]
    assert hidden == {"code": "next_review", "on": "2032-08-01", "why": "another"}


def test_a_day_that_the_persons_told_of_do_not_give_is_told_alone():
    """A record dated with its case file is told from persons read a moment later."""
    facts = [state()]
    dated = schedule(facts, SEVENTEEN, CHILDREN)
    assert sentences(derivation(facts, [], CHILDREN, dated=dated))[-1] == DUE + "4 March 2023."
