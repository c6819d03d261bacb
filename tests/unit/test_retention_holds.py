"""What a hold covers: alternatives within a field, all fields together, and never nothing."""

from datetime import date
from uuid import UUID

import pytest

from services.retention.domain import EmptyScope, Holdable, Scope, Traits, matches, traits_of
from services.retention.domain.facts import RecordState
from tests.make_facts import PACK

RECORD, OTHER, PERSON = UUID(int=1), UUID(int=2), UUID(int=3)
TRAITS = Traits(
    record_types=frozenset({"crime_report"}),
    source_systems=frozenset({"crime"}),
    units=frozenset({"Barking"}),
    offences=frozenset({"28/11"}),
    spans=((date(2022, 8, 1), date(2022, 8, 31)), (date(2022, 9, 5), date(2022, 9, 5))),
)
HELD = Holdable(RECORD, frozenset({PERSON}), TRAITS)
some = frozenset


@pytest.mark.parametrize(
    ("scope", "held"),
    [
        pytest.param(Scope(records=some({RECORD, OTHER})), True, id="one of the records"),
        pytest.param(Scope(records=some({OTHER})), False, id="another record"),
        pytest.param(Scope(nominals=some({PERSON})), True, id="a person, in any role"),
        pytest.param(Scope(nominals=some({OTHER})), False, id="another person"),
        pytest.param(Scope(record_types=some({"crime_report", "x"})), True, id="record type"),
        pytest.param(Scope(offences=some({"28/11"})), True, id="offence"),
        pytest.param(Scope(units=some({"Dagenham"})), False, id="another unit"),
        pytest.param(Scope(sources=some({"crime"}), units=some({"Barking"})), True, id="all fields match"),
        pytest.param(Scope(sources=some({"crime"}), units=some({"Dagenham"})), False, id="one field does not"),
        pytest.param(Scope(from_on=date(2022, 9, 5), to_on=date(2022, 9, 5)), True, id="any of its dates"),
        pytest.param(Scope(from_on=date(2022, 8, 10), to_on=date(2022, 8, 11)), True, id="within a month it names"),
        pytest.param(Scope(from_on=date(2022, 9, 6)), False, id="all its dates are before"),
        pytest.param(Scope(to_on=date(2022, 7, 31)), False, id="all its dates are after"),
        pytest.param(Scope(to_on=date(2022, 8, 1)), True, id="open towards the past"),
    ],
)
def test_matches(scope, held):
    assert matches(scope, HELD) is held


@pytest.mark.parametrize(
    "scope",
    [
        pytest.param(Scope(), id="nothing"),
        pytest.param(Scope(from_on=date(2022, 1, 2), to_on=date(2022, 1, 1)), id="backwards"),
    ],
)
def test_a_scope_that_holds_nothing_is_an_error(scope):
    with pytest.raises(EmptyScope, match="The scope"):
        matches(scope, HELD)


def test_a_record_with_nothing_known_matches_only_by_id():
    bare = Holdable(RECORD, traits=traits_of([RecordState()], PACK))
    assert matches(Scope(records=some({RECORD})), bare)
    assert not matches(Scope(from_on=date.min), bare)
