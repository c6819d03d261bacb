"""A changed pack reaches every schedule that it changes and no other, whoever is killed, whatever comes meanwhile."""

import asyncio
import random
from datetime import date
from hashlib import sha256

import pytest

from services.retention.actions.redate import chunk, follow
from services.retention.actions.settle import Superseded, settle
from services.retention.domain.packs import EVERY, compare
from services.retention.storage import locks, redate
from services.retention.storage.schedules import COLUMNS, sealed_content
from shared.db import driver, transaction
from shared.policy import read_pack
from tests.integration.test_retention_settle import estate, keep, settle_all, settle_once, stored
from tests.make_facts import PACK, POLICY_TEXT
from tests.make_registered import NOW, contact, fold, record_state

TODAY = date(2026, 11, 1)


@pytest.fixture
def engine(retention_engine):
    return retention_engine


def changed(*changes, effective_on="2020-02-01"):
    text = POLICY_TEXT.decode().replace("effective_on = 2020-01-01", f"effective_on = {effective_on}", 1)
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    return read_pack(text.encode(), "changed.toml")


_CLOCK = 'clock = ["reported_at", "recorded_at", "occurred_on"]'
_R03 = f'title = "Crime report, undetected, other"\nevidence = "unconfirmed"\n{_CLOCK}'
LONGER = changed((f'{_R03}\nretain = "6y"', f'{_R03}\nretain = "9y"'))
SLOWER = changed(('clear = "6y"\ncadence = "5y"', 'clear = "8y"\ncadence = "5y"'))
REGRADED = changed(('code = "28/11"\ngroup = "G3"', 'code = "28/11"\ngroup = "G2"'))


async def come_into_force(engine, pack, today=TODAY, starting=True):
    async with transaction(engine) as connection:
        return await follow(connection, pack, today, NOW, starting=starting)


async def chunks(engine, pack, most=1_000):
    done = []
    for _ in range(most):
        async with transaction(engine) as connection:
            did = await chunk(connection, pack, NOW)
        if did is None:
            return done
        done.append(did)
    return done


async def everything(engine, pack):
    for _ in range(100):
        await chunks(engine, pack)
        await settle_all(engine, pack)
        async with transaction(engine) as connection:
            if not (await redate.left(connection)).items:
                return
    raise AssertionError("Some of it is never done.")


async def rows(engine, statement, *parameters):
    async with transaction(engine) as connection:
        return [tuple(row) for row in await (await driver(connection)).fetch(statement, *parameters)]


async def an_estate(engine, count=500):
    events = estate(random.Random(3), count)
    await come_into_force(engine, PACK)
    await keep(engine, events, PACK)
    await settle_all(engine, PACK)
    return events


@pytest.mark.parametrize("pack", [LONGER, SLOWER, REGRADED], ids=["a row's period", "a group's period", "an offence"])
async def test_every_schedule_is_what_the_facts_give_under_the_new_pack(engine, pack):
    events = await an_estate(engine)
    before = await rows(engine, "SELECT record_key, version, pack, keep_until, review_on FROM schedule")

    await come_into_force(engine, pack)
    await everything(engine, pack)

    assert await stored(engine) == fold(events, pack)
    after = {
        row[0]: row[1:] for row in await rows(engine, "SELECT record_key, version, pack, keep_until FROM schedule")
    }
    cited = {pack for _, pack, _ in after.values()}
    assert pack.hash in cited
    if pack is LONGER:
        still = [row for row in before if after[row[0]] == row[1:4]]
        moved = [row for row in before if after[row[0]] != row[1:4]]
        assert moved
        assert len(still) > len(moved)
        assert {after[row[0]][0] - row[1] for row in moved} == {1}
        assert {after[row[0]][1] for row in moved} == {pack.hash}


async def test_rows_that_did_not_change_are_not_read(engine):
    await an_estate(engine)
    of_row = await rows(engine, "SELECT count(*) FROM schedule WHERE row_id = 'R03'")

    await come_into_force(engine, LONGER)
    done = await chunks(engine, LONGER)

    assert sum(did.looked for did in done) == of_row[0][0] > 0


async def test_what_moves_is_sealed_and_waits_to_be_announced(engine):
    await an_estate(engine, 200)
    await rows(engine, "UPDATE schedule SET announced_version = version RETURNING 1")

    await come_into_force(engine, LONGER)
    done = await chunks(engine, LONGER)

    found = await rows(
        engine,
        f"""SELECT s.record_key, {", ".join(f"s.{name}" for name in COLUMNS)}, s.salt, l.payload FROM schedule s
        JOIN log l USING (log_id) WHERE s.announced_version < s.version""",
    )
    assert len(found) == sum(did.moved for did in done) > 0
    for *row, salt, payload in found:
        assert sha256(salt + sealed_content(row)).digest() in payload


