"""A case file behind the gate, on a real PostgreSQL: its members go together or not at all, and holds cover it."""

from datetime import date, timedelta

import pytest

from services.retention.actions import holds
from services.retention.actions.explain import explain_record
from services.retention.actions.take_in import fresh, take_in
from services.retention.storage.reads import Wanted, list_records
from shared.db import transaction
from tests.make_cases import PACK, closed, file, part
from tests.make_lifecycle import (
    REAL,
    carry_out,
    hear,
    new_hold,
    own_engines,
    select,
    settle_all,
    take,
    tick,
)
from tests.make_registered import record_state, uid

DUE = date(2032, 9, 2)  # The file was closed on 1 September 2022 and is kept for ten years; its parts wait for it.
OPENS = DUE - timedelta(days=PACK.limits.cooling_off_days)
LATER = REAL + timedelta(minutes=1)
WHOLE = {uid("f1"), uid("r1"), uid("r2")}


@pytest.fixture
async def engines(database):
    async with own_engines(database) as (worker, api):
        await take(worker, file(), closed(on="2022-09-01"), part("r1"), part("r2"), pack=PACK)
        await hear(worker)
        await tick(worker, OPENS, pack=PACK)
        yield worker, api


async def out(engine, now=REAL, limit=500):
    """Carry out what may go: {record: why it may not, and for whom it waits}."""
    done = await carry_out(engine, DUE, now, pack=PACK, limit=limit)
    shown = await select(engine, "SELECT disposal_id, record_uid FROM disposal_order JOIN record USING (record_key)")
    of = {row[0]: row[1] for row in shown}
    return {of[key]: (refusal.why, refusal.member) if refusal else None for key, refusal in done.outcomes.items()}


async def hold(api, *records):
    async with transaction(api) as connection:
        await holds.place(connection, new_hold(records=[uid(each) for each in records]), OPENS, REAL)


async def test_a_file_and_its_parts_go_in_one_transaction_however_few_are_claimed(engines):
    worker, _ = engines
    assert await out(worker, limit=1) == dict.fromkeys(WHOLE)


async def test_a_hold_on_one_part_keeps_the_whole_file_and_is_named(engines):
    worker, api = engines
    await hold(api, "r2")
    waits = ("case_member_held", uid("r2"))
    assert await out(worker) == {uid("f1"): waits, uid("r1"): waits, uid("r2"): ("held", None)}
    [[shown]] = await select(worker, "SELECT DISTINCT waits_on FROM disposal_order WHERE waits_on IS NOT NULL")
    assert shown == uid("r2")
    assert await out(worker, LATER) == {uid("f1"): waits, uid("r1"): waits}


async def test_a_hold_on_a_file_covers_its_parts_and_later_ones(engines):
    worker, api = engines
    await hold(api, "f1")
    assert await out(worker) == dict.fromkeys(WHOLE, ("held", None))
    await take(worker, part("r9"), pack=PACK)
    [[key]] = await select(worker, "SELECT record_key FROM record WHERE record_uid = $1", uid("r9"))
    async with transaction(worker) as connection:
        assert set(await holds.holds.covering(connection, [key])) == {key}


async def test_a_hold_on_a_file_covers_a_part_that_upstream_took_out_of_it(engines):
    worker, api = engines
    await hold(api, "f1")
    await take(worker, record_state("r1", 2), pack=PACK)
    assert (await out(worker))[uid("r1")] == ("held", None)


async def test_a_part_that_has_not_been_worked_in_makes_its_file_wait(engines):
    worker, _ = engines
    async with transaction(worker) as connection:
        await take_in(connection, [fresh(part("r3"), PACK)], REAL)
    found = await out(worker)
    assert found[uid("f1")] == ("dirty", None)
    assert found[uid("r1")] == ("case_member", uid("f1"))
    await settle_all(worker, pack=PACK)


async def test_a_part_of_a_folder_that_binds_nobody_goes_alone(database):
    async with own_engines(database) as (worker, _):
        await take(worker, file(record_type="a_folder"), closed(on="2032-01-01"), part("r1"), pack=PACK)
        await hear(worker)
        await tick(worker, OPENS, pack=PACK)
        assert await out(worker) == {uid("r1"): None}


async def test_a_physical_record_waits_for_whoever_carries_out_its_end(database):
    async with own_engines(database) as (worker, _):
        await take(worker, record_state("r1", medium="physical", place="store 4", custodian="D-EO1"), pack=PACK)
        rows = await select(worker, "SELECT ends, by_person FROM schedule")
        assert [tuple(row) for row in rows] == [("review", True)]


async def test_the_explanation_of_a_part_ends_with_the_date_that_is_stored_and_names_the_file(engines):
    worker, _ = engines
    async with transaction(worker) as connection:
        shown = await explain_record(connection, uid("r1"), PACK)
    assert shown["keep_until"] == DUE - timedelta(days=1)
    assert shown["derivation"]["steps"][-2]["on"] == shown["keep_until"].isoformat()
    assert any(str(uid("f1")) in sentence for sentence in shown["sentences"])


async def test_the_parts_of_a_file_are_listed(engines):
    worker, _ = engines
    async with transaction(worker) as connection:
        found = await list_records(connection, Wanted({"part_of": uid("f1")}))
    assert {row["record_uid"] for row in found} == {uid("r1"), uid("r2")}
