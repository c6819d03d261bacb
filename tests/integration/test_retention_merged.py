"""A person whom the index merged, from review to execution: one review, one decision, and every hold on either."""

from datetime import timedelta

import pytest

from services.retention.actions import reviews
from services.retention.actions.explain import Telling, explain_record
from services.retention.storage import holds
from shared.db import transaction
from shared.events import REVIEWS, ReviewRequested, ReviewWithdrawn
from shared.sentences import sentences
from tests.integration.test_retention_lifecycle import ENDS, LOOKED_AT, decide, decided, reviewed, told
from tests.make_facts import PACK
from tests.make_lifecycle import REAL, carry_out, hear, new_hold, own_engines, select, states, take, tick
from tests.make_registered import contact, merged, on_day, record_state, ref, suspect, trigger, uid, unmerged

ROOT = min(ref("p1"), ref("p2"))
BOTH = [record_state("r1", links=[suspect("p1")]), record_state("r2", links=[suspect("p2")])]
ONE = [*BOTH, merged(gone="p2", into="p1")]
COOLED = ENDS + timedelta(days=PACK.limits.cooling_off_days)


@pytest.fixture
async def engines(database):
    async with own_engines(database) as both:
        yield both


@pytest.fixture
def engine(engines):
    return engines[0]


async def under_review(engine, *events):
    await take(engine, *events)
    await hear(engine)
    await tick(engine, LOOKED_AT)
    return await told(engine, REVIEWS, ReviewRequested)


async def outcomes(engine, today=COOLED):
    found = await carry_out(engine, today)
    return {refusal.why if refusal else "went" for refusal in found.outcomes.values()}


async def test_one_review_covers_all_whom_a_person_is_and_one_decision_lets_all_of_it_go(engine):
    review = (await under_review(engine, *ONE))[-1]
    assert {each.subject for each in await told(engine, REVIEWS, ReviewRequested)} == {ROOT}
    assert {member.record_id for member in review.records} == {uid("r1"), uid("r2")}
    await decide(engine, decided(review))
    assert set((await states(engine)).values()) == {"ordered"}
    assert await outcomes(engine) == {"went"}
    assert set((await states(engine)).values()) == {"executed"}


async def test_a_decision_on_one_does_not_outlast_the_merge(engine):
    for review in await under_review(engine, *BOTH):
        await decide(engine, decided(review))
    assert set((await states(engine)).values()) == {"ordered"}
    await take(engine, ONE[-1])
    assert not await outcomes(engine) & {"went"}
    await tick(engine, COOLED)
    assert (await reviewed(engine)).subject == ROOT
    assert {member.record_id for member in (await reviewed(engine)).records} == {uid("r1"), uid("r2")}


async def test_reviews_of_two_who_become_one_end_in_that_persons(engine):
    first = {review.subject: review for review in await under_review(engine, *BOTH)}
    assert set(first) == {ref("p1"), ref("p2")}
    await take(engine, ONE[-1])
    await tick(engine, LOOKED_AT, REAL + timedelta(minutes=1))
    [ended] = await told(engine, REVIEWS, ReviewWithdrawn)
    assert (ended.subject, ended.cause) == (max(first), "merged")
    review = await reviewed(engine)
    assert (review.subject, review.kind, review.cause) == (ROOT, "triggered", "merged")
    late = decided(first[max(first)], "retain", next_on=LOOKED_AT + timedelta(days=400))
    await decide(engine, late)
    kept = await select(engine, "SELECT count(*) FROM fact WHERE kind = 'decision'")
    assert kept[0][0] == 2


async def test_a_decision_to_retain_stays_with_both_when_the_merge_is_undone(engine):
    review = (await under_review(engine, *ONE))[-1]
    await decide(engine, decided(review, "retain"))
    rows = "SELECT DISTINCT keep_until, reviewed_on FROM person_schedule"
    together = await select(engine, rows)
    await take(engine, unmerged())
    assert await select(engine, rows) == together != []


