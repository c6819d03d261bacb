"""A quarantined event tried again as it was sent: what has changed since decides."""

import dataclasses
import json

import pytest

from services.intake.actions.replaying import replay
from shared.db import connect, driver
from shared.errors import Conflict, NotFound, PreconditionFailed
from shared.ids import event_uid
from tests.make_arrivals import (
    CRIME,
    DESK,
    NOW,
    PACK,
    TODAY,
    Topic,
    accounts_close,
    captured,
    said,
    stored,
    take,
    told,
    uid,
    value,
    waiting,
)


@pytest.fixture
async def api_connection(worker_url):
    """A transaction as intake's API, rolled back at the end: replays are its work."""
    engine = connect(worker_url("intake", "api"), name="tests", pool_size=1, idle_in_transaction_session_timeout="0")
    async with engine.connect() as connection:
        transaction = (await driver(connection)).transaction()
        await transaction.start()
        yield connection
        await transaction.rollback()
    await engine.dispose()


async def test_replay_takes_what_the_pack_has_since_come_to_know(api_connection) -> None:
    topic = Topic()
    [refused] = await take(api_connection, topic.of(captured(record_type="ballad")))
    await take(api_connection, topic.of(captured("r2", sequence=3, record_type="ballad")))
    at = (NOW, TODAY)
    with pytest.raises(PreconditionFailed):
        await replay(api_connection, DESK, refused.receipt_id, 2, at)
    again = await replay(api_connection, DESK, refused.receipt_id, 1, at)
    assert told([again]) == [("quarantined", "record_type_not_known")]
    kinds = PACK.record_types
    wider = dataclasses.replace(PACK, record_types={**kinds, "ballad": next(iter(kinds.values()))})
    desk = dataclasses.replace(DESK, pack=wider)
    taken = await replay(api_connection, desk, refused.receipt_id, 2, at)
    assert (taken.outcome, taken.names, taken.record_id) == ("accepted", refused.receipt_id, uid())
    assert taken.receipt_id not in (refused.receipt_id, again.receipt_id)
    assert (await waiting(api_connection))[event_uid(CRIME, "r1/1")] == "accepted"
    kinds_said = [kind for kind, each in await said(api_connection) if uid().hex in json.dumps(each).replace("-", "")]
    assert kinds_said == ["event.parked", "record.registered", "event.resolved"]
    assert [uid_ for uid_, *_ in await stored(api_connection)] == [uid()]
    await accounts_close(api_connection)
    with pytest.raises(Conflict, match="waits no more"):
        await replay(api_connection, desk, refused.receipt_id, 3, at)
    with pytest.raises(NotFound):
        await replay(api_connection, desk, uid(), 1, at)
    assert told(await take(api_connection, topic.of(captured(record_type="ballad")))) == [("duplicate",)]


async def test_replay_of_a_state_settles_the_lower_ones_that_wait(api_connection) -> None:
    topic = Topic()
    sent = [captured(sequence=n, record_type="ballad", unit=f"{n}") for n in (1, 2)]
    receipts = await take(api_connection, *topic.batch(*sent))
    wider = {**PACK.record_types, "ballad": next(iter(PACK.record_types.values()))}
    desk = dataclasses.replace(DESK, pack=dataclasses.replace(PACK, record_types=wider))
    assert (await replay(api_connection, desk, receipts[1].receipt_id, 1, (NOW, TODAY))).outcome == "accepted"
    assert set((await waiting(api_connection)).values()) == {"accepted", "resolved"}


async def test_replay_of_a_reused_id_stays_refused_while_the_first_stands(api_connection) -> None:
    topic = Topic()
    sent = [captured(id_="same"), captured(id_="same", attributes={"sequence": "2"}, unit="B")]
    receipts = await take(api_connection, *topic.batch(*sent))
    again = await replay(api_connection, DESK, receipts[1].receipt_id, 1, (NOW, TODAY))
    assert told([again]) == [("quarantined", "id_reused")]
    assert await value(api_connection, "SELECT sequence FROM record WHERE record_uid = $1", uid()) == 1