async def test_one_killed_in_a_chunk_is_gone_on_from_and_nothing_moves_twice(engine):
    events = await an_estate(engine)
    versions = dict(await rows(engine, "SELECT record_key, version FROM schedule"))
    await come_into_force(engine, LONGER)
    await chunks(engine, LONGER, most=3)

    async def killed():
        async with transaction(engine) as connection:
            await chunk(connection, LONGER, NOW)
            raise InterruptedError

    with pytest.raises(InterruptedError):
        await killed()
    await chunks(engine, LONGER)

    assert await stored(engine) == fold(events, LONGER)
    after = dict(await rows(engine, "SELECT record_key, version FROM schedule"))
    assert {after[key] - version for key, version in versions.items()} == {0, 1}


async def test_nobody_settles_by_the_pack_before(engine):
    await an_estate(engine, 200)
    await keep(engine, [contact("late", "p0", "2026-01-05", "new_offence")], PACK)
    await come_into_force(engine, LONGER)

    with pytest.raises(Superseded):
        await settle_once(engine, pack=PACK)
    assert (await settle_once(engine, pack=LONGER)).claimed


async def test_a_settle_under_way_is_waited_for(engine):
    await come_into_force(engine, PACK)
    await keep(engine, [record_state("r1", links=[])], PACK)
    async with transaction(engine) as connection:
        await settle(connection, PACK, NOW)
        activating = asyncio.create_task(come_into_force(engine, LONGER))
        await asyncio.sleep(0.05)
        assert not activating.done()
    await activating

    await chunks(engine, LONGER)
    assert await stored(engine) == fold([record_state("r1", links=[])], LONGER)


async def test_a_record_in_somebodys_hands_is_left_to_a_settle(engine):
    event = record_state("r1", links=[])
    await come_into_force(engine, PACK)
    await keep(engine, [event], PACK)
    await settle_all(engine, PACK)
    await come_into_force(engine, LONGER)

    async with transaction(engine) as other:
        [(key,)] = await rows(engine, "SELECT record_key FROM record")
        assert await locks.try_records(other, [key])
        done = await chunks(engine, LONGER)
    assert [(sum(did.moved for did in done), sum(did.marked for did in done))] == [(0, 1)]

    await settle_all(engine, LONGER)
    assert await stored(engine) == fold([event], LONGER)


async def test_a_pack_that_comes_before_the_last_is_through_is_compared_with_both(engine):
    events = await an_estate(engine)
    await come_into_force(engine, SLOWER)
    await chunks(engine, SLOWER, most=1)

    await come_into_force(engine, LONGER)
    await everything(engine, LONGER)

    assert await stored(engine) == fold(events, LONGER)


async def test_a_pack_waits_for_its_first_day(engine):
    await an_estate(engine, 200)
    later = changed(effective_on="2026-12-01")

    assert (await come_into_force(engine, later)).hash == PACK.hash
    assert (await come_into_force(engine, later, starting=False)).hash == PACK.hash
    assert (await come_into_force(engine, later, date(2026, 12, 1), starting=False)).hash == later.hash


async def test_another_process_follows_and_does_not_bring_its_own_back(engine):
    await come_into_force(engine, PACK)
    await rows(engine, "SELECT 1")

    assert (await come_into_force(engine, LONGER)).hash == LONGER.hash
    again = await rows(engine, "SELECT count(*) FROM in_force")
    await come_into_force(engine, PACK, starting=False)

    assert await rows(engine, "SELECT count(*) FROM in_force") == again == [(2,)]


def test_packs_are_compared_by_what_dates_follow_from():
    assert not list(compare(PACK, changed()).ways())
    assert not list(compare(PACK, changed(('title = "Stop and search record"', 'title = "Another"'))).ways())
    assert list(compare(PACK, LONGER).ways()) == [("dates", "R03")]
    assert list(compare(PACK, SLOWER).ways()) == [("persons", "G3")]
    assert list(compare(PACK, REGRADED).ways()) == [("facts", EVERY)]
    assert list(compare(PACK, changed(("lead_days = 90", "lead_days = 60"))).ways()) == [("dates", EVERY)]
    floors = list(compare(PACK, changed(('add = "6y"', 'add = "7y"'))).ways())
    assert floors == [("facts", "R01"), ("facts", "R14")]


def test_a_row_that_reaches_new_records_alone_is_left():
    later = changed(('retain = "7y"\nend = "dispose"', 'retain = "8y"\nreaches = "new_records_only"\nend = "dispose"'))

    assert not list(compare(PACK, later).ways())
