"""Every reason code once: what brings it about, where it points, and that its sentence never quotes the value."""

import dataclasses
import json
from hashlib import sha256

import pytest
import rfc8785

from services.intake.actions.cases import open_case
from services.intake.domain.checking import Sound, check, shown
from shared.events import Reason
from shared.ids import event_uid
from shared.policy import Required
from tests.make_arrivals import (
    CRIME,
    DESK,
    INDEX,
    PACK,
    STOPS,
    TODAY,
    Topic,
    activity,
    activity_withdrawn,
    captured,
    contact,
    contact_withdrawn,
    distinguished,
    event,
    merged,
    nominal,
    read,
    ref,
    trigger,
    trigger_withdrawn,
    uid,
    unmerged,
    withdrawn,
)

CANARY = "canary-7f3a"
FAR = "2999-01-01"


def stop(**content):
    data = {"source_system": "police-uk-stops", "source_record_id": "s1", "record_type": "stop_and_search"}
    data |= {"occurred_on": "2022-08-01", "content": content}
    return event("tenure.record.captured.v1", data, sequence="1", source=STOPS)


def person(name):
    return {"nominal_source": "crime", "nominal_id": name, "role": "suspect"}


def with_party(sent, name, source):
    return sent | {"data": sent["data"] | {name: sent["data"][name] | {"nominal_source": source}}}


