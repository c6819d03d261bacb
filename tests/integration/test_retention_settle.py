"""Facts to dates on a real PostgreSQL: any order, any duplication, any batching, any number of settlers at once."""

import asyncio
import random
from datetime import date, timedelta
from hashlib import sha256

import msgspec
import pytest

from services.retention.actions import identities
from services.retention.actions.settle import Bounds, behind, settle
from services.retention.actions.take_in import fresh, take_in
from services.retention.domain import Person, Schedule
from services.retention.storage import locks, marks, merges
from services.retention.storage.schedules import COLUMNS, sealed_content
from shared.clock import wall_clock
from shared.db import driver, transaction
from tests import make_cases as cases
from tests.make_cases import RICH, filings
from tests.make_facts import PACK
from tests.make_registered import (
    NOW,
    activity,
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

TRIGGERS = ["charged", "charged", "convicted", "closed", "closed", "reopened", "no_further_action"]
FACTS = 2_000
RECORDS, PERSONS = 700, 260
CASE_PROBLEMS = {
    "case_file_not_known",
    "case_file_undated",
    "case_files_in_circle",
    "case_member_undated",
    "dated_after_file_closed",
    "part_of_itself",
}
OFFENCES = ["28/11", "5/1", "1", "28/11", "police-uk:burglary", "8/01"]


@pytest.fixture
def engine(retention_engine):
    return retention_engine


async def keep(engine, events, pack=PACK):
    async with transaction(engine) as connection:
        return await take_in(connection, [fresh(event, pack) for event in events], NOW)


async def settle_once(engine, these=None, limit=2_000, pack=PACK):
    async with transaction(engine) as connection:
        return await settle(connection, pack, NOW, these, bounds=Bounds(limit))


async def settle_all(engine, pack=PACK):
    for _ in range(1_000):
        if not (await settle_once(engine, pack=pack)).claimed:
            return
        await asyncio.sleep(0)
    raise AssertionError("Marks are left for ever.")


async def stored(engine):
    """Give what is stored: {record id: Schedule}, {nominal: Person}."""
    async with transaction(engine) as connection:
        raw = await driver(connection)
        names = ", ".join(list(COLUMNS)[:-2])
        rows = await raw.fetch(f"SELECT record_uid, {names} FROM schedule JOIN record USING (record_key)")
        persons = await raw.fetch(
            "SELECT nominal_ref, grp, clock_on, keep_until, review_on, by_age, birth_on, died_on, reviewed_on, problem"
            " FROM person_schedule JOIN nominal USING (nominal_key)"
        )
    return {row[0]: Schedule(*row[1:]) for row in rows}, {row[0]: Person(*row[1:]) for row in persons}


def estate(rng: random.Random, count: int):
    """Make facts of every kind, one person in very many records, withdrawals before and after what they withdraw."""
    people = [f"p{n}" for n in range(PERSONS)]
    events = []
    for n in range(int(count * 0.55)):
        record = f"r{rng.randrange(RECORDS)}"
        named = rng.sample(people, rng.choice([0, 1, 1, 2])) + (["p0"] if rng.random() < 0.25 else [])
        links = [suspect(each, rng.choice(["suspect", "suspect", "victim"])) for each in dict.fromkeys(named)]
        day = f"20{rng.randrange(10, 25)}-0{rng.randrange(1, 10)}-{rng.randrange(10, 28)}"
        kind = rng.choice(["crime_report", "crime_report", "crime_report", "intelligence_report", "stop_and_search"])
        change = "withdrawn" if rng.random() < 0.04 else "captured"
        events.append(
            record_state(
                record,
                n + 1,
                change,
                record_type=kind,
                offences=[rng.choice(OFFENCES)],
                links=links,
                occurred_on=day,
                created_on=day,
                reported_at=f"{day}T10:00:00Z",
            )
        )
    events += [_other(rng, n, people) for n in range(int(count * 0.37))]
    events += filings(rng, count // 4, [f"r{n}" for n in range(RECORDS)])
    events += [record_state("rq", links=[suspect("q1"), suspect("q2", "victim")]), merged("mq1", "q1", "q2")]
    events += [merged("mq2", "q3", "q4"), merged("mq3", "q4", "q3"), merged("mq4", "q5", "q6")]
    events.append(distinguished("mq5", "q6", "q5"))
    merges = [event for event in events if getattr(event, "kind", None) == "merged"]
    events += [undoing(each) for each in rng.sample(merges[:-4], len(merges) // 2)]
    events = [on_day(event, rng.randrange(1, 15)) for event in events]
    takes = [event for event in events if getattr(event, "kind", None) in ("contact", "trigger")]
    events += [withdrawal(each) for each in rng.sample(takes, int(count * 0.08))]
    return events


def _other(rng, n, people):
    on = f"20{rng.randrange(10, 26)}-0{rng.randrange(1, 10)}-{rng.randrange(10, 28)}"
    match rng.randrange(12) % 4:
        case 3 if rng.random() < 0.3:
            told = rng.choice([merged, merged, merged, distinguished])
            return told(f"m{n}", *rng.sample(people[:30], 2))
        case 3:
            return activity(f"a{n}", f"r{rng.randrange(RECORDS)}", rng.choice([None, rng.choice(people)]), on)
        case 0:
            flags = ["mappa"] if rng.random() < 0.1 else []
            born = {} if rng.random() < 0.2 else {"date_of_birth": f"{rng.choice([1950, 1997, 2003, 2009])}-02-11"}
            return nominal_state(rng.choice(people), n + 1, flags=flags, **born)
        case 1:
            return contact(
                f"c{n}", rng.choice([*people, "p0", "p0"]), on, rng.choice(["new_offence", "dbs_disclosure"])
            )
        case _:
            named = rng.choice([None, rng.choice(people)])
            return trigger(f"t{n}", f"r{rng.randrange(RECORDS)}", on, rng.choice(TRIGGERS), named)


def undoing(merge):
    event = unmerged(f"u/{merge.event_uid}")
    return msgspec.structs.replace(event, nominal_ref=merge.nominal_ref, withdraws=merge.event_uid)


def batches(rng, events, largest):
    while events:
        size = rng.randrange(1, largest + 1)
        yield events[:size]
        events = events[size:]


async def worker(engine, rng, todo, inline):
    """Take in batches, each in its own transaction, and settle its marks at once, sometimes or never."""
    while todo:
        batch = todo.pop()
        rng.shuffle(batch)
        marks = await keep(engine, batch, RICH)
        await asyncio.sleep(rng.random() * 0.003)
        if rng.random() < inline:
            await settle_once(engine, marks, pack=RICH)


@pytest.mark.parametrize(
    ("workers", "largest", "inline"),
    [
        pytest.param(1, 2_000, 1.0, id="one worker, large batches"),
        pytest.param(2, 40, 1.0, id="two workers, small batches, settled at once"),
        pytest.param(3, 120, 0.6, id="three workers, settled at once or later"),
        pytest.param(3, 25, 0.9, id="three workers, tiny batches"),
        pytest.param(2, 400, 0.0, id="two workers, settled by the tick alone"),
        pytest.param(2, 60, 0.8, id="two workers, most settled at once"),
        pytest.param(1, 50, 0.2, id="one worker, settled now and then"),
        pytest.param(4, 60, 0.5, id="four workers"),
    ],
)
async def test_state_is_the_fold_of_facts_whatever_their_order(engine, rng, workers, largest, inline):
    events = estate(random.Random(7), FACTS)
    sent = events + rng.sample(events, FACTS // 20)
    rng.shuffle(sent)
    todo = list(batches(rng, sent, largest))

    settlers = [worker(engine, random.Random(rng.random()), todo, inline) for _ in range(workers)]
    ticks = [_ticking(engine, todo, rng) for _ in range(workers - 1)]
    await asyncio.gather(*settlers, *ticks)
    await settle_all(engine, RICH)

    schedules, persons = await stored(engine)
    expected, people = fold(events, RICH)
    assert len(expected) > RECORDS // 2
    assert {each.problem for each in expected.values()} >= CASE_PROBLEMS
    assert schedules == expected
    assert persons == people
    assert {each.problem for each in people.values()} >= {"merge_in_circle", "told_apart", "merge_waits"}


async def _ticking(engine, todo, rng):
    while todo:
        await settle_once(engine, limit=rng.choice([5, 50, 500]), pack=RICH)
        await asyncio.sleep(0.002)


# Each trap below was hit once, or is what a part of the protocol is there for.


async def rows(engine, statement, *parameters):
    async with transaction(engine) as connection:
        return [tuple(row) for row in await (await driver(connection)).fetch(statement, *parameters)]


async def key_of(engine, table, column, value):
    [(key,)] = await rows(engine, f"SELECT {table}_key FROM {table} WHERE {column} = $1", value)
    return key


async def record_mark(engine, record="r1"):
    [(mark,)] = await rows(
        engine, "SELECT min(mark_id) FROM dirty JOIN record USING (record_key) WHERE record_uid = $1", uid(record)
    )
    return [mark]


SUSPECTED = record_state(links=[suspect("p1")])
TO_2028, TO_2030 = date(2028, 8, 2), date(2030, 5, 6)


async def until(engine, record="r1"):
    schedules, _ = await stored(engine)
    return schedules[uid(record)].keep_until if uid(record) in schedules else None


async def test_how_long_facts_wait_to_be_derived_from_is_known(engine):
    async def waited(now):
        async with transaction(engine) as connection:
            return await behind(connection, now)

    later = wall_clock() + timedelta(hours=1)
    assert await waited(later) == timedelta(0)
    await keep(engine, [record_state(), record_state("r2")])
    assert timedelta(minutes=59) < await waited(later) < timedelta(minutes=61)
    await settle_all(engine)
    assert await waited(later) == timedelta(0)


async def test_a_record_is_not_dated_while_somebody_settles_its_person(engine):
    await keep(engine, [SUSPECTED])
    await settle_all(engine)
    person = await key_of(engine, "nominal", "nominal_ref", ref("p1"))
    await keep(engine, [record_state("r2", links=[suspect("p1")])])

    async with transaction(engine) as other:
        assert await locks.try_persons(other, [person]) == {person}
        await settle_once(engine)
        assert await until(engine, "r2") is None

    await settle_all(engine)
    assert await until(engine, "r2") == TO_2028


async def test_a_record_waits_for_a_person_who_has_a_row_but_no_group_yet(engine):
    await keep(engine, [nominal_state()])
    await settle_all(engine)
    person = await key_of(engine, "nominal", "nominal_ref", ref("p1"))
    await keep(engine, [SUSPECTED])

    async with transaction(engine) as other:
        await locks.try_persons(other, [person])
        await settle_once(engine, await record_mark(engine))  # The link is written, the person could not be.
    await settle_once(engine, await record_mark(engine))
    assert await until(engine) is None, "nobody has settled the person since the link groups them"

    await settle_all(engine)
    assert await until(engine) == TO_2028


async def test_a_record_whose_lock_came_later_than_its_facts_keeps_its_mark(engine, monkeypatch):
    await keep(engine, [SUSPECTED])
    await settle_all(engine)
    record = await key_of(engine, "record", "record_uid", uid("r1"))
    await keep(engine, [contact(), record_state("r1", 2, links=[], offences=["8/01"])])
    holding = engine.connect()
    other = await holding.__aenter__()
    held = (await driver(other)).transaction()
    await held.start()
    assert await locks.try_records(other, [record]) == {record}
    try_persons = locks.try_persons

    async def let_go(connection, keys, *, shared=False):
        if not other.closed:  # The record's lock was missed; now its holder ends.
            await held.rollback()
            await holding.__aexit__(None, None, None)
        return await try_persons(connection, keys, shared=shared)

    monkeypatch.setattr(locks, "try_persons", let_go)
    await settle_once(engine)

    assert await rows(engine, "SELECT count(*) FROM dirty WHERE record_key = $1", record) == [(1,)]
    await settle_all(engine)
    assert (await stored(engine))[0] == fold(
        [SUSPECTED, contact(), record_state("r1", 2, links=[], offences=["8/01"])]
    )[0]


async def test_a_withdrawal_beside_what_it_withdraws_in_another_open_batch_counts(engine):
    await keep(engine, [SUSPECTED])
    await settle_all(engine)
    async with transaction(engine) as one, transaction(engine) as two:
        await take_in(one, [fresh(contact(), PACK)], NOW)
        await take_in(two, [fresh(withdrawal(contact()), PACK)], NOW)

    await settle_all(engine)
    assert await until(engine) == TO_2028


async def test_a_withdrawal_of_somebody_else_s_fact_changes_nothing(engine):
    elsewhere = withdrawal(msgspec.structs.replace(contact(), nominal_ref=ref("p2")))
    await keep(engine, [SUSPECTED, contact(), elsewhere])

    await settle_all(engine)
    assert await until(engine) == TO_2030


async def test_a_contact_moves_every_record_that_its_person_carries(engine):
    await keep(engine, [record_state(f"r{n}", links=[suspect("p1")]) for n in range(5)])
    await settle_all(engine)
    before = dict(await rows(engine, "SELECT record_key, version FROM schedule"))

    marks = await keep(engine, [contact()])
    assert await settle_once(engine, marks) == (1, 1, 5)
    after = await rows(engine, "SELECT record_key, version, keep_until, announced_version < version FROM schedule")
    assert {row[0]: row[1] - 1 for row in after} == before
    assert {row[2:] for row in after} == {(TO_2030, True)}


async def test_of_more_records_than_one_round_takes_the_rest_are_marked(engine, monkeypatch):
    monkeypatch.setattr("services.retention.actions.settle.CARRIED_MAX", 2)
    await keep(engine, [record_state(f"r{n}", links=[suspect("p1")]) for n in range(5)])
    await settle_all(engine)

    assert (await settle_once(engine, await keep(engine, [contact()]))).written == 2
    assert await rows(engine, "SELECT count(*) FROM dirty WHERE record_key IS NOT NULL") == [(3,)]
    await settle_all(engine)
    assert {each.keep_until for each in (await stored(engine))[0].values()} == {TO_2030}


async def test_settling_never_writes_what_belongs_to_the_record_s_life(engine):
    await keep(engine, [SUSPECTED])
    await settle_all(engine)
    await rows(engine, "UPDATE schedule SET lifecycle = 'ordered', held = true, kept_by_hold = true, reason = 'held'")
    await keep(engine, [contact()])
    await settle_all(engine)

    assert await rows(engine, "SELECT lifecycle, held, restricted, reason, keep_until FROM schedule") == [
        ("ordered", True, False, "held", TO_2030)
    ]


async def test_a_record_that_went_is_dated_no_more_and_gives_its_persons_nothing(engine):
    other = record_state("r2", links=[suspect("p1")], reported_at="2015-03-01T10:00:00Z", created_on="2015-03-01")
    other = msgspec.structs.replace(other, state={**other.state, "occurred_on": "2015-03-01"})
    await keep(engine, [SUSPECTED, other])
    await settle_all(engine)
    assert await until(engine, "r2") == date(2028, 8, 1)
    await rows(engine, "UPDATE record SET executed_by = gen_random_uuid() WHERE record_uid = $1", uid("r1"))
    record = await key_of(engine, "record", "record_uid", uid("r1"))
    async with transaction(engine) as connection:
        await marks.mark_with_persons(connection, [record], [])
    await settle_all(engine)

    assert await until(engine, "r2") == date(2021, 3, 1)
    assert await rows(engine, "SELECT version FROM schedule WHERE record_key = $1", record) == [(1,)]


async def test_a_higher_sequence_with_an_unchanged_state_moves_nothing(engine):
    await keep(engine, [SUSPECTED])
    await settle_all(engine)

    assert (await settle_once(engine, await keep(engine, [record_state("r1", 2, links=[suspect("p1")])]))).written == 0
    assert await rows(engine, "SELECT version FROM schedule") == [(1,)]


async def test_settled_schedules_are_sealed_with_their_salt(engine):
    await keep(engine, [SUSPECTED, record_state("r2")])
    await settle_all(engine)

    names = ", ".join(["record_key", *COLUMNS])
    kept = await rows(engine, f"SELECT salt, log_id, {names} FROM schedule")
    payloads = dict(await rows(engine, "SELECT log_id, payload FROM log"))
    for salt, log_id, *row in kept:
        assert sha256(salt + sealed_content(row)).digest() in payloads[log_id]


async def test_what_a_hold_can_match_is_whatever_any_state_said(engine):
    await keep(engine, [record_state(unit="Barking"), record_state("r1", 2, unit="Ealing", occurred_on="2019-07")])
    await settle_all(engine)

    names = "record_types, source_systems, units, offences, spans @> '2019-07-31'::date, spans @> '2022-08-01'::date"
    assert await rows(engine, f"SELECT {names}, spans @> '2020-01-01'::date FROM record") == [
        (["crime_report"], ["crime"], ["Barking", "Ealing"], ["28/11"], True, True, False)
    ]
    assert (await settle_once(engine, await keep(engine, [trigger()]))).done == 1


BOTH = [
    SUSPECTED,
    record_state("r2", links=[suspect("p2")], offences=["8/01"], reported_at="2015-03-01T10:00:00Z",
        occurred_on="2015-03-01", created_on="2015-03-01"),
]  # fmt: skip


# Six years from creation; six years from when either came to notice last.
AS_ONE = {
    uid("r1"): TO_2028,
    uid("r2"): date(2028, 8, 1),
}


async def told(engine):  # Each record's state, problem and last day.
    schedules, _ = await stored(engine)
    return {key: (each.state, each.problem, each.keep_until) for key, each in schedules.items()}


def _until(schedules):
    return {key: each[2] for key, each in schedules.items()}


async def roots(engine):
    found = await rows(
        engine,
        "SELECT n.nominal_ref, r.nominal_ref FROM person_schedule p JOIN nominal n USING (nominal_key)"
        " JOIN nominal r ON r.nominal_key = p.root",
    )
    return dict(found)


async def test_a_merge_dates_the_records_of_both_and_its_undoing_restores_each(engine):
    await keep(engine, BOTH)
    await settle_all(engine)
    apart = await told(engine)
    await keep(engine, [merged(gone="p2", into="p1")])
    await settle_all(engine)
    joined = await told(engine)
    assert _until(joined) == AS_ONE != _until(apart)
    assert set((await roots(engine)).values()) == {min(ref("p1"), ref("p2"))}

    await keep(engine, [unmerged(into="p1")])
    await settle_all(engine)
    assert await told(engine) == apart
    assert await roots(engine) == {ref(name): ref(name) for name in ("p1", "p2")}


async def test_an_undoing_may_come_before_the_merge(engine):
    await keep(engine, BOTH)
    await settle_all(engine)
    apart = await told(engine)
    for event in (unmerged(into="p1"), merged(gone="p2", into="p1")):
        await keep(engine, [event])
        await settle_all(engine)
    assert await told(engine) == apart


async def test_somebody_elses_undoing_frees_nobody(engine):
    await keep(engine, [*BOTH, merged(gone="p2", into="p1"), unmerged(into="p3")])
    await settle_all(engine)
    assert _until(await told(engine)) == AS_ONE


async def test_merged_persons_are_settled_together_or_not_at_all(engine):
    await keep(engine, BOTH)
    await settle_all(engine)
    apart = await told(engine)
    other = await key_of(engine, "nominal", "nominal_ref", ref("p2"))
    await keep(engine, [merged(gone="p2", into="p1")])

    async with transaction(engine) as busy:
        assert await locks.try_persons(busy, [other]) == {other}
        await settle_once(engine)
        assert await told(engine) == apart
        assert await rows(engine, "SELECT count(DISTINCT nominal_key) FROM dirty") == [(2,)]
    await settle_all(engine)
    assert _until(await told(engine)) == AS_ONE


async def test_two_born_on_one_day_stay_apart_until_the_index_says_they_are_one(engine):
    born = [nominal_state(name, date_of_birth="1980-05-06") for name in ("p1", "p2")]
    await keep(engine, [*BOTH, *born])
    await settle_all(engine)
    assert await roots(engine) == {ref(name): ref(name) for name in ("p1", "p2")}
    assert len({each[2] for each in (await told(engine)).values()}) == 2


async def test_each_state_of_a_record_groups_by_its_own_conduct(engine):
    """Nine when the one is said to have happened, and ten when the other is."""
    day = {name: {"occurred_on": on} for name, on in (("nine", "2021-08-01"), ("ten", "2022-09-01"))}
    events = [
        record_state("r1", links=[suspect("p1")], offences=["1"], **day["nine"]),
        record_state("r1", 2),
        record_state("r2", links=[suspect("p2")], offences=["1"], **day["nine"]),
        record_state("r2", 2, links=[suspect("p2")], **day["ten"]),
        record_state("r3", links=[suspect("p3")], **day["ten"]),
        record_state("r3", 2, links=[suspect("p3")], offences=["1"], **day["nine"]),
        *(nominal_state(name, date_of_birth="2012-08-02") for name in ("p1", "p2", "p3")),
    ]
    await keep(engine, events)
    await settle_all(engine)
    groups = await rows(engine, "SELECT nominal_ref, p.grp FROM person_schedule p JOIN nominal USING (nominal_key)")
    assert dict(groups) == {ref("p1"): None, ref("p2"): "G3", ref("p3"): "G3"}
    assert {ref: each.group for ref, each in fold(events)[1].items()} == dict(groups)


async def test_a_death_told_of_after_an_upgrade_has_the_records_facts_read_again(engine):
    """A side that an older version stored does not say whether its conduct is when it happened."""
    await keep(engine, [record_state(links=[suspect("p1")])])
    await settle_all(engine)
    older = "UPDATE schedule SET side = convert_to(regexp_replace(convert_from(side, 'UTF8'), ',true]$', ']'), 'UTF8')"
    async with transaction(engine) as connection:
        await (await driver(connection)).execute(older)
    await keep(engine, [nominal_state("p1", died_on="2022-07-31")])
    await settle_all(engine)
    assert [row[0] for row in await rows(engine, "SELECT problem FROM schedule")] == ["dead_before_conduct"]


async def test_a_part_worked_in_with_the_file_of_its_file_hears_of_what_lies_between(engine):
    # The part is dated first by its file as it was, and that file by the one above it only then.
    known = [
        *(cases.file("f0"), cases.file("f1", part_of=["f0"]), cases.closed("f1")),
        *(cases.part("r1", part_of=("f1",)), cases.part("r2", part_of=("r1",))),
    ]
    await keep(engine, known, cases.PACK)
    await settle_all(engine, cases.PACK)
    before = fold(known, cases.PACK)[0]
    news = [cases.closed("f0", "2040-05-01"), trigger("nothing", "r1", "2024-05-01", "issued")]
    await keep(engine, news, cases.PACK)
    await settle_all(engine, cases.PACK)
    after = fold([*known, *news], cases.PACK)[0]
    assert all(before[uid(name)] != after[uid(name)] for name in ("f0", "f1", "r1"))
    assert (await stored(engine))[0] == after


async def test_whom_a_merge_joins_while_the_facts_of_others_are_read_is_read_with_them(engine, monkeypatch):
    await keep(engine, [*BOTH, merged(gone="p2", into="p1")])
    read = merges.refs_of

    async def meanwhile(connection, nominals):
        if len(nominals) == 2:  # Of the pair alone, as it was when it was looked at.
            await keep(engine, [merged("m2", gone="p3", into="p1")])
        return await read(connection, nominals)

    monkeypatch.setattr(merges, "refs_of", meanwhile)
    async with transaction(engine) as connection:
        tied = await identities.tied_of(connection, [await key_of(engine, "nominal", "nominal_ref", ref("p1"))], PACK)

    assert [set(each.keys) for each in tied] == [{ref("p1"), ref("p2"), ref("p3")}]


async def test_whom_a_merge_joins_once_the_others_are_had_makes_them_wait_for_it(engine, monkeypatch):
    """Of three who are one person now two are held: neither is written alone, and all are once the third is marked."""
    three = record_state("r3", links=[suspect("p3")], offences=["1"])
    await keep(engine, [*BOTH, three, merged(gone="p2", into="p1")])
    tied, came = identities.tied_of, merged("m2", gone="p3", into="p1")

    async def meanwhile(connection, keys, pack):
        monkeypatch.setattr(identities, "tied_of", tied)
        await keep(engine, [came])
        return await tied(connection, keys, pack)

    monkeypatch.setattr(identities, "tied_of", meanwhile)
    marked = "SELECT mark_id FROM dirty JOIN nominal USING (nominal_key) WHERE nominal_ref = ANY($1)"
    done = await settle_once(engine, these=[row[0] for row in await rows(engine, marked, [ref("p1"), ref("p2")])])
    assert done.claimed > done.done == 0
    assert (await stored(engine))[1] == {}

    await settle_all(engine)
    assert (await stored(engine)) == fold([*BOTH, three, merged(gone="p2", into="p1"), came])
