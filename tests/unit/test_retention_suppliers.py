"""Who supplies a record's rule: inheritance and units, sources, overrides, moves, and what prevails."""

from dataclasses import replace
from datetime import date

import pytest

from services.retention.domain import Linked, derivation, of_record, side_bytes, side_from
from shared.calendar_rules import Period
from shared.ids import nominal_ref
from shared.policy import Age, Class, Floor, Offence, When
from shared.sentences import sentences
from tests.make_facts import (
    N42,
    PACK,
    contact,
    day,
    entered_in_error,
    intelligence,
    link,
    marked,
    moved,
    override,
    person,
    person_state,
    schedule,
    starts,
    state,
    stop,
    told,
    trigger,
    undetected,
    with_row,
    withdrawal,
)


def ranked(*names, pack=PACK):
    return replace(pack, prevails=names)


def with_class(id_, pack=PACK, **changes):
    return replace(pack, classes={**pack.classes, id_: replace(pack.classes[id_], **changes)})


def with_source_row(row, pack=PACK):
    key, source = next((key, each) for key, each in pack.sources.items() if each.source_system == "crime")
    return replace(pack, sources={**pack.sources, key: replace(source, row=row)})


# Inheritance, and the unit of a rule.


def of_two_units():
    """A class whose own rule is for parts of a case file, under one whose rule is for any record."""
    pack = with_row("R02", follows="case_file", retain=None, clock=())
    parent = Class("crime.any", row="R03", row_from="crime.any")
    child = replace(pack.classes["crime.report.undetected"], parent="crime.any", row="R02")
    child = replace(child, row_from=child.id)
    return replace(pack, classes={**pack.classes, "crime.any": parent, child.id: child})


def test_a_rule_for_parts_of_a_file_leaves_a_record_in_none_to_the_nearest_ancestor_whose_unit_fits():
    found = schedule([undetected()], pack=of_two_units())
    assert (found.row, found.keep_until, found.problem) == ("R03", date(2028, 8, 1), None)
    step = told([undetected()], pack=of_two_units())["steps"][0]
    assert step == {"code": "classified", "class": "crime.report.undetected", "row_from": "crime.any"}
    assert of_record([undetected(part_of=["CASE-1"])], of_two_units()).side.row == "R02"


def test_a_class_may_ask_whether_it_is_part_of_a_file():
    pack = with_class("crime.report.suspect", when=When(record_type="crime_report", part_of=True), row="R29")
    assert of_record([undetected(part_of=["CASE-1"])], pack).side.row == "R29"
    assert of_record([undetected()], pack).side.row == "R03"


# The offence table is dated.


def test_what_the_table_said_when_the_offence_was_committed_counts():
    was = Offence("28/11", "G2", True, since=date(2010, 1, 1), until=date(2021, 12, 31))
    now = Offence("28/11", "G3", False, since=date(2022, 1, 1))
    pack = replace(PACK, offences=(was, now))
    gives = lambda **changes: of_record([state(**changes)], pack).gives[N42].group  # noqa: E731
    assert (gives(), gives(occurred_on="2021-12-31"), gives(occurred_on="2022-01-01")) == ("G3", "G2", "G3")
    assert gives(occurred_on=None, created_on="2021-05-05") == "G2"
    assert of_record([undetected(occurred_on="2021-12-31")], pack).side.row == "R02"


# Several suppliers.

BY_SOURCE = with_source_row("R29", with_row("R29", clock=starts("reported_at")))


def test_by_default_the_latest_last_day_of_all_suppliers_wins():
    found = schedule([undetected()], pack=BY_SOURCE)
    assert (found.row, found.keep_until) == ("R29", date(2029, 8, 1))
    short = with_source_row("R29", with_row("R29", clock=starts("reported_at"), retain=Period.parse("1y")))
    assert schedule([undetected()], pack=short).keep_until == date(2028, 8, 1)
    assert schedule([undetected()], pack=short).row == "R03"


