"""Who is one person: what stands of merges, what each person has, and what waits for a steward."""

import json
from dataclasses import replace
from datetime import date

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.retention import domain as rules
from services.retention.actions.take_in import fresh
from services.retention.domain.identity.merges import judge, read_said, ways
from shared.ids import event_uid
from shared.sentences import PROBLEMS
from tests.make_facts import PACK
from tests.make_registered import (
    CRIME,
    contact,
    distinguished,
    fold,
    merged,
    nominal_state,
    on_day,
    record_state,
    ref,
    suspect,
    trigger,
    uid,
    unmerged,
    withdrawal,
)
from tests.oracle.lives import Event, Life
from tests.oracle.program import disagreements, schedules

OLD = {"reported_at": "2015-03-01T10:00:00Z", "occurred_on": "2015-03-01", "created_on": "2015-03-01"}
R1 = record_state("r1", links=[suspect("p1")])
R2 = record_state("r2", links=[suspect("p2")], **OLD)
JOINED = [merged("m1", gone="p2", into="p1")]


def facts_of(events):
    """Each nominal's own facts, as retention keeps them."""
    found = {}
    for event in events:
        fact = fresh(event, PACK)
        for of in {fact.nominal, fact.other} - {None}:
            kept = rules.Fact(
                event.event_uid, fact.kind, str(of), fact.canonical, event.sequence, fact.on_date, fact.withdraws,
                event.received_on,
            )  # fmt: skip
            found.setdefault(of, {})[event.event_uid] = kept
    return {of: list(its.values()) for of, its in found.items()}


def whys(*events, clashes=()):
    said = read_said(fact for own in facts_of(events).values() for fact in own)
    names = {event_uid(CRIME, f"m{n}"): f"m{n}" for n in range(1, 9)}
    return {names[each.event_uid]: each.why for each in judge(said, clashes)}


def assigned(of, sequence=1, **said):
    data = {"data": {"data": {"of": str(event_uid(CRIME, of)), **said}}}
    fact = rules.Fact(event_uid(CRIME, f"s/{of}/{sequence}"), "assigned", "", json.dumps(data).encode(), sequence)
    return msgspec.structs.replace(fact, received_on=date(2023, 3, 20))


def identity(*events, answers=(), records=()):
    own = facts_of(events)
    own = {of: [*own.get(of, ()), *answers] for of in rules.tied(own).pop()}
    kept = {}
    for event in records:
        fact = fresh(event, PACK)
        kept.setdefault(fact.record, []).append(
            rules.Fact(event.event_uid, fact.kind, "r", fact.canonical, event.sequence, fact.on_date, None,
                       event.received_on)
        )  # fmt: skip
    given = {}
    for key, facts in kept.items():
        for nominal, gift in rules.of_record(facts, PACK).gives.items():
            given.setdefault(rules.identity.nominal_ref(*nominal), {})[key] = gift
    return rules.identify(own, rules.Gifts(given, kept), PACK)


def dates(*events):
    return {key: (each.state, each.keep_until) for key, each in fold(events)[0].items()}


def test_merged_persons_are_kept_by_what_they_have_together():
    schedules, persons = fold([R1, R2, contact("c1", "p2", "2024-05-06"), *JOINED])
    assert persons[ref("p1")] == persons[ref("p2")]
    assert {each.keep_until for each in schedules.values()} == {date(2030, 5, 6)}
    flagged = nominal_state("p2", flags=["mappa"], date_of_birth="1980-05-06")
    born = nominal_state("p1", date_of_birth="1980-05-06")
    found = fold([R1, R2, flagged, born, *JOINED])[1][ref("p1")]
    assert (found.group, found.keep_until, found.problem) == ("G1", date(2080, 5, 6), None)


def test_two_birth_dates_of_one_person_contradict():
    born = [nominal_state(name, date_of_birth=f"198{n}-05-06") for n, name in enumerate(("p1", "p2"))]
    assert {each.problem for each in fold([R1, R2, *born])[1].values()} == {None}
    assert {each.problem for each in fold([R1, R2, *born, *JOINED])[1].values()} == {"contradictory_dates"}


