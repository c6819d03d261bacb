"""Random lives taken in and settled on a real PostgreSQL, in any order and batches: what is stored is the oracle's."""

import asyncio
import itertools

import pytest

from services.retention.actions.settle import settle
from services.retention.actions.take_in import fresh, take_in
from services.retention.storage import facts as stored_facts
from services.retention.storage import marks
from services.retention.storage.facts import made_here
from shared.db import driver, transaction
from shared.ids import record_id
from tests.make_registered import NOW
from tests.oracle.draw import life
from tests.oracle.lives import apart
from tests.oracle.packs import PACKS
from tests.oracle.program import decided, registered
from tests.oracle.verdict import Verdict, judge

LIVES = 25
COLUMNS = "state, keep_until, grp, review_on"


async def settled(engine, pack, these=None) -> int:
    async with transaction(engine) as connection:
        return (await settle(connection, pack, NOW, these)).claimed


async def keep(engine, batch, pack) -> list[int]:
    """Take in what came, decisions among it, in one transaction."""
    async with transaction(engine) as connection:
        made = [each for each in batch if isinstance(each, tuple)]
        return [
            *await take_in(connection, [fresh(each, pack) for each in batch if not isinstance(each, tuple)], NOW),
            *[mark for subject, fact in made for mark in await keep_decision(connection, subject, fact)],
        ]


async def keep_decision(connection, subject, fact) -> list[int]:
    kind, uid = subject
    keys = stored_facts.record_keys if kind == "record" else stored_facts.nominal_keys
    [key] = (await keys(connection, {uid})).of.values()
    new = made_here(fact, NOW, **{f"{kind}_key": key})
    await stored_facts.insert_facts(connection, [new], NOW)
    return await marks.insert_marks(connection, *(([key], []) if kind == "record" else ([], [key])))


def told(each):
    """Give all that happens in a life, as retention is told of it."""
    records = {record_id("crime", record) for record in each.named_records}
    made = [(("record" if subject in records else "nominal", subject), fact) for subject, fact in decided(each)]
    return [*registered(each), *made]


@pytest.mark.parametrize(
    "pack", ["demonstration", "synthetic", "children", "latest persons", "override first", "file first"]
)
async def test_what_is_settled_is_what_the_oracle_says(retention_engine, rng, seed, pack):
    await agree(retention_engine, rng, PACKS[pack], [life(f"{seed} {number}", PACKS[pack]) for number in range(LIVES)])


@pytest.mark.parametrize("pack", ["synthetic", "file first", "override before file"])
async def test_case_files_are_settled_as_the_oracle_says(retention_engine, rng, pack):
    await agree(retention_engine, rng, PACKS[pack], in_files("files", PACKS[pack], 50))


@pytest.mark.soak
@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("pack", PACKS)
async def test_very_many_case_files_are_settled_as_the_oracle_says(retention_engine, rng, seed, pack):
    await agree(retention_engine, rng, PACKS[pack], in_files(seed, PACKS[pack], 500))


def in_files(seed, pack, count):
    """Draw so many lives with case files."""
    drawn = (life(f"{seed} {number}", pack) for number in itertools.count())
    return list(itertools.islice((each for each in drawn if any(e.data.get("part_of") for e in each.events)), count))


async def agree(engine, rng, pack, drawn):
    """Take in all that happens in lives in any order and settle it: the dates stored are the oracle's."""
    lives = [apart(each, f"{number}-") for number, each in enumerate(drawn)]
    events = [event for each in lives for event in told(each)]
    rng.shuffle(events)
    while events:
        size = rng.randrange(1, 60)
        new = await keep(engine, events[:size], pack)
        events = events[size:]
        if rng.random() < 0.6:
            await settled(engine, pack, new)
    while await settled(engine, pack):
        await asyncio.sleep(0)

    async with transaction(engine) as connection:
        raw = await driver(connection)
        rows = await raw.fetch(f"SELECT record_uid, {COLUMNS} FROM schedule JOIN record USING (record_key)")
    found = {row[0]: Verdict(*row[1:]) for row in rows}
    expected = {record_id("crime", record): each for one in lives for record, each in judge(one).items()}
    assert len(expected) > len(lives)
    assert found == expected
