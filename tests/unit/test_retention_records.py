"""What the facts of one record say: class, group given, notice, floors, and what is missing."""

import dataclasses
from datetime import date
from uuid import UUID

import msgspec
import pytest

from services.retention.domain import Given, Side, basis, of_record, on_date_of, side_bytes, side_from
from shared.policy import When
from tests.make_facts import (
    N42,
    N43,
    PACK,
    RECEIVED,
    day,
    entered_in_error,
    intelligence,
    link,
    state,
    stop,
    trigger,
    undetected,
    withdrawal,
)

REPORTED = CONDUCT = date(2022, 8, 1)
NO_LONGER = Given("G3", None, REPORTED, grades="G3 2022-08-01 2022-08-01")


def record(*facts):
    return of_record(facts, PACK)


@pytest.mark.parametrize(
    ("fact", "klass", "row"),
    [
        pytest.param(state(), "crime.report.suspect", "R01", id="a suspect"),
        pytest.param(state(links=[link(role="victim")]), "crime.report.undetected", "R03", id="only a victim"),
        pytest.param(state(links=[link(role="subject")]), "crime.report.undetected", "R03", id="a subject of a crime"),
        pytest.param(undetected(), "crime.report.undetected", "R03", id="nobody"),
        pytest.param(undetected(offences=["28/11", "1"]), "crime.report.undetected.serious", "R02", id="serious"),
        pytest.param(state(offences=["1"]), "crime.report.suspect", "R01", id="serious, detected"),
        pytest.param(state(group="G4"), "crime.report.suspect", "R01", id="a suspect, graded as nobody is"),
        pytest.param(undetected(group="G4"), "crime.report.undetected", "R03", id="such a grading, and nobody"),
        pytest.param(intelligence(), "detecting.intelligence", "R14", id="intelligence"),
        pytest.param(stop(links=[link()]), "preventing.stop_and_search", "R29", id="a stop"),
    ],
)
def test_the_first_class_that_fits_takes_the_record(fact, klass, row):
    side = record(fact).side
    assert (side.class_id, side.row, side.problem) == (klass, row, None)


@pytest.mark.parametrize(
    ("fact", "problem"),
    [
        pytest.param(state(record_type="of_no_pack"), "unclassified", id="no class"),
        pytest.param(state(group="G9"), "unknown_group", id="no such group"),
        pytest.param(state(offences=["28/11", "999"]), "offence_not_in_table", id="one offence unknown"),
        pytest.param(undetected(offences=["999"]), "offence_not_in_table", id="undetected, offence unknown"),
        pytest.param(undetected(offences=[]), "no_offence", id="undetected, no offence"),
        pytest.param(state(offences=[]), "no_offence", id="suspect, no offence"),
        pytest.param(state(offences=[], group="G2"), None, id="graded by the source"),
        pytest.param(state(occurred_on="2022-08-02"), "contradictory_dates", id="reported before it happened"),
        pytest.param(state(occurred_on="2022-08"), None, id="happened some day of that month"),
        pytest.param(intelligence(offences=["999"]), "offence_not_in_table", id="intelligence of an unknown offence"),
        pytest.param(stop(offences=["999"]), None, id="a stop needs no offence"),
    ],
)
def test_what_is_missing_or_impossible_is_named(fact, problem):
    assert record(fact).side.problem == problem