def test_what_any_supplier_keeps_for_ever_has_no_last_day():
    found = schedule([undetected()], pack=with_source_row("R29", with_row("R29", retain=None, permanent=True)))
    assert (found.state, found.row, found.keep_until) == ("permanent", "R29", None)


def test_a_pack_may_say_which_supplier_prevails():
    assert schedule([undetected()], pack=ranked("class", "source", pack=BY_SOURCE)).keep_until == date(2028, 8, 1)
    assert schedule([undetected()], pack=ranked("source", "class", pack=BY_SOURCE)).keep_until == date(2029, 8, 1)
    assert schedule([undetected()], pack=ranked("override", "class", pack=BY_SOURCE)).keep_until == date(2028, 8, 1)


def test_what_is_missing_in_any_supplier_makes_the_whole_record_an_exception():
    pack = with_source_row("R29", with_row("R29", clock=starts("created_on")))
    found = schedule([undetected()], pack=pack)
    assert (found.state, found.problem, found.keep_until) == ("exception", "no_clock_date", date(2028, 8, 1))
    assert schedule([undetected()], pack=ranked("class", pack=pack)).problem is None
    waits = with_source_row("R29", with_row("R29", clock=starts("closed")))
    assert schedule([undetected()], pack=waits).keep_until is None


def test_what_the_class_lacks_is_nothing_to_a_record_that_its_source_dates():
    pack = with_row("R03", ranked("source", "class", pack=BY_SOURCE), clock=starts("created_on"))
    assert schedule([undetected()], pack=pack).problem is None
    assert schedule([undetected()], pack=replace(pack, prevails=())).problem == "no_clock_date"


def test_where_no_class_takes_a_record_what_its_source_gives_is_shown():
    found = schedule([undetected(record_type="other")], pack=ranked("class", "source", pack=BY_SOURCE))
    assert (found.problem, found.keep_until) == ("unclassified", date(2029, 8, 1))


def test_where_class_and_source_both_follow_persons_each_row_s_notice_counts():
    pack = with_source_row("R02", with_row("R02", follows="mopi", notice=("created_on",), clock=()))
    given = of_record([state(created_on="2022-08-03")], pack).gives[N42]
    assert (given.notice_on, given.grouped_on) == (date(2022, 8, 3), date(2022, 8, 1))


def test_a_source_whose_row_follows_persons_groups_them():
    pack = with_source_row("R01")
    assert of_record([stop(links=[link()], offences=["28/11"])], pack).gives[N42].group == "G3"
    assert of_record([stop(links=[link()], offences=["28/11"])], PACK).gives[N42].group is None
    assert schedule([stop(links=[link()], offences=["28/11", "999"])], pack=pack).problem == "offence_not_in_table"


def test_every_rule_that_applies_is_told():
    words = " ".join(sentences(told([undetected()], pack=ranked("class", "source", pack=BY_SOURCE))))
    assert "The source names row R29 for it as well." in words
    assert "the first of these prevails: class, source." in words


# Overrides.

FIRST = ranked("override", "class")


@pytest.mark.parametrize(
    ("pack", "facts", "row", "keep_until"),
    [
        pytest.param(FIRST, [override(until="2040-01-01")], "R03", "2040-01-01", id="a last day"),
        pytest.param(FIRST, [override(until="2025-01-01")], "R03", "2025-01-01", id="an earlier last day"),
        pytest.param(PACK, [override(until="2025-01-01")], "R03", "2028-08-01", id="which the default never takes"),
        pytest.param(FIRST, [override(period="20y", from_on="2020-02-29")], "R03", "2040-02-29", id="a period"),
        pytest.param(FIRST, [override(row="R02")], "R02", "2122-08-01", id="another row"),
        pytest.param(
            FIRST,
            [override(1, until="2040-01-01"), override(2, until="2030-01-01")],
            "R03",
            "2030-01-01",
            id="the last one",
        ),
        pytest.param(FIRST, [override(1, until="2040-01-01"), override(2)], "R03", "2028-08-01", id="ended"),
    ],
)
def test_an_override_gives_one_record_its_own_rule(pack, facts, row, keep_until):
    found = schedule([undetected(), *facts], pack=pack)
    assert (found.row, found.keep_until) == (row, day(keep_until))
    assert schedule([*reversed(facts), undetected()], pack=pack) == found


