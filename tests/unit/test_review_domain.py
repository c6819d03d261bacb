"""What answers propose, who may decide, and when a decision stands."""

from dataclasses import replace
from datetime import date
from typing import Any
from uuid import UUID

import msgspec
import pytest

from services.review import domain
from services.review.domain import Actor, Assessed, Decision, NotYou, Task
from shared.errors import LifecycleError
from shared.events import Member, ReviewRequested
from shared.policy import Pack, Step, read_pack
from tests.stack import POLICY

TODAY = date(2026, 4, 1)
SUBJECT = UUID(int=1)
HEAD = Step("head_of_information_management", "G2")
SECOND = Step("records_manager")
RO = Actor("D-RO1", {"reviewing_officer"})
HIM = Actor("D-HIM1", {"head_of_information_management"}, {"G2"})


@pytest.fixture(scope="module")
def pack() -> Pack:
    return read_pack(POLICY.read_bytes(), POLICY.name)


def asked(kind: str = "scheduled", keep_until: date | None = date(2026, 4, 30), **changes: Any) -> ReviewRequested:
    members = (Member(SUBJECT, "crime", keep_until, False),)
    given: dict[str, Any] = {"group": None, "row": "R03", "pack": "p", "due_on": TODAY, "records": members}
    given |= {"derivation": {}, "basis": "b", "version": 1, "cause": "c"} | changes
    return ReviewRequested(review_id=UUID(int=2), subject=SUBJECT, subject_kind="record", kind=kind, **given)  # type: ignore[arg-type]


def answers(pack: Pack, gate: str = "yes", criteria: str = "no") -> Any:
    return {each.id: gate if each.part == "gate" else criteria for each in pack.questions}


def assessed(
    proposal: str = "dispose", necessity: Any = None, proportionality: Any = None, basis: str = "b"
) -> Assessed:
    return Assessed(1, "D-RO1", basis, proposal, necessity, proportionality)  # type: ignore[arg-type]


def of_person(group: str | None) -> ReviewRequested:
    return msgspec.structs.replace(asked(group=group), subject_kind="nominal")


def amend(group: str | None, **changes: Any) -> Decision:
    return Decision(**{"outcome": "amend", "purpose": "preventing_offences", "group": group} | changes)


@pytest.mark.parametrize(
    ("gate", "criteria", "request_", "proposed"),
    [
        pytest.param("yes", "no", asked(), "dispose", id="all no, and the period has run"),
        pytest.param("yes", "no", asked("periodic", date(2030, 1, 1)), "retain", id="all no, the period still runs"),
        pytest.param(
            "yes",
            "no",
            asked("triggered", date(2030, 1, 1), period_ends_on=date(2026, 3, 1)),
            "dispose",
            id="all no, their own period has run, and another keeps what they share",
        ),
        pytest.param(
            "yes",
            "no",
            asked("triggered", date(2026, 3, 1), period_ends_on=date(2030, 1, 1)),
            "retain",
            id="all no, and their own period still runs",
        ),
        pytest.param("yes", "no", asked("triggered", date(2026, 6, 1)), "dispose", id="within the lead time"),
        pytest.param("yes", "no", asked("triggered", None), "retain", id="undated has never run"),
        pytest.param("yes", "yes", asked(), "retain", id="any yes"),
        pytest.param("yes", "unknown", asked(), "enquire", id="any unknown"),
        pytest.param("no", "yes", asked("triggered", None), "dispose", id="the gate fails"),
        pytest.param("unknown", "no", asked(), "enquire", id="an unknown gate is not a no"),
    ],
)
def test_answers_propose(pack: Pack, gate: str, criteria: str, request_: ReviewRequested, proposed: str) -> None:
    assert domain.proposed(request_, answers(pack, gate, criteria), pack, TODAY) == proposed


def test_every_question_is_answered(pack: Pack) -> None:
    partly = dict(list(answers(pack).items())[:-1])
    with pytest.raises(LifecycleError) as refused:
        domain.proposed(asked(), partly, pack, TODAY)
    assert refused.value.reason == "answers_missing"


