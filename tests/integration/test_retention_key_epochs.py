"""`irrecoverable_from` hangs on the epochs of the holders' keys: planned at first, real once each has ended."""

from datetime import timedelta

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.retention.actions import certificates, due
from services.retention.storage.disposals import read_certificate
from shared.db import transaction
from shared.events import DisposalConfirmed, EpochEnded
from shared.keys import Keys
from tests.make_facts import PACK
from tests.make_lifecycle import DUE, OPENS, REAL, carry_out, hear, own_engines, select, states, take, tick
from tests.make_registered import record_state, uid

LEDGER = Ed25519PrivateKey.generate()
KEYS = Keys(1, {}, LEDGER, b"k" * 32)
HOLDERS = {"intake": LEDGER.public_key(), "review": LEDGER.public_key()}
BEGAN = REAL - timedelta(days=10)
PLANNED = BEGAN + timedelta(days=PACK.vault.epoch_days)
WINDOWS = REAL + certificates.IRRECOVERABLE_AFTER


@pytest.fixture
async def engine(database):
    async with own_engines(database) as (worker, _):
        yield worker


@pytest.fixture
async def order(engine):
    """A record is executed; its copies are still to go."""
    await take(engine, record_state())
    await hear(engine)
    await tick(engine, OPENS)
    [executed] = (await carry_out(engine, DUE)).outcomes
    return executed


def signed(said, key=LEDGER):
    return msgspec.structs.replace(said, signature=key.sign(said.signed()).hex())


async def confirm(engine, order, holder, epoch=None, bodies=1):
    epochs = (epoch, BEGAN) if epoch else (None, None)
    said = signed(DisposalConfirmed(order, uid("r1"), holder, "erased", bodies, REAL, "", *epochs))
    async with transaction(engine) as connection:
        await certificates.confirm(connection, KEYS, HOLDERS, PACK, said, REAL)


async def end(engine, holder, epoch, at, key=LEDGER):
    async with transaction(engine) as connection:
        said = signed(EpochEnded(holder, epoch, BEGAN, at, at), key)
        await certificates.epoch_ended(connection, HOLDERS, said)


async def finish(engine, now):
    async with transaction(engine) as connection:
        return await due.finish(connection, now)


async def irrecoverable_from(engine):
    [[found]] = await select(engine, "SELECT irrecoverable_from FROM disposal_state")
    return found


async def certificate(engine, order):
    async with transaction(engine) as connection:
        return (await read_certificate(connection, order))[0]


async def test_a_certificate_names_the_epoch_and_its_planned_end(engine, order):
    await confirm(engine, order, "intake", 3)
    issued = await certificate(engine, order)
    assert issued["key_epochs"] == ["intake-epoch-3"]
    assert await irrecoverable_from(engine) == PLANNED > WINDOWS
    assert issued["irrecoverable_from"] == PLANNED.isoformat().replace("+00:00", "Z")


async def test_what_hung_on_no_key_goes_by_the_windows_alone(engine, order):
    await confirm(engine, order, "intake", bodies=0)
    assert (await certificate(engine, order))["key_epochs"] == []
    assert await irrecoverable_from(engine) == WINDOWS


async def test_past_the_planned_day_it_is_not_disposed_of_while_the_key_is_there(engine, order):
    await confirm(engine, order, "intake", 3)
    await confirm(engine, order, "review")
    late = PLANNED + timedelta(days=30)
    assert await finish(engine, late) == 0, "the plan has passed, and a backup can still be opened"
    await end(engine, "intake", 3, late)
    await end(engine, "intake", 3, late + timedelta(days=1))
    assert await irrecoverable_from(engine) == late, "told twice, the first counts"
    assert await finish(engine, late - timedelta(days=1)) == 0
    assert await finish(engine, late) == 1
    assert await states(engine) == {uid("r1"): "disposed"}


async def test_an_epoch_that_ends_early_brings_the_day_forward_but_never_before_the_windows(engine, order):
    await confirm(engine, order, "intake", 3)
    await end(engine, "intake", 3, REAL + timedelta(days=2))
    assert await irrecoverable_from(engine) == WINDOWS


async def test_what_hangs_on_two_holders_keys_waits_for_both(engine, order):
    await confirm(engine, order, "review", 1)
    await confirm(engine, order, "intake", 3)
    assert (await certificate(engine, order))["key_epochs"] == ["intake-epoch-3", "review-epoch-1"]
    await end(engine, "intake", 3, PLANNED)
    assert await irrecoverable_from(engine) == PLANNED
    assert await finish(engine, PLANNED + timedelta(days=300)) == 0
    await end(engine, "review", 1, PLANNED + timedelta(days=9))
    assert await irrecoverable_from(engine) == PLANNED + timedelta(days=9)
    assert await finish(engine, PLANNED + timedelta(days=9)) == 1


async def test_an_end_that_its_holder_did_not_sign_is_refused(engine, order):
    await confirm(engine, order, "intake", 3)
    for holder, key in (("intake", Ed25519PrivateKey.generate()), ("retention", LEDGER)):
        with pytest.raises(certificates.BadSignature):
            await end(engine, holder, 3, REAL, key)
    assert not await select(engine, "SELECT FROM epoch_end")


def test_the_epoch_is_under_the_signature():
    said = DisposalConfirmed(uid("o"), uid("r1"), "intake", "erased", 1, REAL, "", 3, BEGAN)
    assert said.signed() != msgspec.structs.replace(said, epoch=2).signed()
    old = DisposalConfirmed(uid("o"), uid("r1"), "intake", "erased", 1, REAL)
    assert old.signed() == f"{uid('o')}\n{uid('r1')}\nintake\nerased".encode(), "answers of before verify as before"