def test_an_override_withdrawn_was_never_made():
    made = override(until="2040-01-01")
    assert schedule([undetected(), made, withdrawal(made)], pack=FIRST) == schedule([undetected()], pack=FIRST)


def test_an_override_is_untouched_when_the_class_changes():
    made = override(until="2040-01-01")
    assert schedule([undetected(), made], pack=FIRST).keep_until == date(2040, 1, 1)
    assert schedule([undetected(), state(2, offences=["1"]), made], pack=FIRST).keep_until == date(2040, 1, 1)


def test_an_override_of_one_record_moves_no_date_of_its_persons():
    made = override(until="2099-01-01")
    assert person([state(), made], pack=FIRST) == person([state()], pack=FIRST)
    assert schedule([state(), made], pack=FIRST).keep_until == date(2099, 1, 1)


def test_an_override_keeps_the_floors_of_the_record_s_own_row():
    assert schedule([state(), override(until="2024-01-01")], pack=FIRST).keep_until == date(2028, 8, 3)


def test_a_locked_row_is_shortened_only_by_a_legal_authority_that_is_named():
    pack = with_row("R03", FIRST, locked=True)
    early, legal = override(until="2025-01-01"), override(until="2025-01-01", legal_authority="Order of the court")
    assert schedule([undetected(), early], pack=pack).keep_until == date(2028, 8, 1)
    assert schedule([undetected(), override(until="2040-01-01")], pack=pack).keep_until == date(2040, 1, 1)
    assert schedule([undetected(), legal], pack=pack).keep_until == date(2025, 1, 1)


def test_an_override_by_a_row_that_is_gone_is_an_exception():
    found = schedule([undetected(), override(row="R99")], pack=FIRST)
    assert (found.problem, found.keep_until) == ("override_row_not_known", date(2028, 8, 1))


def test_an_override_by_a_row_that_follows_persons_takes_their_dates_and_gives_them_none():
    facts = [stop(links=[link()]), override(row="R01")]
    flagged = [person_state(date_of_birth="1980-05-06", flags=["mappa"])]
    found = schedule(facts, flagged, FIRST)
    assert (found.row, found.group, found.keep_until) == ("R01", "G1", date(2080, 5, 6))
    assert person(facts, own=flagged, pack=FIRST) == person([stop(links=[link()])], own=flagged, pack=FIRST)


def test_a_clock_is_not_told_by_what_befell_a_record_that_only_an_override_dates_by_its_persons():
    elsewhere = Linked(nominal_ref(*N42), group="G2", notice_on=date(2024, 5, 6), offending=True)
    befell = [trigger("convicted", "2024-05-06", nominal=N42)]

    def clock(*facts):
        steps = derivation([*facts, *befell], [elsewhere], FIRST)["steps"]
        [found] = [step for step in steps if step["code"] == "clock" and "nominal" in step]
        return found["on"], found["facts"]

    assert clock(stop(links=[link()]), override(row="R01")) == ("2024-05-06", [])
    assert clock(state(links=[link()])) == ("2024-05-06", [str(befell[0].event_uid)])


def test_an_override_keeps_the_floors_by_age_of_the_record_s_own_row():
    claim = Floor("claim", add=Period.parse("6y"), age=Age(frozenset({"victim"}), 18, under=18))
    pack = replace(with_row("R03", FIRST, floors=("claim",)), floors={**PACK.floors, "claim": claim})
    facts = [undetected(links=[link(role="victim")]), override(until="2024-01-01")]
    assert schedule(facts, [person_state(date_of_birth="2010-05-06")], pack).keep_until == date(2034, 5, 6)
    assert schedule(facts, [], pack).problem == "no_birth_date"


