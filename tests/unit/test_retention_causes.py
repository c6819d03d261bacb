"""What asks for a review at once: each cause once, in any order."""

from dataclasses import replace
from datetime import date
from itertools import permutations

import pytest

from services.retention.domain.causes import of_allegations, of_links, of_person_causes, of_record_causes
from tests.make_facts import N42, PACK, contact, person_state, state, trigger, withdrawal

ACQUITTED = replace(PACK, triggers={**PACK.triggers, "acquitted": replace(PACK.triggers["acquitted"], review=True)})
FIRST, SECOND = date(2022, 8, 3), date(2022, 9, 1)


def codes(*facts):
    return [cause.code for cause in of_person_causes(facts, PACK)]


def test_a_contact_asks_where_the_pack_says_so():
    assert codes(contact("subject_access_request"), contact("new_offence")) == ["subject_access_request"]


def test_a_contact_that_was_withdrawn_asks_for_nothing():
    made = contact("dbs_disclosure")
    assert codes(withdrawal(made), made) == []


def test_each_contact_is_a_cause_of_its_own():
    found = of_person_causes([contact("dbs_disclosure"), contact("dbs_disclosure")], PACK)
    assert len({cause.token for cause in found}) == 2


@pytest.mark.parametrize(
    ("flags", "asks"),
    [
        pytest.param([["mappa"]], 0, id="the first that is known of them"),
        pytest.param([["mappa"], ["mappa", "rso"], ["mappa", "rso"]], 1, id="one appears"),
        pytest.param([["mappa"], []], 1, id="one disappears"),
        pytest.param([["mappa"], [], []], 1, id="and stays away"),
        pytest.param([["vulnerable"], []], 0, id="one that puts in no group"),
    ],
)
def test_a_status_that_changes_asks(flags, asks):
    states = [person_state(n, flags=each) for n, each in enumerate(flags, 1)]
    told = {tuple(of_person_causes(order, PACK)) for order in permutations(states)}
    assert [len(each) for each in told] == [asks]


def test_a_status_that_changes_again_is_another_cause():
    states = [person_state(n, flags=flags) for n, flags in enumerate([["mappa"], [], ["mappa"]], 1)]
    [gone], [back] = of_person_causes(states[:2], PACK), of_person_causes(states, PACK)
    assert gone.code == back.code == "status_changed"
    assert gone.token != back.token


def test_two_sources_are_not_one_change():
    assert codes(person_state(1, flags=["mappa"]), person_state(1, flags=[], source="urn:demo:custody")) == []


def test_a_death_is_one_cause_however_it_is_corrected():
    first = of_person_causes([person_state(1, died_on="2024-01-02")], PACK)
    again = of_person_causes([person_state(1, died_on="2024-01-02"), person_state(2, died_on="2024-01-03")], PACK)
    assert first == again
    assert [cause.code for cause in first] == ["death"]


def test_a_trigger_asks_where_the_pack_says_so_and_names_whom_it_names():
    facts = [state(), trigger("acquitted", nominal=N42), trigger("charged"), trigger("acquitted")]
    assert [(cause.code, cause.nominal) for cause in of_record_causes(facts, ACQUITTED)] == [
        ("acquitted", N42),
        ("acquitted", None),
    ]


@pytest.mark.parametrize(
    ("first", "last", "staff", "code"),
    [
        pytest.param(None, None, None, None, id="no link"),
        pytest.param(FIRST, FIRST, None, None, id="all of one day"),
        pytest.param(FIRST, SECOND, None, "new_link", id="a later one"),
        pytest.param(FIRST, FIRST, "P-1001", "staff_allegation", id="the first of one of the force's own"),
        pytest.param(FIRST, None, None, None, id="links from before days were kept"),
    ],
)
def test_a_new_link_asks_about_somebody_known_before(first, last, staff, code):
    found = of_links(first, last, [person_state(staff_id=staff)])
    assert (found and found.code) == code


@pytest.mark.parametrize(
    ("days", "staff", "tokens"),
    [
        pytest.param([], "P-1001", [], id="no allegation"),
        pytest.param([FIRST], None, [], id="against nobody of the force's own"),
        pytest.param([FIRST, FIRST], "P-1001", ["accused 2022-08-03"], id="of one day"),
        pytest.param([SECOND, FIRST], "P-1001", ["accused 2022-08-03", "accused 2022-09-01"], id="of several days"),
    ],
)
def test_an_allegation_asks_about_the_force_s_own_each_day_s_once(days, staff, tokens):
    found = of_allegations(days, [person_state(staff_id=staff)])
    assert [(cause.code, cause.token) for cause in found] == [("staff_allegation", token) for token in tokens]


def test_an_allegation_and_an_offending_link_of_one_day_are_told_apart():
    facts = [person_state(staff_id="P-1001")]
    assert of_allegations([FIRST], facts) != [of_links(FIRST, FIRST, facts)]


def test_a_staff_id_of_a_state_that_was_withdrawn_counts_no_more():
    wrong = person_state(staff_id="P-1001")
    assert of_allegations([FIRST], [wrong, withdrawal(wrong)]) == []
