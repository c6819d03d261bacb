"""One verdict per arrival, in order of arrival, on what is known of its subject."""

import itertools
from uuid import UUID

import pytest

from services.intake.domain.checking import Sound, check
from services.intake.domain.deciding import (
    ACCEPTED,
    DUPLICATE,
    QUARANTINED,
    SUPERSEDED,
    Captured,
    Subject,
    judge_again,
    judge_fact,
    judge_state,
    subject_of,
)
from services.intake.domain.refused import Refused
from tests.make_arrivals import CRIME, PACK, TODAY, captured, nominal, read, ref, trigger, uid

OURS = 7


def fresh(**changes) -> Subject:
    told = {"key": 1, "source_key": OURS, "sequence": 0, "version": 0, "state_mac": None, "executed": False}
    return Subject(**(told | {"states": {}} | changes))


def told(*states, subject=None, source=OURS):
    subject = subject or fresh()
    verdicts = [judge_state(mac, sequence, source, subject) for sequence, mac in states]
    return [(v.outcome, v.version, *(r.code for r in v.reasons)) for v in verdicts], subject


def test_the_higher_sequence_wins_in_either_order() -> None:
    assert told((1, b"a"), (2, b"b"))[0] == [(ACCEPTED, 1), (ACCEPTED, 2)]
    said, subject = told((2, b"b"), (1, b"a"))
    assert said == [(ACCEPTED, 1), (SUPERSEDED, None)]
    assert (subject.sequence, subject.state_mac, subject.version) == (2, b"b", 1)


def test_an_unchanged_state_is_accepted_without_a_version() -> None:
    said, subject = told((1, b"a"), (5, b"a"), (6, b"b"))
    assert said == [(ACCEPTED, 1), (ACCEPTED, None), (ACCEPTED, 2)]
    assert subject.sequence == 6


@pytest.mark.parametrize("before", [[(3, b"a")], [(3, b"a"), (9, b"z")]], ids=["the newest", "an older one"])
def test_the_same_sequence_is_a_duplicate_or_a_conflict(before) -> None:
    said, subject = told(*before, (3, b"a"), (3, b"b"), (3, b"a"))
    assert said[len(before) :] == [(DUPLICATE, None), (QUARANTINED, None, "sequence_conflict"), (DUPLICATE, None)]
    assert subject.states[3] == b"a"


def test_nothing_brings_a_record_back() -> None:
    assert told((9, b"a"), subject=fresh(executed=True, sequence=3))[0] == [(QUARANTINED, None, "disposed")]


def test_one_source_cannot_revise_anothers_record() -> None:
    said, subject = told((9, b"a"), subject=fresh(sequence=3), source=OURS + 1)
    assert said == [(QUARANTINED, None, "not_your_record")]
    assert (subject.sequence, subject.states) == (3, {})


def test_any_order_of_states_ends_the_same() -> None:
    states = [(1, b"a"), (2, b"b"), (3, b"b"), (7, b"a")]
    ends = {(s.sequence, s.state_mac) for order in itertools.permutations(states) for s in [told(*order)[1]]}
    assert ends == {(7, b"a")}


def test_an_id_seen_before_is_a_duplicate_or_reused() -> None:
    assert judge_again(b"a", b"a").outcome == DUPLICATE
    again = judge_again(b"a", b"b")
    assert (again.outcome, again.reasons[0].code) == (QUARANTINED, "id_reused")


def test_a_fact_counts_by_itself_unless_its_record_is_gone() -> None:
    sound = check(read(trigger()), PACK, TODAY)
    assert isinstance(sound, Sound)
    assert judge_fact(sound, {}, PACK).outcome == ACCEPTED
    assert judge_fact(sound, {uid(): Captured(CRIME, False)}, PACK).outcome == ACCEPTED
    assert judge_fact(sound, {uid(): Captured(CRIME, True)}, PACK).reasons[0].code == "disposed"


@pytest.mark.parametrize(
    ("teller", "captor", "code"),
    [
        pytest.param("urn:police-uk:outcomes", "urn:police-uk:street", None, id="of the system it reports on"),
        pytest.param("urn:police-uk:outcomes", CRIME, "may_not_report", id="of another's"),
        pytest.param("urn:police-uk:street", "urn:police-uk:street", "may_not_report", id="of its own, undeclared"),
        pytest.param(CRIME, "urn:gone", "may_not_report", id="of a source that the pack has no more"),
    ],
)
def test_a_source_reports_only_on_the_systems_that_the_pack_says(teller, captor, code) -> None:
    sound = check(read(trigger() | {"source": teller}), PACK, TODAY)
    assert isinstance(sound, Sound)
    verdict = judge_fact(sound, {uid(): Captured(captor, False)}, PACK)
    assert [each.code for each in verdict.reasons] == ([code] if code else [])


def test_a_nominal_is_not_withdrawn_as_a_record_is() -> None:
    said, subject = told((9, b"a"), subject=fresh(sequence=3, is_nominal=True))
    assert said == [(QUARANTINED, None, "not_a_record")]
    assert subject.states == {}


NOBODY = UUID(int=1)


@pytest.mark.parametrize(
    ("sent", "key", "subject"),
    [
        pytest.param(captured(), None, uid(), id="by its data"),
        pytest.param(captured(content=None), None, uid(), id="by data that is unsound"),
        pytest.param(nominal(flags="x"), None, ref(), id="a nominal by its data"),
        pytest.param(captured(attributes={"subject": str(NOBODY)}), None, NOBODY, id="the attribute first"),
        pytest.param(captured(source_record_id=5), str(NOBODY), NOBODY, id="by the Kafka key"),
        pytest.param(captured(source_record_id=5), "not an id", None, id="by nothing"),
        pytest.param(captured(source_record_id=" "), str(NOBODY), NOBODY, id="not by a name that shows nothing"),
        pytest.param(captured(source_record_id="a\nb"), str(NOBODY), NOBODY, id="not by names that could be another's"),
    ],
)
def test_an_unsound_event_is_about_whom_it_names(sent, key, subject) -> None:
    assert subject_of(read(sent), key) == subject


def test_what_is_no_event_is_about_its_key() -> None:
    assert subject_of(Refused("not_json", "", "No."), str(NOBODY)) == NOBODY
    assert subject_of(Refused("not_json", "", "No."), None) is None