RELATED = {"source_system": "crime", "source_record_id": "r9", "kind": "same_incident"}
REFUSED = [
    (captured(attributes={"source": CANARY}), "source_not_registered", "/source"),
    (event("tenure.canary-7f3a.v1", {}), "type_not_yet_known", "/type"),
    (event("tenure.record.captured.v2", {}), "type_not_yet_known", "/type"),
    (event("tenure.nominal.merged.v1", {}, source=INDEX), "field_missing", "/data/from"),
    (merged(gone="p1", into="p1"), "same_nominal", "/data/from"),
    (distinguished("d1", "p1", "p1"), "same_nominal", "/data/b"),
    (merged() | {"subject": str(ref("p2"))}, "subject_mismatch", "/subject"),
    ({**unmerged(), "subject": None}, "no_subject", "/subject"),
    (merged() | {"source": CRIME}, "may_not_merge", "/source"),
    (unmerged() | {"source": CRIME}, "may_not_merge", "/source"),
    (with_party(merged(), "from", CANARY), "not_your_nominal", "/data/from/nominal_source"),
    (with_party(distinguished(), "b", CANARY), "not_your_nominal", "/data/b/nominal_source"),
    (merged(gone="a\nb"), "control_character", "/data/from/nominal_id"),
    (merged() | {"sequence": "1"}, "sequence_not_allowed", "/sequence"),
    (activity(record=None), "no_subject", "/subject"),
    (activity(record=None) | {"subject": str(uid())}, "field_missing", "/data/record_id"),
    (activity(record_id=CANARY), "bad_id", "/data/record_id"),
    (activity(on="2022-08"), "partial_date", "/data/on"),
    (activity(on=FAR), "future_date", "/data/on"),
    (activity(fields={"notes": "x" * 129}), "field_invalid", "/data/fields"),
    (activity(fields={"notes": {"a": CANARY}}), "field_invalid", "/data/fields"),
    (activity(nominal_source="nominals", nominal_id="p"), "not_your_nominal", "/data/nominal_source"),
    ({**activity_withdrawn(), "subject": str(uid("another"))}, "subject_mismatch", "/subject"),
    (event("tenure.activity.withdrawn.v1", {"activity_event_id": "a1"}), "no_subject", "/subject"),
    (captured(evaluation={"source": 4}), "grade_not_known", "/data/evaluation/source"),
    (captured(evaluation={"source": "1", "assessment": CANARY}), "grade_not_known", "/data/evaluation/assessment"),
    (captured(evaluation={"handling": "X"}), "grade_not_known", "/data/evaluation/handling"),
    (captured(evaluation={"source": [1]}), "field_invalid", "/data/evaluation/source"),
    (captured(medium="physical", place="store 4"), "field_missing", "/data/custodian"),
    (captured(medium="physical", custodian="D-EO1"), "field_missing", "/data/place"),
    (captured(objects=[{"kind": "vehicle"}]), "field_missing", "/data/objects/0/ref"),
    (captured(places=[{"kind": "address", "ref": "x" * 513}]), "field_invalid", "/data/places/0/ref"),
    (captured(source_system=None), "field_missing", "/data/source_system"),
    (captured(content=None), "field_missing", "/data/content"),
    (captured(content=CANARY), "field_invalid", "/data/content"),
    (captured(source_record_id="x" * 129), "field_invalid", "/data/source_record_id"),
    (captured(offences=["a"] * 501), "field_invalid", "/data/offences"),
    (captured(offences=["a", 5]), "field_invalid", "/data/offences/1"),
    (captured(group=CANARY), "field_invalid", "/data/group"),
    (captured(restricted="yes"), "field_invalid", "/data/restricted"),
    (
        captured(links=[{"nominal_source": "crime", "nominal_id": "p", "role": CANARY}]),
        *("field_invalid", "/data/links/0/role"),
    ),
    (captured(links=[{"nominal_source": "crime", "role": "suspect"}]), "field_missing", "/data/links/0/nominal_id"),
    (captured(metadata={"a": 5}), "field_invalid", "/data/metadata"),
    (captured(metadata={CANARY * 20: "a"}), "field_invalid", "/data/metadata"),
    (captured(content_sha256=CANARY), "field_invalid", "/data/content_sha256"),
    (captured(precision="year"), "field_invalid", "/data/precision"),
    (captured(source_system=CANARY), "not_your_system", "/data/source_system"),
    (captured(attributes={"subject": CANARY}), "bad_subject", "/subject"),
    (captured(attributes={"subject": str(uid("another"))}), "subject_mismatch", "/subject"),
    (contact() | {"subject": str(ref("another"))}, "subject_mismatch", "/subject"),
    (trigger() | {"subject": str(uid("another"))}, "subject_mismatch", "/subject"),
    ({**withdrawn(), "subject": None}, "no_subject", "/subject"),
    (event("tenure.contact.withdrawn.v1", {"contact_event_id": "c1"}), "no_subject", "/subject"),
    (event("tenure.trigger.withdrawn.v1", {"trigger_event_id": "t1"}), "no_subject", "/subject"),
    (trigger(record_id=CANARY), "bad_id", "/data/record_id"),
    (captured(attributes={"sequence": None}), "no_sequence", "/sequence"),
    ({**nominal(), "sequence": None}, "no_sequence", "/sequence"),
    (contact() | {"sequence": "1"}, "sequence_not_allowed", "/sequence"),
    (captured(attributes={"time": "2022-08-01T10:00"}), "partial_instant", "/time"),
    (captured(reported_at="2022-08-01"), "partial_instant", "/data/reported_at"),
    (captured(recorded_at="2022-08-01T10:00:00"), "partial_instant", "/data/recorded_at"),
    (captured(recorded_at="2022-08-01T10Z"), "partial_instant", "/data/recorded_at"),
    (captured(reported_at="2022-02-30T10:00Z"), "impossible_instant", "/data/reported_at"),
    (captured(reported_at="2022-02-28T24:61Z"), "impossible_instant", "/data/reported_at"),
    (captured(reported_at="0001-01-01T00:00:00Z"), "placeholder_date", "/data/reported_at"),
    (captured(reported_at="1970-01-01T00:00:00Z"), "placeholder_date", "/data/reported_at"),
    (captured(recorded_at="1970-01-01T10:00-14:00"), "placeholder_date", "/data/recorded_at"),
    (captured(recorded_at="1969-12-31T19:00:00-05:00"), "placeholder_date", "/data/recorded_at"),
    (captured(recorded_at="9999-12-31T23:59:59-14:00"), "placeholder_date", "/data/recorded_at"),
    (captured(attributes={"time": "1970-01-01T00:00:00Z"}), "placeholder_date", "/time"),
    (captured(occurred_on="0001-01-01"), "placeholder_date", "/data/occurred_on"),
    (captured(occurred_on="1900-01-01"), "placeholder_date", "/data/occurred_on"),
    (captured(occurred_on="1970-01", precision="month"), "placeholder_date", "/data/occurred_on"),
    (captured(created_on="9999-12-31"), "placeholder_date", "/data/created_on"),
    (captured(created_on="0001-01-02"), "early_date", "/data/created_on"),
    (captured(occurred_on="1849-12", precision="month"), "early_date", "/data/occurred_on"),
    (captured(reported_at="1849-12-31T23:00:00Z"), "early_date", "/data/reported_at"),
    (contact(on="1970-01-01"), "placeholder_date", "/data/on"),
    (trigger(on="1900-01-01"), "placeholder_date", "/data/on"),
    (activity(on="0001-01-01"), "placeholder_date", "/data/on"),
    (nominal(date_of_birth="0001-01-01"), "placeholder_date", "/data/date_of_birth"),
    (nominal(date_of_birth="1900-01-01"), "placeholder_date", "/data/date_of_birth"),
    (nominal(date_of_birth="1849-12-31"), "early_date", "/data/date_of_birth"),
    (nominal(died_on="1970-01-01"), "placeholder_date", "/data/died_on"),
    (captured(reported_at=f"{FAR}T00:00Z"), "future_date", "/data/reported_at"),
    (captured(reported_at="2022-08-01T23:59:60+01:00"), "impossible_instant", "/data/reported_at"),
    (captured(reported_at="2022-08-01 10:00:00Z"), "partial_instant", "/data/reported_at"),
    (captured(occurred_on="2022-08"), "partial_date", "/data/occurred_on"),
    (captured(created_on="2022-08-02T00:00:00Z"), "date_with_time", "/data/created_on"),
    (contact(on="2022-08-02 00:00"), "date_with_time", "/data/on"),
    (nominal(date_of_birth="1980-02-29T00:00:00"), "date_with_time", "/data/date_of_birth"),
    (captured(created_on=CANARY), "partial_date", "/data/created_on"),
    (captured(occurred_on="2022-02-30"), "impossible_date", "/data/occurred_on"),
    (captured(created_on=FAR), "future_date", "/data/created_on"),
    (captured(occurred_on="2022-08-01", precision="month"), "precision_mismatch", "/data/occurred_on"),
    (contact(on="2022"), "partial_date", "/data/on"),
    (trigger(on=FAR), "future_date", "/data/on"),
    (trigger(on="2022-08-01", precision="month"), "precision_mismatch", "/data/on"),
    (trigger(trigger=CANARY), "trigger_not_declared", "/data/trigger"),
    (contact(kind=CANARY), "field_invalid", "/data/kind"),
    (nominal(date_of_birth="1980"), "partial_date", "/data/date_of_birth"),
    (nominal(died_on=FAR), "future_date", "/data/died_on"),
    (nominal(flags=["mappa", CANARY]), "flag_not_declared", "/data/flags/1"),
    (captured(record_type=CANARY), "record_type_not_known", "/data/record_type"),
    (captured(policing_purpose=CANARY), "purpose_not_known", "/data/policing_purpose"),
    (captured(content_sha256="0" * 64), "fixity_failed", "/data/content_sha256"),
    (captured(source_record_id="a\nb"), "control_character", "/data/source_record_id"),
    (captured(source_record_id="\x1f"), "control_character", "/data/source_record_id"),
    (captured(links=[person("p"), person("a\nb")]), "control_character", "/data/links/1/nominal_id"),
    (captured(part_of=["a", "b\r"]), "control_character", "/data/part_of/1"),
    (captured(related=[RELATED | {"source_system": "a\tb"}]), "control_character", "/data/related/0/source_system"),
    (captured(source_record_id=" "), "field_missing", "/data/source_record_id"),
    (captured(source_record_id="\u200b"), "field_missing", "/data/source_record_id"),
    (captured(source_record_id="\x7f"), "field_missing", "/data/source_record_id"),
    (captured(links=[person("p"), person(" \u00a0 ")]), "field_missing", "/data/links/1/nominal_id"),
    (captured(links=[person("p") | {"nominal_source": " "}]), "field_missing", "/data/links/0/nominal_source"),
    (captured(part_of=["a", "\ufeff"]), "field_missing", "/data/part_of/1"),
    (captured(related=[RELATED | {"source_record_id": " "}]), "field_missing", "/data/related/0/source_record_id"),
    (captured(related=[RELATED | {"source_system": " "}]), "field_missing", "/data/related/0/source_system"),
    (captured(officers=[{"staff_id": " ", "role": "investigating"}]), "field_missing", "/data/officers/0/staff_id"),
    (captured(objects=[{"kind": "vehicle", "ref": " "}]), "field_missing", "/data/objects/0/ref"),
    (captured(places=[{"kind": "address", "ref": "\u3164"}]), "field_missing", "/data/places/0/ref"),
    (nominal(nominal_id="  "), "field_missing", "/data/nominal_id"),
    (nominal(nominal_id="\u0301"), "field_missing", "/data/nominal_id"),
    (nominal(nominal_source="\u2003"), "field_missing", "/data/nominal_source"),
    (nominal(staff_id=" "), "field_missing", "/data/staff_id"),
    (contact(person=" "), "field_missing", "/data/nominal_id"),
    (contact_withdrawn(contact_id=" "), "field_missing", "/data/contact_event_id"),
    (trigger(nominal_source="crime", nominal_id=" "), "field_missing", "/data/nominal_id"),
    (trigger(nominal_source=" ", nominal_id="p1"), "field_missing", "/data/nominal_source"),
    (trigger_withdrawn(trigger_id=" "), "field_missing", "/data/trigger_event_id"),
    (activity(person="\u2060"), "field_missing", "/data/nominal_id"),
    (activity_withdrawn(activity_id=" "), "field_missing", "/data/activity_event_id"),
    (merged(gone=" "), "field_missing", "/data/from/nominal_id"),
    (distinguished("d1", "p1", "\u00ad"), "field_missing", "/data/b/nominal_id"),
    (unmerged(merge_id=" "), "field_missing", "/data/merge_event_id"),
    (with_party(merged(), "from", " "), "field_missing", "/data/from/nominal_source"),
    (captured(source_record_id="N/A"), "id_says_nothing", "/data/source_record_id"),
    (captured(links=[person(" As above ")]), "id_says_nothing", "/data/links/0/nominal_id"),
    (captured(part_of=["-"]), "id_says_nothing", "/data/part_of/0"),
    (captured(related=[RELATED | {"source_record_id": "none"}]), "id_says_nothing", "/data/related/0/source_record_id"),
    (nominal(nominal_id="unknown"), "id_says_nothing", "/data/nominal_id"),
    (contact(person="n/a"), "id_says_nothing", "/data/nominal_id"),
    (merged(gone="tbc"), "id_says_nothing", "/data/from/nominal_id"),
    (nominal(nominal_id="a\nb"), "control_character", "/data/nominal_id"),
    (contact(person="a\nb"), "control_character", "/data/nominal_id"),
    (nominal(nominal_source="nominals"), "not_your_nominal", "/data/nominal_source"),
    (contact(nominal_source="nominals"), "not_your_nominal", "/data/nominal_source"),
    (contact_withdrawn() | {"source": STOPS}, "not_your_nominal", "/data/nominal_source"),
    (trigger(nominal_source="nominals", nominal_id="p1"), "not_your_nominal", "/data/nominal_source"),
    (trigger(nominal_id="p1"), "field_missing", "/data/nominal_source"),
    (trigger(nominal_source="crime"), "field_missing", "/data/nominal_id"),
    (activity(nominal_id="p1"), "field_missing", "/data/nominal_source"),
    (contact_withdrawn(person=None) | {"subject": str(ref())}, "field_missing", "/data/nominal_id"),
    (stop(object_of_search=""), "required_field_empty", "/data/content/object_of_search"),
    (stop(object_of_search="  "), "required_field_empty", "/data/content/object_of_search"),
    (stop(), "required_field_empty", "/data/content/object_of_search"),
    (stop(object_of_search=" N/A "), "required_field_boilerplate", "/data/content/object_of_search"),
    (stop(object_of_search="As Above"), "required_field_boilerplate", "/data/content/object_of_search"),
]


