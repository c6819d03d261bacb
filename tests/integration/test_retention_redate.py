"""A changed pack reaches every schedule that it changes and no other, whoever is killed, whatever comes meanwhile."""

import asyncio
import random
from dataclasses import replace
from datetime import date
from hashlib import sha256

import pytest

from services.retention.actions.execute import execute
from services.retention.actions.redate import chunk, follow
from services.retention.actions.settle import Superseded, settle
from services.retention.domain.packs import EVERY, compare
from services.retention.storage import locks, redate
from services.retention.storage.schedules import COLUMNS, sealed_content
from shared.calendar_rules import Period
from shared.db import driver, transaction
from tests.integration.test_retention_settle import estate, keep, settle_all, settle_once, stored
from tests.make_facts import PACK
from tests.make_registered import NOW, contact, fold, record_state

TODAY = date(2026, 11, 1)


@pytest.fixture
def engine(retention_engine):
    return retention_engine


def changed(**changes):
    """Give the pack with other values: of a row, a group, an offence or the limits by its id, else of its own."""
    made = {"hash": f"{len(changes)}{changes}", "effective_on": date(2020, 3, 1)}
    for name, values in changes.items():
        if name in PACK.rows:
            made["rows"] = {**PACK.rows, name: replace(PACK.rows[name], **values)}
        elif name in PACK.groups:
            made["groups"] = {**PACK.groups, name: replace(PACK.groups[name], **values)}
        elif name in PACK.floors:
            made["floors"] = {**PACK.floors, name: replace(PACK.floors[name], **values)}
        elif name == "limits":
            made["limits"] = replace(PACK.limits, **values)
        else:
            made[name] = values
    return replace(PACK, **made)


def regraded(code, group):
    return tuple(replace(each, group=group) if each.code == code else each for each in PACK.offences)


LONGER = changed(R03={"retain": Period(months=9 * 12)})
SLOWER = changed(G3={"clear": Period(months=8 * 12)})
REGRADED = changed(offences=regraded("28/11", "G2"))


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
    later = changed(effective_on=date(2026, 12, 1))

    assert (await come_into_force(engine, later)).pack_hash == PACK.hash
    assert (await come_into_force(engine, later, starting=False)).pack_hash == PACK.hash
    assert (await come_into_force(engine, later, date(2026, 12, 1), starting=False)).pack_hash == later.hash


async def test_another_process_follows_and_does_not_bring_its_own_back(engine):
    await come_into_force(engine, PACK)
    await rows(engine, "SELECT 1")

    assert (await come_into_force(engine, LONGER)).pack_hash == LONGER.hash
    again = await rows(engine, "SELECT count(*) FROM in_force")
    await come_into_force(engine, PACK, starting=False)

    assert await rows(engine, "SELECT count(*) FROM in_force") == again == [(2,)]


def test_packs_are_compared_by_what_dates_follow_from():
    assert not list(compare(PACK, changed()).ways())
    assert not list(compare(PACK, changed(R29={"title": "Another", "owner": "Another"})).ways())
    believed = {"earliest": date(1800, 1, 1), "placeholder_dates": (), "placeholder_births": ()}
    assert not list(compare(PACK, changed(limits=believed)).ways())
    assert list(compare(PACK, LONGER).ways()) == [("dates", "R03")]
    assert list(compare(PACK, SLOWER).ways()) == [("persons", "G3")]
    assert list(compare(PACK, REGRADED).ways()) == [("facts", EVERY)]
    assert list(compare(PACK, changed(limits={"lead_days": 60})).ways()) == [("dates", EVERY)]
    floors = dict(compare(PACK, changed(creation={"add": Period(months=7 * 12)})).ways())
    assert floors.keys() == {"facts"}
    named = {row.id for row in PACK.rows.values() if "creation" in row.floors}
    assert compare(PACK, changed(creation={"add": Period(months=7 * 12)})).facts == named
    assert list(compare(PACK, changed(R29={"retain": None, "permanent": True})).ways()) == [("facts", "R29")]


def test_a_row_that_a_source_supplies_counts_where_another_s_is_stored():
    key = next(iter(PACK.sources))
    sources = {**PACK.sources, key: replace(PACK.sources[key], row="R29")}
    old, new = replace(PACK, sources=sources), replace(changed(R29={"retain": Period(months=96)}), sources=sources)
    assert list(compare(old, new).ways()) == [("facts", EVERY)]
    assert list(compare(PACK, changed(R29={"unit": "case_file"})).ways()) == [("facts", EVERY)]


async def test_nothing_is_disposed_of_before_every_schedule_goes_by_the_new_pack(engine):
    await an_estate(engine, 200)
    await come_into_force(engine, LONGER)

    async def blocked(pack):
        async with transaction(engine) as connection:
            return (await execute(connection, pack, TODAY, NOW)).blocked

    assert await blocked(PACK) == "redating"
    assert await blocked(LONGER) == "redating"
    await everything(engine, LONGER)
    assert await blocked(LONGER) != "redating"
    assert await blocked(PACK) == "redating"
