"""Facts to dates on a real PostgreSQL: any order, any duplication, any batching, any number of settlers at once."""

import asyncio
import random
from uuid import UUID

import pytest

from services.retention.actions.settle import settle
from services.retention.actions.take_in import fresh, take_in
from services.retention.domain import Person, Schedule
from services.retention.storage.schedules import COLUMNS
from shared.db import connect, driver, transaction, transient
from tests import stack
from tests.make_facts import PACK
from tests.make_registered import (
    NOW,
    contact,
    fold,
    nominal_state,
    record_state,
    ref,
    suspect,
    trigger,
    uid,
    withdrawal,
)
from tools.stack.settings import role_url

FACTS = 2_000
RECORDS, PERSONS = 700, 260
OFFENCES = ["28/11", "8/01", "19/11", "police-uk:burglary"]


@pytest.fixture
async def engine(database, request):
    """Give an engine on a database of this test's own, for transactions that really commit."""
    admin, paths = database
    name = f"settle_{abs(hash(request.node.nodeid)) % 10**8}_{random.randrange(10**6)}"
    stack.clone(admin, name)
    url = role_url(f"{admin.rpartition('/')[0]}/{name}", "tenure_retention_worker", paths)
    made = connect(url, name="tests", pool_size=6)
    yield made
    await made.dispose()


async def keep(engine, events):
    async with transaction(engine) as connection:
        return await take_in(connection, [fresh(event, PACK) for event in events], NOW)


async def settle_once(engine, these=None, limit=2_000):
    async with transaction(engine) as connection:
        return await settle(connection, PACK, NOW, these, limit)


async def settle_all(engine):
    for _ in range(1_000):
        if not (await settle_once(engine)).claimed:
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
            "SELECT nominal_ref, grp, clock_on, keep_until, review_on, by_age, birth_on, reviewed_on, problem"
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
                record, n + 1, change, record_type=kind, offences=[rng.choice(OFFENCES)], links=links,
                occurred_on=day, created_on=day, reported_at=f"{day}T10:00:00Z",
            )  # fmt: skip
        )
    events += [_other(rng, n, people) for n in range(int(count * 0.37))]
    takes = [event for event in events if getattr(event, "kind", None) in ("contact", "trigger")]
    events += [withdrawal(each) for each in rng.sample(takes, int(count * 0.08))]
    return events


def _other(rng, n, people):
    on = f"20{rng.randrange(10, 26)}-0{rng.randrange(1, 10)}-{rng.randrange(10, 28)}"
    match rng.randrange(3):
        case 0:
            flags = ["mappa"] if rng.random() < 0.1 else []
            born = {} if rng.random() < 0.3 else {"date_of_birth": f"19{rng.randrange(50, 99)}-02-11"}
            return nominal_state(rng.choice(people), n + 1, flags=flags, **born)
        case 1:
            return contact(f"c{n}", rng.choice([*people, "p0", "p0"]), on, rng.choice(["new_offence", "dbs_disclosure"]))
        case _:
            named = rng.choice([None, rng.choice(people)])
            return trigger(f"t{n}", f"r{rng.randrange(RECORDS)}", on, rng.choice(["charged", "closed"]), named)


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
        marks = await keep(engine, batch)
        await asyncio.sleep(rng.random() * 0.003)
        if rng.random() < inline:
            await settle_once(engine, marks)


@pytest.mark.parametrize(
    ("workers", "largest", "inline"),
    [
        pytest.param(1, 2_000, 1.0, id="one worker, large batches"),
        pytest.param(2, 40, 1.0, id="two workers, small batches, settled at once"),
        pytest.param(3, 120, 0.6, id="three workers, settled at once or later"),
        pytest.param(3, 25, 0.9, id="three workers, tiny batches"),
        pytest.param(2, 400, 0.0, id="two workers, settled by the tick alone"),
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
    await settle_all(engine)

    schedules, persons = await stored(engine)
    expected, people = fold(events)
    assert len(expected) > RECORDS // 2
    assert schedules == expected
    assert persons == people


async def _ticking(engine, todo, rng):
    while todo:
        await settle_once(engine, limit=rng.choice([5, 50, 500]))
        await asyncio.sleep(0.002)