@pytest.mark.parametrize(("sent", "code", "pointer"), REFUSED, ids=[f"{code} {at}" for _, code, at in REFUSED])
def test_each_reason_has_its_code_and_its_place_and_does_not_quote(sent, code, pointer) -> None:
    sent = {name: value for name, value in sent.items() if value is not None}
    reasons = check(read(sent), PACK, TODAY)
    assert not isinstance(reasons, Sound)
    assert [(each.code, each.pointer) for each in reasons] == [(code, pointer)]
    assert reasons[0].sentence.endswith(".")
    assert CANARY not in f"{reasons}"


def test_an_instant_or_a_purpose_that_is_refused_is_told_its_mend() -> None:
    found = check(read(captured(recorded_at="2022-08-01T10:00:00+0100", policing_purpose="y")), PACK, TODAY)
    said = {each.code: each.sentence for each in found if isinstance(each, Reason)}
    assert said["partial_instant"].endswith("send it like 2022-08-01T22:10:00+01:00.")
    assert said["purpose_not_known"].endswith("send one of its, or declare it.")


@pytest.mark.parametrize(
    ("sent", "mend"),
    [
        pytest.param(captured(occurred_on="1990-02"), "say precision month.", id="a record"),
        pytest.param(nominal(date_of_birth="1990-02"), "leave it out until the day is known.", id="a nominal"),
    ],
)
def test_a_month_alone_is_told_the_mend_that_its_fields_have(sent: dict[str, object], mend: str) -> None:
    [found] = check(read(sent), PACK, TODAY)
    assert found.sentence.endswith(mend)