def test_a_withdrawn_record_with_an_override_never_goes_by_time_alone():
    facts = [undetected(), override(until="2024-01-01")]
    assert schedule(facts, pack=FIRST).end == "dispose"
    assert schedule([*facts, entered_in_error()], pack=FIRST).end == "review"


def test_an_override_by_a_row_that_says_nothing_is_an_exception_of_a_withdrawn_record_too():
    pack = with_row("R29", FIRST, retain=None, clock=())
    assert schedule([undetected(), override(row="R29")], pack=pack).problem == "no_group"
    assert schedule([undetected(), override(row="R29"), entered_in_error()], pack=pack).problem == "no_group"


def test_an_override_by_a_rule_for_parts_fits_no_record_in_no_case_file():
    pack = with_row("R29", FIRST, follows="case_file", retain=None, clock=())
    found = schedule([undetected(), override(row="R29")], pack=pack)
    assert (found.problem, found.keep_until) == ("no_fitting_rule", date(2028, 8, 1))


def test_an_override_is_told():
    words = " ".join(sentences(told([undetected(), override(until="2040-01-01")], pack=FIRST)))
    assert "The override names 1 January 2040 as its last day" in words
    assert "So it is kept until 1 January 2040 (row R03)." in words


def test_a_side_with_several_rules_is_read_back_as_it_was_stored():
    side = of_record([undetected(), override(until="2040-01-01")], BY_SOURCE).side
    assert len(side.others) == 2
    assert side_from(side_bytes(side)) == side


# Moves.

SERIOUS, STOPS = "crime.report.undetected.serious", "preventing.stop_and_search"
WAITING = with_row("R29", clock=starts("closed"))


def test_a_record_moved_keeps_the_clock_that_had_started_and_takes_the_new_period():
    found = schedule([undetected(), moved(STOPS)], pack=with_row("R29", clock=starts("occurred_on")))
    assert (found.class_id, found.row, found.clock_on) == (STOPS, "R29", date(2022, 8, 1))
    assert found.keep_until == date(2029, 8, 1)
    closed = trigger("closed", "2026-01-01")
    kept = schedule([undetected(), closed, moved(STOPS)], pack=WAITING)
    assert (kept.clock_on, kept.keep_until) == (date(2022, 8, 1), date(2029, 8, 1))


def test_a_step_not_reached_by_the_day_of_the_move_follows_the_new_rule():
    pack = with_row("R03", clock=starts("resolved"))
    reported = moved(STOPS)
    found = schedule([undetected(), reported, trigger("resolved", "2025-01-01")], pack=pack)
    assert found.clock_on == date(2022, 8, 1)
    reached = schedule([undetected(), reported, trigger("resolved", "2023-12-31")], pack=pack)
    assert reached.clock_on == date(2023, 12, 31)
    done = trigger("resolved", "2023-12-31")
    assert schedule([undetected(), reported, done, withdrawal(done)], pack=pack).clock_on == date(2022, 8, 1)


def test_a_later_start_of_a_step_that_was_taken_changes_nothing_any_more():
    pack = with_row("R03", clock=starts("closed"))
    facts = [undetected(), trigger("closed", "2023-01-01"), moved(STOPS), trigger("closed", "2026-01-01")]
    assert schedule(facts, pack=pack).clock_on == date(2023, 1, 1)


def test_a_closing_taken_back_after_the_move_was_no_step():
    pack = with_row("R03", clock=starts("closed"))
    facts = [undetected(), trigger("closed", "2023-01-01"), moved(STOPS), trigger("reopened", "2026-01-01")]
    assert schedule(facts, pack=pack).clock_on == date(2022, 8, 1)