def test_of_a_person_in_no_group_a_merge_with_one_who_is_keeps_the_record():
    lone = record_state("r3", record_type="intelligence_report", offences=[], links=[suspect("p3")])
    before, after = fold([R1, lone]), fold([R1, lone, merged(gone="p3", into="p1")])
    assert (before[0][uid("r3")].group, after[0][uid("r3")].group) == (None, "G3")


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        pytest.param(JOINED, {"m1": None}, id="a merge stands"),
        pytest.param([*JOINED, unmerged()], {"m1": "undone"}, id="until it is undone"),
        pytest.param([*JOINED, unmerged(into="p3")], {"m1": None}, id="by whom it is about"),
        pytest.param([*JOINED, withdrawal(JOINED[0])], {"m1": "undone"}, id="or withdrawn"),
        pytest.param([*JOINED, distinguished()], {"m1": "told_apart"}, id="two told apart are never one"),
        pytest.param(
            [*JOINED, distinguished(), withdrawal(distinguished())], {"m1": None}, id="unless that was withdrawn"
        ),
        pytest.param(
            [*JOINED, merged("m2", "p1", "p3"), merged("m3", "p4", "p3"), distinguished("d1", "p2", "p3")],
            {"m1": "told_apart", "m2": "told_apart", "m3": None},
            id="of the ways between two told apart none stands, and what leads to neither does",
        ),
        pytest.param(
            [*JOINED, merged("m2", "p1", "p2"), merged("m3", "p3", "p1")],
            {"m1": "merge_in_circle", "m2": "merge_in_circle", "m3": None},
            id="of a circle none stands",
        ),
        pytest.param(
            [*JOINED, merged("m2", "p1", "p2"), unmerged("u1", "m2", "p2")],
            {"m1": None, "m2": "undone"},
            id="a circle undone is none",
        ),
        pytest.param([*JOINED, merged("m2", "p2", "p1")], {"m1": None, "m2": None}, id="said twice is no circle"),
    ],
)
def test_which_merges_stand(events, expected):
    assert whys(*events) == whys(*reversed(events)) == expected


def test_a_merge_that_stands_not_is_an_exception_of_everyone_in_it():
    for more, problem in (([distinguished()], "told_apart"), ([merged("m2", "p1", "p2")], "merge_in_circle")):
        schedules, persons = fold([R1, R2, *JOINED, *more])
        assert {each.problem for each in persons.values()} == {problem}
        apart = fold([R1, R2])[0]
        assert {each.keep_until for each in schedules.values()} == {each.keep_until for each in apart.values()}
        assert {each.state for each in schedules.values()} == {"exception"}
        assert problem in PROBLEMS


def test_suspect_and_victim_of_one_record_wait_for_a_steward():
    shared = record_state("r1", links=[suspect("p1"), suspect("p2", "victim")])
    waits = identity(*JOINED, records=[shared])
    assert [(each.what, each.between) for each in waits.waiting] == [("merged", (ref("p2"), ref("p1")))]
    assert {one.problem for one in waits.persons.values()} == {"merge_waits"}
    yes = identity(*JOINED, records=[shared], answers=[assigned("m1", answer="accept")])
    assert (yes.waiting, len(set(yes.persons[ref("p1")].members))) == ([], 2)
    no = identity(*JOINED, records=[shared], answers=[assigned("m1", answer="refuse")])
    assert (no.waiting, {one.problem for one in no.persons.values()}) == ([], {None})
    assert no.persons[ref("p1")].members == (ref("p1"),)
    revised = record_state("r1", 2, links=[suspect("p1")])
    assert identity(*JOINED, records=[shared, revised]).waiting == []


def test_a_steward_who_answers_again_is_heard_last():
    shared = record_state("r1", links=[suspect("p1"), suspect("p2", "victim")])
    answers = [assigned("m1", 2, answer="accept"), assigned("m1", 1, answer="refuse")]
    assert len(identity(*JOINED, records=[shared], answers=answers).persons[ref("p1")].members) == 2


UNDONE = [on_day(JOINED[0], 5), on_day(unmerged(), 9)]
MEANT = contact("c1", "p1", "2024-05-06")


@pytest.mark.parametrize(("day", "both"), [(4, False), (5, True), (7, True), (9, True), (10, False)])
def test_what_came_while_merged_lengthens_both_until_a_steward_answers(day, both):
    _, persons = fold([R1, R2, *UNDONE, on_day(MEANT, day)])
    assert persons[ref("p1")].clock_on == date(2024, 5, 6)
    assert persons[ref("p2")].clock_on == (date(2024, 5, 6) if both else date(2015, 3, 1))
    assert persons[ref("p2")].group == "G3"


def test_what_names_the_one_who_was_merged_away_is_theirs():
    _, persons = fold([R1, R2, *UNDONE, on_day(contact("c1", "p2", "2024-05-06"), 7)])
    assert (persons[ref("p1")].clock_on, persons[ref("p2")].clock_on) == (date(2022, 8, 1), date(2024, 5, 6))