def test_everything_wrong_is_told_at_once() -> None:
    found = check(
        read(captured(occurred_on="2022", created_on=FAR, record_type="x", policing_purpose="y")), PACK, TODAY
    )
    assert {each.code for each in found if isinstance(each, Reason)} == {
        "partial_date",
        "future_date",
        "record_type_not_known",
        "purpose_not_known",
    }


SOUND = [
    (captured(), "record", uid(), None, 1),
    (captured(record_type=None, occurred_on=None), "record", uid(), None, 1),
    (captured(occurred_on="2022-08", precision="month"), "record", uid(), None, 1),
    (captured(reported_at="2022-08-01T10:00:00,123456789+01:00"), "record", uid(), None, 1),
    (captured(reported_at="2022-08-01t10:00:00.123456789123z"), "record", uid(), None, 1),
    (captured(occurred_on="1850-01-01", created_on="1970-01-02"), "record", uid(), None, 1),
    (captured(reported_at="1970-01-02T00:30Z", metadata={"ends_on": "9999-12-31"}), "record", uid(), None, 1),
    (nominal(date_of_birth="1970-01-01"), "nominal", ref(), ref(), 1),
    (nominal(date_of_birth="1850-01-01"), "nominal", ref(), ref(), 1),
    (
        captured(recorded_at="2016-12-31T23:59:60Z", attributes={"time": "2016-12-31T23:59:60Z"}),
        "record",
        uid(),
        None,
        1,
    ),
    (captured(attributes={"subject": str(uid()).upper()}), "record", uid(), None, 1),
    (captured(a_field_of_tomorrow={"x": 1}), "record", uid(), None, 1),
    (captured(attributes={"sequence": str(2**63 - 1)}), "record", uid(), None, 2**63 - 1),
    (captured(links=[person("\u00e9")], unit="n/a"), "record", uid(), None, 1),
    (captured(source_record_id="r1", links=[person("\u7530\u4e2d")]), "record", uid(), None, 1),
    (withdrawn(sequence=9), "record", uid(), None, 9),
    (nominal(flags=["mappa"], date_of_birth="1980-02-29"), "nominal", ref(), ref(), 1),
    (contact(), "contact", ref(), ref(), 0),
    (contact_withdrawn(), "withdrawal", ref(), ref(), 0),
    (merged(into="p1"), "merged", ref("p1"), ref("p1"), 0),
    (unmerged(into="p1"), "unmerged", ref("p1"), ref("p1"), 0),
    (distinguished("d1", "p3", "p1"), "distinguished", ref("p3"), ref("p3"), 0),
    (activity(), "activity", uid(), None, 0),
    (activity(record=None, person="p1"), "activity", ref("p1"), ref("p1"), 0),
    (activity(person="p1"), "activity", uid(), ref("p1"), 0),
    (activity(on="2022-08", precision="month"), "activity", uid(), None, 0),
    (activity_withdrawn(), "withdrawal", uid(), None, 0),
    (captured(medium="physical", place="store 4", custodian="D-EO1"), "record", uid(), None, 1),
    (captured(evaluation={"source": 1, "assessment": "E", "handling": "P"}), "record", uid(), None, 1),
    (trigger(), "trigger", uid(), None, 0),
    (trigger(nominal_source="crime", nominal_id="p1"), "trigger", uid(), ref(), 0),
    (trigger_withdrawn(), "withdrawal", uid(), None, 0),
]


