"""What a person gives the records they carry, and what each record keeps of it."""

from datetime import date

from services.retention.domain import Person, of_person, of_record, of_schedule
from tests.make_facts import (
    N42,
    N43,
    PACK,
    contact,
    link,
    person,
    person_state,
    schedule,
    state,
    withdrawal,
)

BORN = person_state(date_of_birth="1980-05-06")


def test_a_shared_record_stays_while_another_person_needs_it():
    facts = [state(links=[link(N42), link(N43)], created_on="2022-08-01")]
    one = person(facts, N42)
    other = person(facts, N43, [contact(on="2026-01-01")])
    found = of_schedule(of_record(facts, PACK).side, [one, other], PACK)
    assert (found.keep_until, found.clock_on) == (date(2032, 1, 1), date(2026, 1, 1))
    missing = Person(group="G1", by_age=True, problem="no_birth_date")
    held_back = of_schedule(of_record(facts, PACK).side, [one, missing], PACK)
    assert (held_back.state, held_back.group, held_back.keep_until) == ("exception", "G1", date(2028, 8, 1))


def test_a_record_by_age_says_so_unless_something_else_binds():
    facts = [state(offences=["1"])]
    assert schedule(facts, [BORN]).by_age
    assert not schedule(facts, [person_state(date_of_birth="1910-01-01")]).by_age


def test_a_person_in_no_group_has_no_clock():
    assert of_person([contact()], None, date(2022, 1, 1), PACK) == Person()
    assert of_person([person_state(flags=["pdp"])], None, None, PACK).group == "G1"


OTHER = "urn:demo:intelligence"


def test_each_source_s_newest_state_counts_and_their_flags_unite():
    born = person_state(9, date_of_birth="1980-05-06")
    flagged = person_state(1, flags=["rso"], source=OTHER)
    for facts in ([born, flagged], [flagged, born]):
        found = of_person(facts, None, date(2022, 1, 1), PACK)
        assert (found.group, found.birth_on, found.problem) == ("G1", date(1980, 5, 6), None)
    corrected = person_state(10, date_of_birth="1980-06-05")
    assert of_person([born, flagged, corrected], None, None, PACK).birth_on == date(1980, 6, 5)


def test_sources_that_contradict_each_other_on_a_birth_are_an_exception():
    facts = [person_state(9, date_of_birth="1980-05-06", flags=["rso"])]
    facts.append(person_state(1, date_of_birth="1981-05-06", source=OTHER))
    found = of_person(facts, None, date(2022, 1, 1), PACK)
    assert (found.problem, found.birth_on) == ("contradictory_dates", date(1981, 5, 6))
    facts.append(person_state(2, date_of_birth="1980-05-06", source=OTHER))
    assert of_person(facts, None, date(2022, 1, 1), PACK).problem is None
    facts.append(person_state(3, died_on="1979-01-01", source=OTHER))
    assert of_person(facts, None, date(2022, 1, 1), PACK).problem == "contradictory_dates"


def test_a_contact_withdrawn_un_resets():
    reset = contact(on="2027-01-01")
    assert schedule([state()], [reset, withdrawal(reset)]) == schedule([state()])