@pytest.mark.parametrize(
    ("given", "evidence", "reason"),
    [
        pytest.param({"criteria": "yes"}, {}, "evidence_missing", id="a yes without evidence"),
        pytest.param({"gate": "no"}, {}, "evidence_missing", id="a failed gate without evidence"),
        pytest.param({}, {"weather": "fine"}, "unknown_question", id="a question nobody asked"),
    ],
)
def test_answers_need_evidence(pack: Pack, given: Any, evidence: Any, reason: str) -> None:
    with pytest.raises(LifecycleError) as refused:
        domain.check_answers(answers(pack, **given), evidence, pack)
    assert refused.value.reason == reason


@pytest.mark.parametrize(
    ("decision", "found", "reason"),
    [
        pytest.param(Decision("refer"), assessed(), "not_yet", id="refer is not yet supported"),
        pytest.param(Decision("restrict"), assessed(), "not_yet", id="restrict is not yet supported"),
        pytest.param(
            Decision("dispose", group="G3"), assessed(), "group_without_amend", id="a disposal lowers no group"
        ),
        pytest.param(Decision("dispose"), None, "no_assessment", id="no assessment"),
        pytest.param(Decision("dispose"), assessed(basis="old"), "basis_changed", id="the facts changed"),
        pytest.param(Decision("dispose"), assessed("enquire"), "unknown_is_not_no", id="unknown is not no"),
        pytest.param(Decision("dispose"), assessed("retain", "yes", "yes"), "proposal_retains", id="proposes retain"),
        pytest.param(Decision("dispose", next_on=TODAY), assessed(), "next_on_with_dispose", id="a day after disposal"),
        pytest.param(Decision("retain"), assessed(), "purpose_missing", id="no purpose"),
        pytest.param(Decision("retain", "curiosity"), assessed(), "unknown_purpose", id="not a policing purpose"),
        pytest.param(
            Decision("retain", "preventing_offences"), assessed("retain", "yes"), "not_shown_necessary", id="half shown"
        ),
        pytest.param(
            Decision("retain", "preventing_offences", TODAY), assessed(), "next_on_too_late", id="next is today"
        ),
    ],
)
def test_a_decision_is_refused(pack: Pack, decision: Decision, found: Assessed | None, reason: str) -> None:
    with pytest.raises(LifecycleError) as refused:
        domain.check_decision(Task(asked()), decision, found, pack, TODAY)
    assert refused.value.reason == reason


@pytest.mark.parametrize(
    ("decision", "found"),
    [
        pytest.param(Decision("dispose"), assessed(), id="dispose as proposed"),
        pytest.param(Decision("dispose"), assessed("retain", "yes", "no"), id="not proportionate, so dispose"),
        pytest.param(Decision("retain", "preventing_offences"), assessed(), id="retain with a written reason"),
        pytest.param(Decision("retain", "preventing_offences"), assessed("retain", "yes", "yes"), id="necessary"),
        pytest.param(Decision("retain", "preventing_offences", date(2027, 4, 1)), assessed("enquire"), id="earlier"),
    ],
)
def test_a_decision_stands(pack: Pack, decision: Decision, found: Assessed) -> None:
    domain.check_decision(Task(asked()), decision, found, pack, TODAY)


@pytest.mark.parametrize(
    ("now", "decision", "found", "reason"),
    [
        pytest.param("G2", amend("G2"), assessed(), "group_not_lower", id="the group they are in"),
        pytest.param("G2", amend("G1"), assessed(), "group_not_lower", id="a higher one: it rises by fact"),
        pytest.param("G3", amend("G2"), assessed(), "group_not_lower", id="none is below the lowest"),
        pytest.param("G2", amend("G9"), assessed(), "unknown_group", id="not in the pack"),
        pytest.param("G2", amend("G4"), assessed(), "unknown_group", id="a group of records, never of a person"),
        pytest.param("G2", amend(None), assessed(), "unknown_group", id="none named"),
        pytest.param(None, amend("G3"), assessed(), "nobody_in_a_group", id="a person in no group"),
        pytest.param("G2", amend("G3", next_on=TODAY), assessed(), "next_on_with_amend", id="a day beside the group's"),
        pytest.param("G2", amend("G3"), assessed("enquire"), "unknown_is_not_no", id="unknown is not no"),
        pytest.param("G2", amend("G3"), assessed("retain", "yes"), "not_shown_necessary", id="half shown"),
        pytest.param("G2", amend("G3", purpose=None), assessed(), "purpose_missing", id="no purpose to keep them for"),
    ],
)
def test_an_amendment_is_refused(pack: Pack, now: str | None, decision: Decision, found: Assessed, reason: str) -> None:
    with pytest.raises(LifecycleError) as refused:
        domain.check_decision(Task(of_person(now)), decision, found, pack, TODAY)
    assert refused.value.reason == reason