@pytest.mark.parametrize(("sent", "kind", "subject", "person", "sequence"), SOUND)
def test_what_is_sound_says_what_it_is_about(sent, kind, subject, person, sequence) -> None:
    found = check(read(sent), PACK, TODAY)
    assert isinstance(found, Sound), found
    assert (found.kind, found.subject, found.nominal, found.sequence) == (kind, subject, person, sequence)
    assert found.event_uid == event_uid(sent["source"], sent["id"])


def test_a_field_that_is_not_required_may_say_nothing() -> None:
    assert isinstance(check(read(captured(content={"summary": "n/a"})), PACK, TODAY), Sound)


def test_a_record_without_a_type_is_asked_as_the_type_that_it_is_told_to_be() -> None:
    told = captured(record_type=None, metadata={"upstream_type": "crime"})
    field = Required("crime", "crime_report", ("/unit",))
    asking = dataclasses.replace(PACK, required=(*PACK.required, field))
    [reason] = check(read(told), asking, TODAY)
    assert isinstance(reason, Reason)
    assert (reason.code, reason.pointer) == ("required_field_empty", "/data/unit")
    assert isinstance(check(read(captured(record_type=None)), asking, TODAY), Sound)


def test_a_withdrawal_names_the_event_of_its_own_source() -> None:
    found = check(read(contact_withdrawn(contact_id="c7")), PACK, TODAY)
    assert isinstance(found, Sound)
    assert found.withdraws == event_uid(CRIME, "c7")


