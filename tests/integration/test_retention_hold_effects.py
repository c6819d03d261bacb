"""What a hold leaves behind that came and went between two sweeps: it is named and reviewed all the same."""

from datetime import timedelta

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.retention.actions import certificates, holds
from services.retention.storage.disposals import read_certificate
from services.retention.storage.sweeping import unswept
from shared.db import transaction
from shared.events import DisposalConfirmed
from shared.keys import Keys
from tests.integration.test_retention_lifecycle import decide, decided, reviewed
from tests.make_facts import PACK
from tests.make_lifecycle import (
    DUE,
    OPENS,
    REAL,
    carry_out,
    hear,
    new_hold,
    own_engines,
    select,
    settle_all,
    states,
    take,
    tick,
)
from tests.make_registered import record_state, uid

VAULT = Ed25519PrivateKey.generate()
KEYS = Keys(1, {}, VAULT, b"k" * 32)
GONE_AT = REAL + timedelta(minutes=5)
LATER = REAL + timedelta(minutes=6)


@pytest.fixture
async def engines(database):
    async with own_engines(database) as both:
        yield both


async def place(engine, at=REAL, **scope):
    hold = new_hold(**scope)
    async with transaction(engine) as connection:
        await holds.place(connection, hold, OPENS, at)
    return hold.hold_id


async def release(engine, hold_id, at=REAL):
    async with transaction(engine) as connection:
        found = await holds.found(connection, hold_id, lock=True)
        await holds.propose_release(connection, found, "D-RM1", "the inquiry has ended", at)
    async with transaction(engine) as connection:
        await holds.approve_release(connection, await holds.found(connection, hold_id, lock=True), "D-HIM1", at)


async def sweep(engine):
    async with transaction(engine) as connection:
        for hold in await unswept(connection):
            await holds.sweep_hold(connection, hold, 0, LATER)


async def certificate(engine, order):
    plain = DisposalConfirmed(order, uid("r1"), "intake", "erased", 1, LATER)
    signed = msgspec.structs.replace(plain, signature=VAULT.sign(plain.signed()).hex())
    async with transaction(engine) as connection:
        assert await certificates.confirm(connection, KEYS, {"intake": VAULT.public_key()}, PACK, signed, LATER)
        return (await read_certificate(connection, order))[0]


async def test_a_certificate_names_every_hold_that_applied_and_no_other(engines):
    worker, api = engines
    before = await place(api, REAL - timedelta(days=4000), records=[uid("r1")])
    await release(api, before, REAL - timedelta(days=3999))  # Over before anything was known of the record.
    await take(worker, record_state("r1"))
    await hear(worker, GONE_AT)
    brief = [await place(api, records=[uid("r1")]), await place(api, record_types=["crime_report"])]
    await place(api, units=["Camden"])  # Does not cover it.
    for hold_id in brief:
        await release(api, hold_id)
    await sweep(worker)
    assert {row[0] for row in await select(worker, "SELECT hold_id FROM hold_exposure")} == set(brief)
    await settle_all(worker)
    await tick(worker, OPENS)
    await decide(worker, decided(await reviewed(worker)), OPENS)
    [order] = (await carry_out(worker, DUE, GONE_AT)).outcomes
    late = await place(api, LATER, sources=["crime"])
    told = await certificate(worker, order)
    assert told["holds_ever"] == sorted(map(str, brief))
    assert str(late) not in told["holds_ever"]


async def test_what_a_hold_stopped_before_any_sweep_is_reviewed_when_it_is_released(engines):
    worker, api = engines
    await take(worker, record_state("r1"))
    await hear(worker)
    await tick(worker, OPENS)
    hold_id = await place(api, records=[uid("r1")])
    assert [refusal.why for refusal in (await carry_out(worker, DUE)).outcomes.values()] == ["held"]
    assert [row[0] for row in await select(worker, "SELECT held FROM schedule")] == [True]
    await release(api, hold_id)
    await sweep(worker)
    assert [row[0] for row in await select(worker, "SELECT held FROM schedule")] == [False]
    assert [row[0] for row in await select(worker, "SELECT cause FROM review_wanted")] == ["hold_released"]
    assert await states(worker) == {uid("r1"): "due"}


async def restricted(engine):
    return [tuple(row) for row in await select(engine, "SELECT restricted, version FROM schedule")]


async def test_past_its_last_day_and_kept_only_by_a_hold_a_record_is_restricted(engines):
    worker, api = engines
    await take(worker, record_state("r1"))
    await hear(worker)
    await place(api, records=[uid("r1")])
    await sweep(worker)
    await tick(worker, DUE - timedelta(days=1))
    [(restricts, version)] = await restricted(worker)
    assert not restricts
    await tick(worker, DUE)
    await tick(worker, DUE)
    assert await restricted(worker) == [(True, version + 1)]

    await take(worker, record_state("r1", sequence=2, reported_at="2023-01-01T10:00:00Z"))
    assert (await restricted(worker))[0][0] is False  # Its last day is to come, and it is used as before.
    await tick(worker, DUE)
    assert (await restricted(worker))[0][0] is False


async def test_a_record_that_a_hold_kept_is_free_when_it_is_released(engines):
    worker, api = engines
    await take(worker, record_state("r1"))
    await hear(worker)
    hold_id = await place(api, records=[uid("r1")])
    await sweep(worker)
    await tick(worker, DUE)
    assert (await restricted(worker))[0][0] is True
    await release(api, hold_id)
    await sweep(worker)
    assert (await restricted(worker))[0][0] is False


async def test_what_its_source_restricts_shows_so_until_it_says_otherwise(engines):
    worker, _ = engines
    for sequence, restricts in ((1, True), (2, False), (3, True)):
        await take(worker, record_state("r1", sequence=sequence, restricted=restricts))
        assert (await restricted(worker))[0][0] is restricts