async def test_an_undone_merge_asks_for_a_review_of_each(engine):
    await under_review(engine, *ONE)
    await take(engine, unmerged())
    await tick(engine, LOOKED_AT)
    open_now = await select(
        engine,
        "SELECT n.nominal_ref, v.kind, v.cause FROM review v JOIN nominal n USING (nominal_key) WHERE state = 'open'",
    )
    assert {tuple(row) for row in open_now} == {(ref(name), "triggered", "unmerged") for name in ("p1", "p2")}


@pytest.mark.parametrize("scope", [{"nominals": [ref("p2")]}, {"nominals": [ref("p2")], "records": [uid("r1")]}])
async def test_a_hold_on_one_holds_what_names_the_other_until_they_are_two_again(engines, scope):
    engine, api = engines
    review = (await under_review(engine, *ONE))[-1]
    await decide(engine, decided(review))
    hold = new_hold(**scope)
    async with transaction(api) as connection:
        await holds.insert_hold(connection, hold, LOOKED_AT, REAL)

    async def covered():
        keys = await select(engine, "SELECT record_key FROM record WHERE record_uid = $1", uid("r1"))
        async with transaction(engine) as connection:
            return bool(await holds.covering(connection, [row[0] for row in keys]))

    assert await covered()
    assert "held" in await outcomes(engine)
    await take(engine, unmerged())
    assert not await covered()


async def test_what_is_unsettled_or_parked_about_one_stops_what_names_the_other(engine):
    review = (await under_review(engine, *ONE))[-1]
    await decide(engine, decided(review))
    await select(engine, "INSERT INTO parked VALUES (gen_random_uuid(), $1, 'late', now())", ref("p2"))
    assert await outcomes(engine) == {"parked"}
    await select(engine, "INSERT INTO dirty (nominal_key) SELECT nominal_key FROM nominal WHERE nominal_ref = $1",
                 ref("p2"))  # fmt: skip
    await select(engine, "UPDATE disposal_order SET retry_at = '-infinity'")
    assert await outcomes(engine) == {"dirty"}


async def test_a_trigger_that_names_one_moves_the_clock_of_both_on_the_other_s_record(engine):
    await take(engine, *ONE, trigger("t1", "r2", "2024-05-06", person="p1"))
    rows = await select(engine, "SELECT DISTINCT clock_on::text FROM person_schedule")
    assert [row[0] for row in rows] == ["2024-05-06"]
    await take(engine, unmerged())
    rows = await select(engine, "SELECT count(DISTINCT clock_on) FROM person_schedule")
    assert rows[0][0] == 2


async def test_both_persons_records_say_what_a_merge_changed(engine):
    await take(engine, *ONE, contact("c1", "p2", "2024-05-06"))
    said = await _sentences(engine)
    for text in said.values():
        assert f"The person {ref('p2')} was merged into {ref('p1')} on 3 August 2022" in text
        assert "6 May 2024" in text
    await take(engine, on_day(unmerged(), 7))
    assert "was taken back on 7 March 2023" in (await _sentences(engine))[uid("r2")]
    await take(engine, on_day(contact("c2", "p1", "2025-06-07"), 5))
    for text in (await _sentences(engine)).values():
        assert "until then they lengthen both" in text
        assert "7 June 2025" in text


async def _sentences(engine):
    """What is said of each record, which what a review shows says too."""
    found = {}
    async with transaction(engine) as connection:
        for name, key in dict(await select(engine, "SELECT record_uid, record_key FROM record")).items():
            found[name] = " ".join((await explain_record(connection, name, PACK))["sentences"])
            asked = await reviews.derivations(connection, PACK, [key])
            assert all(each in found[name] for each in sentences(asked[key]))
    return found


async def test_who_is_one_person_is_told_all_of_themselves_and_nothing_of_others(engine):
    shared = record_state("r1", links=[suspect("p1"), suspect("p3")])
    await take(engine, shared, ONE[1], ONE[2], contact("c1", "p3", "2024-05-06"))
    for name in ("p1", "p2"):
        async with transaction(engine) as connection:
            shown = await explain_record(connection, uid("r1"), PACK, Telling(leave_out=True, nominal=ref(name)))
        said = " ".join(shown["sentences"])
        assert f"was merged into {ref('p1')}" in said
        assert f"the person {ROOT}" in said
        assert str(ref("p3")) not in said