@pytest.mark.parametrize("content", [{"b": 1, "a": [0.5, 1e21]}, {"\U0001f600": 1, "\ue000": "e\u0301"}, {}])
def test_fixity_is_over_the_canonical_content(content) -> None:
    form = rfc8785.dumps(json.loads(json.dumps(content).replace("e\\u0301", "\\u00e9")))
    found = check(read(captured(content=content, content_sha256=sha256(form).hexdigest())), PACK, TODAY)
    assert isinstance(found, Sound), found


def test_a_backslash_or_a_line_feed_elsewhere_is_nobodys_name() -> None:
    found = check(read(captured(source_record_id="a\\b", content={"summary": "two\nlines"})), PACK, TODAY)
    assert isinstance(found, Sound), found


def test_a_source_may_report_on_persons_of_each_nominal_source_it_declares() -> None:
    told = nominal(nominal_source="crime") | {"source": "urn:demo:intelligence"}
    assert isinstance(check(read(told), PACK, TODAY), Sound)


def test_a_day_ahead_is_allowed_as_far_as_the_pack_says() -> None:
    assert isinstance(check(read(captured(occurred_on="2026-03-03")), PACK, TODAY), Sound)
    [reason] = check(read(captured(occurred_on="2026-03-04")), PACK, TODAY)
    assert isinstance(reason, Reason)
    assert reason.code == "future_date"