def test_a_record_may_be_moved_again_in_the_order_of_the_decisions():
    facts = [undetected(), moved(STOPS, 1), moved(SERIOUS, 2, on="2025-01-01")]
    assert schedule(facts).keep_until == schedule([*reversed(facts)]).keep_until == date(2122, 8, 1)


def test_facts_that_change_the_class_undo_a_move_and_work_all_out_anew():
    facts = [undetected(), moved(STOPS)]
    assert schedule(facts).class_id == STOPS
    assert schedule([*facts, state(2)]) == schedule([undetected(), state(2)])
    assert schedule([*facts, state(2), undetected(3)]).class_id == STOPS


def test_a_record_moved_to_a_row_that_follows_persons_counts_for_them():
    facts = [stop(links=[link()], offences=["28/11"]), moved("crime.report.suspect", was=STOPS)]
    assert of_record(facts, PACK).gives[N42].group == "G3"
    back = [state(), moved(STOPS, was="crime.report.suspect")]
    assert of_record(back, PACK).gives[N42].offending is False


def test_a_move_is_told():
    words = sentences(told([undetected(), moved(STOPS)]))
    assert (
        words[1] == f"By a decision of 1 January 2024 it is in class {STOPS}; a clock that had started keeps its date."
    )


# What is for ever, what is looked at again, and dates that reviewers make.


def test_what_is_permanent_has_no_last_day_and_is_looked_at_in_its_cycle():
    pack = with_row(retain=None, permanent=True, end=None, cycle=Period.parse("5y"))
    found = schedule([undetected()], pack=pack)
    assert (found.state, found.keep_until, found.open_on) == ("permanent", None, None)
    assert (found.review_on, found.review_kind) == (date(2027, 8, 3), "periodic")
    assert schedule([undetected()], pack=with_row(retain=None, permanent=True)).review_kind == "backstop"
    *_, kept, review = sentences(told([undetected()], pack=pack))
    assert "permanently" in kept
    assert review.endswith("row R03 has it looked at again 5 years after its creation, 3 August 2022.")


def test_what_waits_is_looked_at_in_its_cycle_too():
    pack = with_row(clock=starts("resolved"), cycle=Period.parse("1y"))
    assert schedule([undetected()], pack=pack).review_on == date(2023, 8, 3)


def test_what_goes_to_an_archive_is_a_person_s_decision():
    pack = with_row(end="transfer", transfers=("public_archive",))
    assert pack.ends("R03") == "review"
    assert schedule([undetected()], pack=pack).end == "review"


def test_a_clock_may_start_when_the_record_was_last_revised():
    pack = with_row(clock=starts("revised_on", "reported_at"))
    later = undetected(2, change="revised", received_on=date(2024, 5, 6))
    assert schedule([undetected()], pack=pack).clock_on == date(2022, 8, 1)
    assert schedule([undetected(), later], pack=pack).clock_on == date(2024, 5, 6)
    assert schedule([undetected(), later, entered_in_error(3)], pack=pack).keep_until == date(2030, 5, 6)


def test_a_clock_may_start_when_a_reviewer_first_marked_the_record():
    pack = with_row(clock=starts("marked_on"))
    facts = [undetected(), marked("2025-01-01"), marked("2024-01-01")]
    assert schedule(facts, pack=pack).clock_on == date(2024, 1, 1)
    assert schedule([undetected()], pack=pack).problem == "no_clock_date"


def test_other_rows_give_the_date_alone_whoever_is_linked():
    alone = schedule([stop()])
    linked = [stop(links=[link()], offences=["1"]), trigger(on="2050-01-01")]
    everything = [contact(on="2050-01-01"), person_state(flags=["mappa"])]
    assert schedule(linked, everything).keep_until == alone.keep_until
    counted = with_row("R29", counts_for_person=True)
    assert person(linked, own=everything, pack=counted).clock_on == date(2050, 1, 1)


def test_intelligence_suspected_to_be_false_makes_nobody_an_offender():
    assert schedule([intelligence(evaluation={"assessment": "E"}, group="G1")]).group is None