def test_a_steward_gives_what_came_meanwhile_to_one():
    events = [*UNDONE, on_day(MEANT, 7)]
    [waits] = identity(*events).waiting
    assert (waits.what, waits.about, set(waits.between)) == ("contact", ref("p1"), {ref("p1"), ref("p2")})
    found = identity(*events, answers=[assigned("c1", to=str(ref("p2")))])
    kinds = {name: [fact.kind for fact in found.persons[ref(name)].facts] for name in ("p1", "p2")}
    assert (found.waiting, "contact" in kinds["p1"], "contact" in kinds["p2"]) == ([], False, True)
    assert identity(*events, answers=[assigned("c1", to=str(ref("p9")))]).waiting == [waits]


def test_a_flag_that_came_meanwhile_puts_neither_in_a_group_and_lets_neither_go():
    flagged = on_day(nominal_state("p1", 2, flags=["mappa"]), 7)
    _, persons = fold([R1, R2, *UNDONE, flagged])
    assert [(persons[ref(n)].group, persons[ref(n)].problem) for n in ("p1", "p2")] == [("G3", "identity_waits")] * 2
    known = on_day(nominal_state("p1", 1, flags=["mappa"]), 1)
    assert fold([R1, R2, *UNDONE, known, flagged])[1][ref("p2")].problem is None

    def group(name, to):
        found = identity(*UNDONE, flagged, answers=[assigned("p1/2", to=str(ref(to)))])
        return rules.of_one(found.persons[ref(name)], PACK).group

    assert [group(name, to) for name, to in (("p1", "p2"), ("p2", "p2"), ("p1", "p1"))] == [None, "G1", "G1"]


def test_a_trigger_that_names_the_survivor_counts_for_whom_a_steward_says():
    told = on_day(trigger("t1", "r1", "2024-05-06", person="p1"), 7)
    _, persons = fold([R1, R2, *UNDONE, told])
    assert {persons[ref(name)].clock_on for name in ("p1", "p2")} == {date(2024, 5, 6)}

    def clocks(to):
        found = identity(*UNDONE, records=[R1, R2, told], answers=[assigned("t1", to=str(ref(to)))])
        return [rules.of_one(found.persons[ref(name)], PACK).clock_on for name in ("p1", "p2")]

    assert clocks("p1") == [date(2024, 5, 6), date(2015, 3, 1)]
    assert clocks("p2") == [date(2022, 8, 1), date(2024, 5, 6)]


def test_a_trigger_that_names_whom_a_merge_joined_counts_for_the_one_person_on_its_record():
    told = trigger("t1", "r2", "2024-05-06", person="p1")
    assert fold([R1, R2, told])[1][ref("p2")].clock_on == date(2015, 3, 1)
    assert fold([R2, told, *JOINED])[1][ref("p1")].clock_on == date(2024, 5, 6)
    beside = record_state("r2", links=[suspect("p2"), suspect("p1", "other")], **OLD)
    assert fold([beside, told, *JOINED])[1][ref("p2")].clock_on == date(2024, 5, 6)
    assert fold([beside, told, withdrawal(told), *JOINED])[1][ref("p2")].clock_on == date(2015, 3, 1)
    a_child = nominal_state("p1", date_of_birth="2006-05-06")
    assert fold([R2, told, a_child, *JOINED])[1][ref("p1")].clock_on is None


SAID = {"source_system": "crime", "created_on": "2015-03-01", "occurred_on": "2015-03-01"}
ON_BOTH = (
    Event("e1", "state", "r1", sequence=1, data={**SAID, "record_type": "crime_report", "offences": ["28/11"],
                                                 "links": [suspect("p1")]}),
    Event("e2", "state", "r2", sequence=1, data={**SAID, "record_type": "stop_and_search", "links": [suspect("p2")]}),
    Event("e3", "trigger", "r2", "p1", data={"trigger": "convicted", "on": "2024-05-06"}),
    Event("e4", "merged", person="p1", other="p2"),
)  # fmt: skip
BY_PERSONS = Event("e5", "override", "r2", sequence=1, data={"on": "2024-06-01", "row": "R01"})


def test_a_trigger_of_a_record_that_only_an_override_dates_by_its_persons_moves_no_clock_of_theirs():
    told = Life(replace(PACK, prevails=("override", "class", "source", "case_file")), (*ON_BOTH, BY_PERSONS))
    found = schedules(told)
    assert {(each.clock_on, each.row) for each in found.values()} == {(date(2015, 3, 1), "R01")}
    assert not disagreements(told)