@pytest.mark.parametrize(
    ("facts", "given"),
    [
        pytest.param([state()], Given("G3", REPORTED, REPORTED, True), id="by offence"),
        pytest.param(
            [state(offences=["28/11", "5/1"])], Given("G2", REPORTED, REPORTED, True), id="the gravest offence"
        ),
        pytest.param([state(group="G1")], Given("G1", REPORTED, REPORTED, True), id="the source's own grading"),
        pytest.param(
            [state(offences=["1"]), state(2)], Given("G1", REPORTED, REPORTED, True), id="a later state lowers nothing"
        ),
        pytest.param(
            [state(1), state(2, offences=["1"], reported_at="2023-01-01T09:00Z")],
            Given("G1", date(2023, 1, 1), date(2023, 1, 1), True),
            id="a later state raises",
        ),
        pytest.param([state(), undetected(2)], NO_LONGER, id="no longer linked"),
        pytest.param([state(), entered_in_error()], Given(), id="withdrawn gives nothing"),
        pytest.param(
            [state(), entered_in_error(), state(3)],
            Given("G3", REPORTED, REPORTED, True),
            id="a higher state counts again",
        ),
        pytest.param([state(links=[link(role="witness")])], Given(), id="a witness is given nothing"),
        pytest.param([stop(links=[link()])], Given(), id="a stop groups nobody"),
        pytest.param(
            [intelligence()], Given(None, date(2022, 8, 2), None, True), id="ungraded intelligence moves the clock"
        ),
        pytest.param([intelligence(evaluation={"assessment": "E"})], Given(), id="suspected to be false"),
        pytest.param(
            [intelligence(evaluation={"assessment": "A"}, group="G2")],
            Given("G2", date(2022, 8, 2), date(2022, 8, 2), True),
            id="graded intelligence",
        ),
        pytest.param(
            [state(), trigger()], Given("G3", date(2024, 5, 6), REPORTED, True), id="a charge that names nobody"
        ),
        pytest.param(
            [state(), trigger(nominal=N42)],
            Given("G3", date(2024, 5, 6), REPORTED, True),
            id="a charge that names them",
        ),
        pytest.param([state(), trigger(nominal=N43)], Given("G3", REPORTED, REPORTED, True), id="another's charge"),
        pytest.param([state(), trigger("closed")], Given("G3", REPORTED, REPORTED, True), id="not qualifying"),
        pytest.param(
            [state(), trigger(on="2020-01-01")],
            Given("G3", REPORTED, REPORTED, True),
            id="an earlier one changes nothing",
        ),
        pytest.param(
            [state(), trigger(on="2024-05")], Given("G3", date(2024, 5, 31), REPORTED, True), id="a month's last day"
        ),
        pytest.param(
            [state(reported_at=None, recorded_at="2022-08-04T00:30:00+01:00")],
            Given("G3", date(2022, 8, 4), date(2022, 8, 4), True),
            id="the next date of the list",
        ),
    ],
)
def test_what_a_record_gives_a_person(facts, given):
    since, conduct = (RECEIVED, CONDUCT) if given.offending else (None, None)
    expected = msgspec.structs.replace(given, since_on=since, conduct_on=conduct)
    assert record(*facts).gives[N42] == expected
    assert record(*reversed(facts)).gives[N42] == expected


def file(sequence=1, role="subject", record_type="misconduct_file", **more):
    return state(sequence, record_type=record_type, offences=[], links=[link(role=role)], **more)


@pytest.mark.parametrize(
    ("facts", "since"),
    [
        pytest.param([file()], RECEIVED, id="the subject of a misconduct file"),
        pytest.param([file(role="suspect")], RECEIVED, id="a suspect on it"),
        pytest.param([file(record_type="complaint_file")], RECEIVED, id="the subject of a complaint"),
        pytest.param([file(role="victim")], None, id="who complains"),
        pytest.param([file(role="witness")], None, id="a witness"),
        pytest.param([file(record_type="vetting_file")], None, id="the subject of another file"),
        pytest.param([state()], None, id="a suspect of a crime"),
        pytest.param([file(), file(2, received_on=date(2023, 1, 1))], RECEIVED, id="since the first state"),
        pytest.param(
            [file(role="witness"), file(2, received_on=date(2023, 1, 1))], date(2023, 1, 1), id="accused later"
        ),
        pytest.param([file(), file(2, role="witness")], None, id="no longer"),
        pytest.param([file(), entered_in_error()], None, id="entered in error"),
    ],
)
def test_a_record_accuses_by_the_roles_that_the_pack_names_for_its_type(facts, since):
    for order in (facts, facts[::-1]):
        assert record(*order).gives[N42].accused_on == since


def test_a_record_whose_own_row_dates_it_accuses_and_offends_nobody():
    assert record(file(role="suspect")).gives[N42] == Given(accused_on=RECEIVED)


def test_a_withdrawn_trigger_counts_no_more_but_only_within_its_own_record():
    charge = trigger()
    assert record(state(), charge, withdrawal(charge)).gives[N42].notice_on == REPORTED
    assert record(withdrawal(charge), charge, state()).gives[N42].notice_on == REPORTED
    assert record(state(), charge, withdrawal(charge, subject=99)).gives[N42].notice_on == date(2024, 5, 6)


