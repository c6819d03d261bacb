"""What may not be held here is known however it is written: nothing of it must be stored."""

import pytest

from services.intake.actions.cases import open_case
from tests.make_arrivals import DESK, TODAY, Topic, captured


def forbidden(sent):
    return open_case(DESK, Topic().of(sent), TODAY).forbidden


@pytest.mark.parametrize(
    "marking",
    [
        *(
            "SECRET",
            " secret ",
            "TOP-SECRET",
            "Top_Secret",
            "TOP  SECRET",
            "TOP\u00a0SECRET",
            "(SECRET)",
            "S.E.C.R.E.T.",
        ),
        *(
            "\uff33\uff25\uff23\uff32\uff25\uff34",
            "SE\u200bCRET",
            "SECRET UK EYES ONLY",
            "TOP SECRET - STRAP 1",
            "UK SECRET",
            "UK TOP SECRET",
            "NATO SECRET",
            "OFFICIAL / SECRET",
            "TOPSECRETSTRAP",
            "Tr\u00e8s Secret UE",
        ),
    ],
)
def test_a_forbidden_marking_is_known_however_it_is_written(marking):
    assert forbidden(captured(marking=marking))


@pytest.mark.parametrize(
    "marking",
    [
        "OFFICIAL",
        "OFFICIAL-SENSITIVE",
        "UK OFFICIAL",
        "NATO UNCLASSIFIED",
        "Secretarial",
        "OFFICIAL: not secret",
        "-",
        None,
    ],
)
def test_another_marking_is_not_taken_for_a_forbidden_one(marking):
    assert not forbidden(captured(marking=marking))


@pytest.mark.parametrize("type_", ["chis_record", "CHIS-record", " Chis  Record"])
def test_a_forbidden_type_is_known_however_it_is_written(type_):
    assert forbidden(captured(record_type=type_))


@pytest.mark.parametrize("attribute", [{"sequence": 5}, {"sequence": "five"}, {"subject": 7}])
def test_what_is_wrong_with_its_attributes_does_not_let_it_be_stored(attribute):
    assert forbidden(captured(marking="SECRET", attributes=attribute))
