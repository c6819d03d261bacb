"""What holds of any facts: no order, no repetition, no withdrawal that leaves a trace, never early."""

from datetime import date, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.calendar_rules import Period, add
from shared.policy import read_pack
from shared.sentences import sentence
from tests.make_facts import (
    N42,
    N43,
    PACK,
    POLICY_TEXT,
    contact,
    decided,
    entered_in_error,
    link,
    person_state,
    schedule,
    state,
    told,
    trigger,
    withdrawal,
)

LONGER = read_pack(
    POLICY_TEXT.replace(b'clear = "6y"', b'clear = "8y"').replace(b'retain = "6y"', b'retain = "9y"'), "x"
)
DAYS = st.dates(date(1990, 1, 1), date(2060, 1, 1)).map(date.isoformat)
OFFENCES = st.sampled_from([["28/11"], ["5/1"], ["1"], ["999"], []])
LINKS = st.sampled_from([[], [link()], [link(N43), link()], [link(role="victim")]])
STATES = st.builds(
    lambda sequence, offences, links, occurred: state(
        sequence, offences=offences, links=links, occurred_on=occurred, reported_at=None
    ),
    st.integers(1, 6),
    OFFENCES,
    LINKS,
    DAYS,
)
TRIGGERS = st.builds(trigger, st.sampled_from(["charged", "closed"]), DAYS, st.sampled_from([None, N42, N43]))
RECORD_FACTS = st.lists(
    st.one_of(STATES, TRIGGERS, st.builds(entered_in_error, st.integers(1, 6))), min_size=1, max_size=6
)
CONTACTS = st.builds(contact, st.sampled_from(["new_offence", "dbs_disclosure"]), DAYS)
PERSON_STATES = st.builds(
    lambda sequence, born, flags: person_state(sequence, date_of_birth=born, flags=flags),
    st.integers(1, 4),
    st.sampled_from([None, "1970-02-28", "1972-02-29"]),
    st.sampled_from([[], ["mappa"], ["vulnerable"]]),
)
OWN_FACTS = st.lists(st.one_of(CONTACTS, PERSON_STATES, st.builds(decided, DAYS)), max_size=5)
quick = settings(max_examples=60, deadline=None)


@quick
@given(RECORD_FACTS, OWN_FACTS, st.randoms(use_true_random=False))
def test_no_order_and_no_repetition_of_the_facts_matters(facts, own, random):
    expected = schedule(facts, own), told(facts, own) if schedule(facts, own) else None
    again, own_again = facts * 2, own * 2
    random.shuffle(again)
    random.shuffle(own_again)
    assert schedule(again, own_again) == expected[0]


@quick
@given(RECORD_FACTS, OWN_FACTS, DAYS)
def test_a_reset_withdrawn_was_never_there(facts, own, on):
    reset, charge = contact(on=on), trigger(on=on)
    undone = schedule(
        [withdrawal(charge), *facts, charge],
        [reset, *own, withdrawal(reset)],
    )
    assert undone == schedule(facts, own)


@quick
@given(RECORD_FACTS, OWN_FACTS, DAYS)
def test_coming_to_notice_never_shortens(facts, own, on):
    before, after = schedule(facts, own), schedule([*facts, trigger(on=on)], [*own, contact(on=on)])
    if before and before.keep_until:
        assert after.keep_until >= before.keep_until


@quick
@given(RECORD_FACTS, OWN_FACTS)
def test_a_longer_period_never_gives_an_earlier_day(facts, own):
    short, long = schedule(facts, own), schedule(facts, own, LONGER)
    if short and short.keep_until:
        assert long.keep_until >= short.keep_until


@quick
@given(RECORD_FACTS, OWN_FACTS)
def test_nothing_is_ever_early_or_out_of_sight(facts, own):
    found = schedule(facts, own)
    if found is None:
        return
    assert found.review_on is not None
    assert (found.state == "exception") == (found.problem is not None) == (found.owner is not None)
    if found.state == "current":
        assert found.actionable_from == found.keep_until + timedelta(days=1)
        assert found.open_on < found.actionable_from
    if found.state == "current" and found.group in ("G2", "G3"):
        assert found.keep_until >= add(found.clock_on, PACK.groups[found.group].clear or Period(), PACK.leap)
    if found.floor_until and found.state == "current":
        assert found.keep_until >= found.floor_until


@quick
@given(RECORD_FACTS, OWN_FACTS)
def test_what_is_told_ends_with_the_date_that_is_stored_and_its_next_review(facts, own):
    found = schedule(facts, own)
    if found is None:
        return
    *_, last, review = told(facts, own)["steps"]
    assert last["row"] == found.row
    assert last.get("on") == (found.keep_until.isoformat() if found.keep_until else None)
    assert date.fromisoformat(review["on"]) == found.review_on
    if "from" in review:  # What is told adds up to the day.
        period = Period(review.get("years", 0) * 12 + review.get("months", 0), review.get("days", 0))
        assert add(date.fromisoformat(review["from"]), period, PACK.leap) == found.review_on
    assert sentence(review).startswith("Its next review is due on ")