def test_a_trigger_that_came_while_merged_counts_for_whom_it_may_mean_of_those_on_its_record():
    told = on_day(trigger("t1", "r2", "2024-05-06", person="p1"), 7)
    _, persons = fold([R1, R2, *UNDONE, told])
    assert (persons[ref("p1")].clock_on, persons[ref("p2")].clock_on) == (date(2022, 8, 1), date(2024, 5, 6))
    [asked] = identity(*UNDONE, records=[R2, told]).waiting
    assert (asked.what, asked.about) == ("trigger", ref("p1"))

    def clock(to):
        found = identity(*UNDONE, records=[R2, told], answers=[assigned("t1", to=str(ref(to)))])
        return rules.of_one(found.persons[ref("p2")], PACK).clock_on

    assert (clock("p1"), clock("p2")) == (date(2015, 3, 1), date(2024, 5, 6))
    late = on_day(trigger("t1", "r2", "2024-05-06", person="p1"), 10)
    assert identity(*UNDONE, records=[R2, late]).waiting == []
    stranger = on_day(trigger("t1", "r2", "2024-05-06", person="p9"), 7)
    assert identity(*UNDONE, records=[R2, stranger]).waiting == []


def test_the_ways_between_two_leave_out_what_leads_to_neither():
    merges = read_said(
        fact for own in facts_of([merged(f"m{n}", f"p{n}", f"p{n + 1}") for n in (1, 2, 3, 4)]).values() for fact in own
    ).merges
    uids = {event_uid(CRIME, f"m{n}") for n in (2, 3)}
    assert ways(merges, frozenset({ref("p2"), ref("p4")})) == uids
    assert ways(merges, frozenset({ref("p2"), ref("p9")})) == set()


PEOPLE = [f"p{n}" for n in range(5)]
NAMES = st.sampled_from(PEOPLE)
PAIRS = st.lists(NAMES, min_size=2, max_size=2, unique=True)
DAYS = st.integers(1, 20)


@st.composite
def lives(draw):
    """Records, contacts, flags, merges, undoings and distinctions among five nominals."""
    events = []
    for n, (who, role, year, day) in enumerate(
        draw(st.lists(st.tuples(PAIRS, st.sampled_from(["suspect", "victim"]), st.integers(10, 24), DAYS), max_size=4))
    ):
        days = {"reported_at": None, "occurred_on": f"20{year}-03-01", "created_on": f"20{year}-03-01"}
        links = [suspect(who[0]), suspect(who[1], role)]
        events.append(on_day(record_state(f"r{n}", links=links, **days), day))
    for n, (who, year, day) in enumerate(draw(st.lists(st.tuples(NAMES, st.integers(10, 25), DAYS), max_size=3))):
        events.append(on_day(contact(f"c{n}", who, f"20{year}-05-06"), day))
        events.append(on_day(trigger(f"t{n}", "r0", f"20{year}-06-07", person=who), day))
    for n, (who, flag, day) in enumerate(
        draw(st.lists(st.tuples(NAMES, st.sampled_from(["mappa", "vulnerable"]), DAYS), max_size=2))
    ):
        events.append(on_day(nominal_state(who, n + 1, flags=[flag], date_of_birth="1980-05-06"), day))
    for n, (pair, kind, day, end) in enumerate(draw(st.lists(st.tuples(PAIRS, st.integers(0, 4), DAYS, DAYS)))):
        if kind == 0:
            events.append(on_day(distinguished(f"d{n}", *pair), day))
            continue
        events.append(on_day(merged(f"m{n}", *pair), day))
        if kind == 1:
            events.append(on_day(unmerged(f"u{n}", f"m{n}", pair[1]), end))
    return events


quick = settings(max_examples=60, deadline=None)


@quick
@given(lives(), st.randoms(use_true_random=False))
def test_no_order_and_no_repetition_of_facts_and_merges_matters(events, random):
    again = events * 2
    random.shuffle(again)
    assert fold(again) == fold(events)


@quick
@given(lives(), PAIRS)
def test_a_merge_undone_was_never_there(events, pair):
    """Where nothing came meanwhile: all else came on earlier days."""
    told = [on_day(merged("m99", *pair), 25), on_day(unmerged("u99", "m99", pair[1]), 26)]
    schedules, persons = fold([*events, *told])
    before = fold(events)
    assert schedules == before[0]
    assert {key: each for key, each in persons.items() if key in before[1]} == before[1]


@quick
@given(lives())
def test_everybody_is_one_person_at_most_and_nothing_loops(events):
    own = facts_of([each for each in events if getattr(each, "record_id", None) is None])
    for group in rules.tied(own):
        found = rules.identify({of: own.get(of, ()) for of in group}, rules.Gifts({}), PACK)
        assert found.persons.keys() == group
        for of, one in found.persons.items():
            assert of in one.members
            assert one.root == min(one.members)
            assert all(found.persons[each] is one for each in one.members)
            apart = read_said(fact for each in own.values() for fact in each).apart
            assert not any(pair <= set(one.members) for pair in apart)
