"""A group rises by fact; it falls by a fact withdrawn as wrong, or by a review. Every reset has its own date."""

from datetime import date

import pytest

from services.retention.domain import of_record
from tests.make_facts import (
    N42,
    N43,
    PACK,
    amended,
    contact,
    decided,
    entered_in_error,
    link,
    person,
    person_state,
    regrouped,
    schedule,
    state,
    trigger,
    withdrawal,
)

MURDER = state(1, offences=["1"])
BORN = person_state(date_of_birth="1980-05-06")
FLAGGED = person_state(2, date_of_birth="1980-05-06", flags=["mappa"])


def group(facts, own=()):
    found = person(facts, own=own)
    assert person([*reversed(facts)], own=[*reversed(own)]) == found
    return found.group


def test_a_group_falls_by_a_review_and_only_for_what_it_had_before_it():
    assert group([MURDER]) == "G1"
    assert group([MURDER, regrouped([MURDER])], [amended("G3")]) == "G3"
    assert group([MURDER, regrouped([MURDER]), state(2, offences=["5/1"])], [amended("G3")]) == "G2"
    assert group([MURDER, regrouped([MURDER]), state(2, offences=["1", "5/1"])], [amended("G3")]) == "G1"


def test_what_is_sent_again_unchanged_undoes_no_review():
    again = [state(n, offences=["1"]) for n in (2, 3)]
    assert group([MURDER, regrouped([MURDER]), *again], [amended("G3")]) == "G3"
    between = state(3, offences=["5/1"])
    assert group([MURDER, regrouped([MURDER]), again[0], between, state(4, offences=["1"])], [amended("G3")]) == "G1"
    flags = [person_state(n, date_of_birth="1980-05-06", flags=["mappa"]) for n in (3, 4)]
    assert group([state()], [FLAGGED, amended("G3", [FLAGGED]), *flags]) == "G3"
    changed = person_state(4, date_of_birth="1980-05-07", flags=["mappa"])
    assert group([state()], [FLAGGED, amended("G3", [FLAGGED]), flags[0], changed]) == "G1"


def test_a_review_that_regroups_one_person_leaves_the_other_on_the_record():
    both = state(1, offences=["1"], links=[link(), link(N43)])
    gives = of_record([both, regrouped([both])], PACK).gives
    assert (gives[N42].group, gives[N43].group) == (None, "G1")


def test_a_flag_falls_by_a_review_too_and_a_later_one_raises_again():
    assert group([state()], [FLAGGED]) == "G1"
    assert group([state()], [FLAGGED, amended("G3", [FLAGGED])]) == "G3"
    assert group([state()], [FLAGGED, amended("G3", [FLAGGED]), person_state(3, flags=["pdp"])]) == "G1"


def test_a_person_keeps_the_group_that_the_last_review_gave():
    lowered = [regrouped([MURDER]), amended("G2", on="2024-01-01"), amended("G3", on="2025-01-01")]
    assert group([MURDER, lowered[0]], lowered[1:]) == "G3"
    same_day = [amended("G2", on="2025-01-01"), amended("G3", on="2025-01-01")]
    assert group([MURDER, lowered[0]], same_day) == "G2"


def test_dates_follow_the_group_that_a_review_gave():
    facts = [MURDER, regrouped([MURDER])]
    found = schedule(facts, [BORN, amended("G3")])
    assert (found.group, found.keep_until, found.by_age) == ("G3", date(2028, 8, 3), False)
    again = schedule([*facts, trigger(on="2026-01-01")], [BORN, amended("G3")])
    assert again.keep_until == date(2032, 1, 1)


def test_a_group_falls_by_a_fact_withdrawn_as_wrong():
    assert group([MURDER, state(2)]) == "G1"
    assert group([MURDER, withdrawal(MURDER), state(2)]) == "G3"
    assert group([MURDER, entered_in_error()]) is None
    assert group([state()], [FLAGGED, withdrawal(FLAGGED)]) == "G3"


@pytest.mark.parametrize("later", [person_state(3, date_of_birth="1980-05-06"), person_state(3)])
def test_a_flag_that_disappears_lowers_nothing(later):
    assert group([state()], [FLAGGED, later]) == "G1"


def test_the_highest_group_is_looked_at_every_ten_years_from_the_earliest_fact_or_the_last_decision():
    facts = [state(1, offences=["1"], reported_at="2020-05-06T10:00Z", occurred_on="2020-05-06")]
    assert person(facts, own=[BORN]).review_on == date(2030, 5, 6)
    late = [*facts, state(2, offences=["1"], reported_at="2022-05-06T10:00Z")]
    assert person(late, own=[BORN]).review_on == date(2030, 5, 6)
    assert person(facts, own=[BORN, contact(on="2029-01-01")]).review_on == date(2030, 5, 6)
    assert person(facts, own=[BORN, decided("2026-01-01", "amend")]).review_on == date(2036, 1, 1)


def test_a_trigger_that_names_nobody_counts_for_every_offender_and_one_that_names_somebody_for_them():
    both = state(links=[link(), link(N43), link(("crime", "V"), "victim")])
    gives = of_record([both, trigger(on="2024-01-01"), trigger("acquitted", "2025-01-01", N43)], PACK).gives
    assert (gives[N42].notice_on, gives[N43].notice_on) == (date(2024, 1, 1), date(2025, 1, 1))
    assert gives["crime", "V"].notice_on is None


def test_a_victim_s_contact_never_resets_an_offender_s_clock():
    record = [state(links=[link(), link(N43, "victim")])]
    before = schedule(record)
    assert person(record, N43, [contact(on="2050-01-01")]).clock_on is None
    assert schedule(record).clock_on == before.clock_on
