"""Erased stays erased: what a restored database brings back is erased again, as the topics tell."""

from uuid import UUID, uuid4

import msgspec
import pytest

from services.intake.actions.take_in import take_in
from shared.bodies import open_body
from shared.db import driver
from shared.errors import NotFound
from shared.events import DisposalExecuted
from tests.make_arrivals import DESK, KEYS, NOW, TODAY, Topic, captured, uid
from tools import reapply
from tools.reapply import Certified, Told

REVIEW = UUID(int=5)


def notice(record, sequence=1, what="record"):
    return DisposalExecuted(uuid4(), record, REVIEW, sequence, NOW, TODAY, what)


def certified(subject):
    return Certified(uuid4(), KEYS.reference(str(subject)), REVIEW)


def told(notices=(), certificates=()):
    return Told({each.disposal_id: each for each in notices}, {each.disposal_id: each for each in certificates})


async def states(connection):
    rows = await (await driver(connection)).fetch(
        "SELECT record_uid, body_id FROM record_state JOIN record USING (record_key) ORDER BY body_id"
    )
    return {row["record_uid"]: row["body_id"] for row in rows}


async def again(connection, what):
    gone = await reapply.missing(connection, what, KEYS.reference)
    return len(gone), await reapply.erase_here(connection, gone, NOW)


@pytest.fixture
async def restored(intake_connection):
    """Three records and a quarantined event are back from a backup; give where each is sealed."""
    topic = Topic()
    sent = topic.batch(captured("r1"), captured("r2"), captured("r3"), captured("r4", record_type="of_no_pack"))
    await take_in(intake_connection, DESK, sent, NOW, TODAY)
    return await states(intake_connection)


async def test_what_a_notice_or_a_certificate_tells_of_goes_again(intake_connection, restored):
    what = told([notice(uid("r1")), notice(uid("never here"))], [certified(uid("r2")), certified(uid("nor this"))])
    assert await again(intake_connection, what) == (2, 2)
    for name in ("r1", "r2"):
        with pytest.raises(NotFound):
            await open_body(intake_connection, KEYS, restored[uid(name)])
    assert b"a window was broken" in await open_body(intake_connection, KEYS, restored[uid("r3")])
    assert await again(intake_connection, what) == (0, 0), "and may be repeated"


async def test_it_stays_gone_when_it_is_sent_again(intake_connection, restored):
    await again(intake_connection, told([], [certified(uid("r2"))]))
    [verdict] = await take_in(intake_connection, DESK, [Topic(part=1).of(captured("r2", 7))], NOW, TODAY)
    assert verdict.outcome == "quarantined"


async def test_a_record_that_only_a_person_went_from_stays(intake_connection, restored):
    unlinked = msgspec.structs.replace(certified(uid("r2")), state="unlinked")
    assert await again(intake_connection, told([], [unlinked])) == (0, 0)
    assert b"a window was broken" in await open_body(intake_connection, KEYS, restored[uid("r2")])


async def test_a_discarded_event_goes_again_by_its_receipt(intake_connection, restored):
    raw = await driver(intake_connection)
    [row] = await raw.fetch("SELECT receipt_id, body_id FROM quarantine WHERE body_id IS NOT NULL")
    assert await again(intake_connection, told([], [certified(row["receipt_id"])])) == (1, 1)
    with pytest.raises(NotFound):
        await open_body(intake_connection, KEYS, row["body_id"])


async def test_each_is_in_the_ledger(intake_connection, restored):
    one = notice(uid("r1"))
    await again(intake_connection, told([one]))
    raw = await driver(intake_connection)
    rows = await raw.fetch("SELECT subject, topic FROM log WHERE type = $1", reapply.AGAIN)
    assert [tuple(row) for row in rows] == [(one.disposal_id, None)]


async def test_review_erases_what_it_does_not_know_to_be_gone(review_connection):
    gone = [reapply.Gone(uuid4(), uid("r1"), False, REVIEW, 1), reapply.Gone(uuid4(), uid("r2"), True, None, 1)]
    await reapply.erase_in_review(review_connection, gone, NOW)
    await reapply.erase_in_review(review_connection, gone, NOW)
    raw = await driver(review_connection)
    assert [row[0] for row in await raw.fetch("SELECT disposal_id FROM erasure")] == [gone[0].disposal_id]
