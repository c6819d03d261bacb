"""What may be known of a quarantined event without its content, and what a hold can match of it."""

from datetime import date

import msgspec
import pytest

from services.intake.domain.reading import Unsound
from services.intake.domain.refused import Refused
from services.intake.domain.waiting import Holdable, Known, holdable, known_of
from shared.events import Reason
from shared.ids import event_uid
from tests.make_arrivals import CRIME, PACK, captured, contact, event, read, ref, uid

WRONG = (Reason("partial_date", "/data/occurred_on", ""),)
SUSPECT = {"nominal_source": "crime", "nominal_id": "p1", "role": "suspect"}
OTHER = {"nominal_source": "crime", "nominal_id": "p2"}


def unsound(data):
    return Unsound("e1", CRIME, "tenure.record.captured.v1", None, "1", WRONG[0], event_uid(CRIME, "e1"), data)


@pytest.mark.parametrize(
    ("sent", "known"),
    [
        pytest.param(read(captured(unit="Barking")), Known("crime_report", "Barking"), id="type and unit"),
        pytest.param(read(captured(record_type="Crime Report!")), Known(), id="what is no code is not told"),
        pytest.param(read(captured(unit="a\nb")), Known("crime_report"), id="nor what holds a control character"),
        pytest.param(read(captured(unit=7)), Known("crime_report"), id="nor what is no text"),
        pytest.param(
            read(captured(links=[SUSPECT, SUSPECT])), Known("crime_report", None, (ref(),)), id="a link, once"
        ),
        pytest.param(read(contact()), Known(), id="its own subject is not named besides"),
        pytest.param(
            read(event("tenure.nominal.merged.v1", {"from": SUSPECT, "into": OTHER})),
            Known(named=(ref(), ref("p2"))),
            id="both of a merge",
        ),
        pytest.param(
            read(captured(content={"links": [SUSPECT], "nominal": SUSPECT})),
            Known("crime_report"),
            id="never by content",
        ),
        pytest.param(
            unsound({"unit": "A\ud800", "links": [{**OTHER, "nominal_id": "\ud800"}]}), Known(), id="half a pair"
        ),
        pytest.param(unsound({"unit": "A", "links": [SUSPECT, 5, None]}), Known(None, "A", (ref(),)), id="unsound"),
        pytest.param(
            unsound({"links": [SUSPECT, OTHER | {"nominal_id": "\u200b"}]}), Known(named=(ref(),)), id="blank"
        ),
        pytest.param(unsound(None), Known(), id="undecodable"),
        pytest.param(Refused("not_json", "", ""), Known(), id="no event"),
    ],
)
def test_what_is_known(sent, known):
    subject = ref() if isinstance(sent, type(read(contact()))) and sent.type.startswith("tenure.contact") else uid()
    assert known_of(sent, WRONG, subject) == known


@pytest.mark.parametrize("code", ["field_missing", "required_field_empty", "required_field_boilerplate"])
def test_what_lacks_a_required_field_is_incomplete(code):
    assert known_of(Refused("", "", ""), (WRONG[0], Reason(code, "", "")), None).incomplete
    assert not known_of(Refused("", "", ""), WRONG, None).incomplete


def test_what_is_not_plainly_there_is_not_known_to_a_hold():
    whole = holdable(read(captured(unit="Barking", links=[SUSPECT], occurred_on="2022-08")), PACK)
    assert whole == Holdable(
        nominals=(ref(),),
        sources=("crime",),
        record_types=("crime_report",),
        units=("Barking",),
        offences=("28/11",),
        spans=((date(2022, 8, 1), date(2022, 8, 31)),),
    )
    bare = holdable(read(captured(occurred_on="2022-02-31", offences="28/11", record_type=None)), PACK)
    assert bare == Holdable(nominals=(), sources=("crime",))
    for day in ("1970-01-01", "0001-01-02"):  # It stands for a day that nobody knows.
        assert holdable(read(captured(occurred_on=day, created_on="2022-08-02")), PACK).spans is None
    nobody = {"nominal_source": "crime", "nominal_id": " "}
    for links in (None, "p1", [SUSPECT, {"nominal_source": "crime"}], [SUSPECT, nobody]):  # It may name others, too.
        assert holdable(read(captured(links=links)), PACK).nominals is None
    assert holdable(read(contact()), PACK).nominals == (ref(),)
    assert holdable(Refused("not_json", "", ""), PACK) == Holdable()
    assert holdable(unsound(None), PACK) == Holdable(sources=("crime",))
    assert holdable(msgspec.structs.replace(unsound(None), source="urn:nobody"), PACK) == Holdable()