@pytest.mark.parametrize(
    ("changes", "created", "floor"),
    [
        pytest.param(
            {"created_on": "2022-08-02", "recorded_at": "2022-08-05T10:00Z"}, "2022-08-02", "2028-08-02", id="created"
        ),
        pytest.param(
            {"recorded_at": "2022-07-31T23:30Z", "occurred_on": None},
            "2022-08-01",
            "2028-08-01",
            id="recorded, in London",
        ),
        pytest.param({}, "2022-08-03", "2028-08-03", id="received"),
        pytest.param(
            {"created_on": "2024-02-29", "reported_at": None, "occurred_on": None},
            "2024-02-29",
            "2030-02-28",
            id="leap day",
        ),
    ],
)
def test_the_floor_counts_from_creation(changes, created, floor):
    side = record(state(**changes)).side
    assert (side.created_on, side.floor_until) == (day(created), day(floor))


def test_the_day_received_is_the_first_arrival_of_any_state():
    later = state(2, received_on=date(2024, 1, 1))
    assert record(later, state()).side.created_on == date(2022, 8, 3)


def test_a_row_that_names_no_floor_has_none():
    assert record(undetected(created_on="2022-08-02")).side.floor_until is None


def test_a_record_without_a_state_has_nothing():
    assert record() is record(trigger()) is record(entered_in_error()) is None


def test_a_withdrawn_record_keeps_the_dates_of_its_highest_state():
    side = record(state(), entered_in_error()).side
    assert (side.withdrawn, side.floor_until, side.row) == (True, date(2028, 8, 3), "R01")
    assert not record(state(), entered_in_error(), state(3)).side.withdrawn


def untyped(**changes):
    return state(**{"record_type": None, "metadata": {"upstream_type": "crime"}, **changes})


def test_a_record_without_a_type_is_dated_as_the_type_that_the_pack_tells():
    assert record(untyped()) == record(state())
    assert record(untyped()).traits.record_types == {"crime_report"}
    assert record(untyped(metadata={"upstream_type": "poem"})).side.problem == "unclassified"
    assert record(untyped(metadata=None)).side.problem == "unclassified"


@pytest.mark.parametrize(
    ("when", "klass"),
    [
        pytest.param(When(offence=frozenset({"1", "28/11"})), "first", id="one of the offences"),
        pytest.param(When(offence=frozenset({"1"})), "crime.report.suspect", id="another offence"),
        pytest.param(When(metadata=(("dataset", "a"),)), "first", id="metadata"),
        pytest.param(When(metadata=(("dataset", "a"), ("function", "b"))), "crime.report.suspect", id="half of it"),
        pytest.param(When(source_system="crime"), "first", id="its source"),
        pytest.param(When(source_system="another"), "crime.report.suspect", id="another source"),
    ],
)
def test_a_class_may_ask_for_offences_metadata_and_source(when, klass):
    first = dataclasses.replace(PACK.classes["crime.report.suspect"], id="first", when=when)
    pack = dataclasses.replace(PACK, classes={"first": first, **PACK.classes})
    assert of_record([state(metadata={"dataset": "a"})], pack).side.class_id == klass


def test_of_two_states_with_one_sequence_the_order_of_arrival_never_matters():
    one, two = state(), state(reported_at="2022-08-02T12:00Z", links=[link(N43)])
    assert record(one, two) == record(two, one)


def test_a_side_is_read_back_as_it_was_stored():
    side = record(state(created_on="2022-08-02")).side
    assert side_from(side_bytes(side)) == side
    assert side_from(side_bytes(Side())) == Side()


def test_traits_are_of_every_state_ever():
    traits = record(state(unit="A"), state(2, unit="B", occurred_on="2022-07", offences=["1"])).traits
    assert traits.units == {"A", "B"}
    assert traits.offences == {"28/11", "1"}
    assert (date(2022, 7, 1), date(2022, 7, 31)) in traits.spans


def test_an_event_as_registered_reads_as_the_event_sent():
    nested = b'{"data":{"change":"withdrawn","state":null}}'
    gone = entered_in_error()
    assert record(state(), type(gone)(gone.event_uid, "record_state", 1, nested, 2)).side.withdrawn
    assert on_date_of(b'{"data":{"data":{"on":"2024-02"}}}', PACK) == date(2024, 2, 29)
    assert on_date_of(b"{}", PACK) is None


def test_the_basis_is_the_same_in_any_order():
    ids = [UUID(int=number) for number in (2, 1)]
    assert basis(ids) == basis(reversed(ids)) == basis(map(str, ids))
    assert len(basis([])) == 64