BELIEVING = dataclasses.replace(
    PACK, limits=dataclasses.replace(PACK.limits, earliest=None, placeholder_dates=(), placeholder_births=())
)


def test_a_pack_that_knows_no_placeholders_believes_every_day_that_there_is() -> None:
    for day in ("0001-01-01", "1900-01-01", "1970-01-01"):
        assert isinstance(check(read(captured(occurred_on=day)), BELIEVING, TODAY), Sound)
        assert isinstance(check(read(nominal(date_of_birth=day)), BELIEVING, TODAY), Sound)
    assert isinstance(check(read(captured(recorded_at="1970-01-01T00:00:00Z")), BELIEVING, TODAY), Sound)
    [never] = check(read(captured(recorded_at="0001-01-01T00:00+14:00")), BELIEVING, TODAY)
    [ahead] = check(read(captured(occurred_on="9999-12-31")), BELIEVING, TODAY)
    assert isinstance(never, Reason)
    assert isinstance(ahead, Reason)
    assert (never.code, ahead.code) == ("impossible_instant", "future_date")


def test_the_civil_day_of_an_instant_is_that_of_the_packs_zone() -> None:
    late = captured(reported_at="2026-03-03T23:59Z")
    assert isinstance(check(read(late), PACK, TODAY), Sound)
    assert not isinstance(check(read(captured(reported_at="2026-03-03T23:59-01:00")), PACK, TODAY), Sound)


def test_what_is_shown_has_no_content_no_things_and_only_named_metadata() -> None:
    things = {"objects": [{"kind": "vehicle", "ref": "x"}], "places": [{"kind": "address", "ref": "y"}]}
    sent = captured(metadata={"dataset": "a", "nickname": "b"}, **things)
    found = check(read(sent), PACK, TODAY)
    assert isinstance(found, Sound)
    state = shown(found, PACK.metadata_keys)
    assert state["metadata"] == {"dataset": "a"}
    assert not {"content", "objects", "places"} & state.keys()
    assert "metadata" not in shown(found, frozenset())


def test_another_pack_may_take_what_this_one_refuses() -> None:
    wider = dataclasses.replace(PACK, triggers={**PACK.triggers, "sung": next(iter(PACK.triggers.values()))})
    sent = read(trigger(trigger="sung"))
    assert not isinstance(check(sent, PACK, TODAY), Sound)
    assert isinstance(check(sent, wider, TODAY), Sound)


@pytest.mark.parametrize("changes", [{"content": {"n": 1e16, "m": 1.0}, "estimate": 1.0}, {"content": {"n": 7}}])
def test_what_is_opened_again_is_the_same_state(changes) -> None:
    """Where another door had an event of a request in the same moment, the request is taken in a second time."""
    fixity = sha256(rfc8785.dumps(changes["content"])).hexdigest()
    arrived = Topic().of(captured(**changes, content_sha256=fixity))
    first, second = (open_case(DESK, arrived, TODAY).state for _ in range(2))
    assert first is not None
    assert first == second