def test_a_record_alone_is_in_no_group_that_a_review_lowers(pack: Pack) -> None:
    with pytest.raises(LifecycleError) as refused:
        domain.check_decision(Task(asked(group="G2")), amend("G3"), assessed(), pack, TODAY)
    assert refused.value.reason == "nobody_in_a_group"


@pytest.mark.parametrize(("now", "group"), [("G1", "G2"), ("G1", "G3"), ("G2", "G3")])
def test_a_lower_group_stands_on_its_assessment(pack: Pack, now: str, group: str) -> None:
    domain.check_decision(Task(of_person(now)), amend(group), assessed("retain", "yes", "yes"), pack, TODAY)


@pytest.mark.parametrize(
    ("group", "outcome", "state"),
    [
        ("G2", "dispose", "awaiting_approval"),
        ("G2", "amend", "awaiting_approval"),
        ("G2", "retain", "completed"),
        (None, "dispose", "completed"),
    ],
)
def test_only_a_disposal_or_a_lower_group_waits_for_the_chain(
    pack: Pack, group: str | None, outcome: str, state: str
) -> None:
    task = Task(asked(group=group), "claimed", "D-RO1", version=3)
    done = domain.decided(task, Decision(outcome), pack)
    assert (done.state, done.assignee, done.version) == (state, "D-RO1", 4)


WAITING = Task(asked(group="G2"), "awaiting_approval", "D-RO1")


@pytest.mark.parametrize(
    ("actor", "given", "reason", "missing"),
    [
        pytest.param(replace(HIM, staff_id="D-RO1"), (), "same_person", 2, id="the decider"),
        pytest.param(replace(HIM, staff_id="D-RO2"), (), "compiled_it", 2, id="who wrote an earlier assessment"),
        pytest.param(HIM, ("D-HIM1",), "same_person", 1, id="who approved already"),
        pytest.param(replace(HIM, competences=()), (), "wrong_role", 2, id="without the competence"),
        pytest.param(replace(HIM, roles=("auditor",)), (), "wrong_role", 2, id="without the role"),
        pytest.param(replace(HIM, staff_id="D-HIM2"), ("D-HIM1",), "wrong_role", 1, id="the second link is another's"),
    ],
)
def test_the_chain_refuses_and_names_who_is_missing(actor: Actor, given: Any, reason: str, missing: int) -> None:
    with pytest.raises(NotYou) as refused:
        domain.next_step(WAITING, actor, {"D-RO1", "D-RO2"}, (HEAD, SECOND), given)
    assert (refused.value.reason, len(refused.value.more["missing"])) == (reason, missing)


def test_the_chain_goes_link_by_link() -> None:
    assert domain.next_step(WAITING, HIM, {"D-RO1"}, (HEAD, SECOND), ()) == HEAD
    manager = Actor("D-RM1", {"records_manager"})
    assert domain.next_step(WAITING, manager, {"D-RO1"}, (HEAD, SECOND), ("D-HIM1",)) == SECOND
    assert domain.approved(WAITING, 1).state == "awaiting_approval"
    assert domain.approved(WAITING, 0).state == "completed"


@pytest.mark.parametrize("state", ["open", "claimed", "returned", "completed", "withdrawn"])
def test_nothing_is_approved_that_does_not_wait(state: Any) -> None:
    with pytest.raises(LifecycleError) as refused:
        domain.next_step(replace(WAITING, state=state), HIM, (), (HEAD,), ())
    assert refused.value.reason == "not_awaiting_approval"


@pytest.mark.parametrize("state", ["claimed", "awaiting_approval", "returned", "completed", "withdrawn"])
def test_only_an_open_task_is_claimed(state: Any) -> None:
    with pytest.raises(LifecycleError) as refused:
        domain.claimed(replace(WAITING, state=state), RO, ())
    assert refused.value.reason == "not_open"


def test_a_decision_that_stands_is_not_withdrawn() -> None:
    assert domain.withdrawn(replace(WAITING, state="completed"), 2) is None
    assert domain.withdrawn(WAITING, 1) is None
    gone = domain.withdrawn(WAITING, 2)
    assert gone is not None
    assert gone.state == "withdrawn"
