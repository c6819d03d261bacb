"""Facts in, on a real PostgreSQL: kept once, sealed once, the same bytes in whatever order they come."""

import asyncio
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from types import SimpleNamespace

import msgspec
import pytest

from services.retention import agents
from services.retention.actions.settle import settle
from services.retention.actions.take_in import fresh, take_in, take_news
from services.retention.storage import early as stored
from services.retention.storage.reviews import bases
from shared.db import driver, transaction
from shared.events import EventParked, EventResolved, Watermark, encode
from shared.ids import event_uid
from tests.make_facts import PACK
from tests.make_registered import (
    NOW,
    activity,
    contact,
    distinguished,
    merged,
    nominal_state,
    record_state,
    ref,
    suspect,
    trigger,
    uid,
    unmerged,
    withdrawal,
)

LATER = NOW + timedelta(minutes=5)


async def keep(connection, *events):
    return await take_in(connection, [fresh(event, PACK) for event in events], NOW)


async def rows(connection, statement, *parameters):
    return [tuple(row) for row in await (await driver(connection)).fetch(statement, *parameters)]


async def digests(connection):
    """Give what the log seals, and what the facts that name it amount to."""
    sealed = b"".join(row[0] for row in await rows(connection, "SELECT payload FROM log WHERE topic IS NULL"))
    facts = await rows(connection, "SELECT salt, canonical FROM fact")
    cut = {sealed[at : at + 32] for at in range(0, len(sealed), 32)}
    return len(sealed) // 32, cut, {sha256(salt + canonical).digest() for salt, canonical in facts}


async def test_a_fact_is_kept_once_and_sealed_once(retention_connection):
    first = await keep(retention_connection, record_state(), record_state(), contact())
    again = await keep(retention_connection, contact(), record_state())

    count, sealed, kept = await digests(retention_connection)
    assert (len(first), again, count) == (2, [], 2)
    assert sealed == kept


async def test_a_log_row_is_kept_for_ever_and_waits_for_the_sealer(retention_connection):
    await keep(retention_connection, record_state())

    [(log_id,)] = await rows(retention_connection, "SELECT DISTINCT log_id FROM fact")
    assert log_id < 0
    assert await rows(retention_connection, "SELECT log_ids FROM unsealed") == [([log_id],)]
    assert await rows(retention_connection, "SELECT count(*) FROM unpublished") == [(0,)]


async def test_two_workers_with_the_same_fact_seal_it_once(retention_engine):
    event = record_state(links=[suspect("p1")])
    async with transaction(retention_engine) as one:
        await keep(one, event)
        second = asyncio.create_task(_keep_alone(retention_engine, event))
        await asyncio.sleep(0.2)
        assert not second.done(), "the second waits for the first's commit"

    assert await second == []
    async with transaction(retention_engine) as connection:
        count, sealed, kept = await digests(connection)
    assert count == 1
    assert sealed == kept


async def _keep_alone(engine, *events):
    async with transaction(engine) as connection:
        return await keep(connection, *events)


@pytest.mark.parametrize("event", [record_state(), nominal_state(), contact(), trigger()], ids=lambda each: each.type)
def test_a_fact_s_bytes_do_not_depend_on_when_it_was_known(event):
    known_later = msgspec.structs.replace(event, known_at=LATER)

    assert fresh(known_later, PACK).canonical == fresh(event, PACK).canonical


async def test_a_fact_marks_its_subject_and_everyone_on_the_record(retention_connection):
    await keep(retention_connection, record_state(links=[suspect("p1"), suspect("p2", "victim")]))
    await rows(retention_connection, "DELETE FROM dirty")

    await keep(retention_connection, trigger())

    marks = await rows(
        retention_connection,
        "SELECT record_uid, nominal_ref FROM dirty"
        " LEFT JOIN record USING (record_key) LEFT JOIN nominal USING (nominal_key)",
    )
    assert set(marks) == {(uid("r1"), None), (None, ref("p1")), (None, ref("p2"))}


async def test_a_withdrawal_marks_the_subject_of_what_it_withdraws_known_or_not(retention_connection):
    assert len(await keep(retention_connection, withdrawal(contact()))) == 1
    assert await rows(retention_connection, "SELECT nominal_ref FROM dirty JOIN nominal USING (nominal_key)") == [
        (ref("p1"),)
    ]


@pytest.mark.parametrize(
    "event",
    [
        pytest.param(record_state(offences=[1]), id="a number among the offences"),
        pytest.param(record_state(occurred_on="2022-13-01"), id="a day that is none"),
        pytest.param(nominal_state(date_of_birth="yesterday"), id="a birth date that is none"),
        pytest.param(contact(on="soon"), id="a contact on no day"),
        pytest.param(msgspec.structs.replace(contact(), nominal_ref=None), id="nobody"),
    ],
)
def test_what_cannot_be_derived_from_is_set_aside_at_the_door(event):
    good = record_state("r2")
    batch = SimpleNamespace(poison=False, records=[_message(good), _message(event)])

    facts, news, [letter] = agents.read(batch, PACK)

    assert [fact.event for fact in facts] == [good]
    assert news == []
    assert (letter.record, letter.reason) == (batch.records[1], "underivable")


def _message(event):
    return SimpleNamespace(headers=[("ce_type", event.type.encode())], value=encode(event))


async def test_a_basis_is_all_inbound_facts_and_for_a_person_those_of_what_they_carry(retention_connection):
    state = record_state(links=[suspect("p1"), suspect("p2", "victim")])
    await keep(retention_connection, state, trigger(), contact(), withdrawal(contact()), record_state("r2"))
    await rows(
        retention_connection,
        "UPDATE link SET offending = nominal_key = (SELECT nominal_key FROM nominal WHERE nominal_ref = $1)",
        ref("p1"),
    )

    [(record,)] = await rows(retention_connection, "SELECT record_key FROM record WHERE record_uid = $1", uid("r1"))
    [(person,)] = await rows(retention_connection, "SELECT nominal_key FROM nominal WHERE nominal_ref = $1", ref("p1"))
    of_record = [state.event_uid, trigger().event_uid]
    of_person = [*of_record, contact().event_uid, withdrawal(contact()).event_uid]
    subjects = [("record", record), ("nominal", person)]
    assert await bases(retention_connection, subjects) == dict(
        zip(subjects, map(_digest, (of_record, of_person)), strict=True)
    )


def _digest(uids):
    return sha256("\n".join(sorted(map(str, uids))).encode()).hexdigest()


@pytest.mark.parametrize("first", ["parked", "resolved"])
async def test_what_was_resolved_stays_resolved_in_either_order(retention_connection, first):
    parked = EventParked(event_uid("s", "1"), uid("r1"), "missing_field", NOW)
    resolved = EventResolved(parked.event_uid, parked.subject, LATER)
    news = [parked, resolved] if first == "parked" else [resolved, parked]
    for each in news:
        await take_news(retention_connection, [each])

    assert await rows(retention_connection, "SELECT reason, resolved_at FROM parked") == [("missing_field", LATER)]


async def test_a_watermark_never_steps_back(retention_connection):
    await take_news(retention_connection, [Watermark(3, LATER), Watermark(3, NOW), Watermark(4, NOW)])
    await take_news(retention_connection, [Watermark(3, datetime(2020, 1, 1, tzinfo=UTC))])

    assert await rows(retention_connection, "SELECT * FROM watermark ORDER BY 1") == [(3, LATER), (4, NOW)]


async def test_of_both_nominals_a_merge_is_part_of_what_is_decided_on(retention_connection):
    merge, undone, apart = merged(gone="p2", into="p1"), unmerged(into="p1"), distinguished(a="p3", b="p2")
    await keep(retention_connection, merge, undone, apart)
    keys = dict(await rows(retention_connection, "SELECT nominal_ref, nominal_key FROM nominal"))
    wanted = {"p1": [merge, undone], "p2": [merge, undone, apart], "p3": [apart]}
    for name, events in wanted.items():
        subject = ("nominal", keys[ref(name)])
        assert await bases(retention_connection, [subject]) == {subject: _digest([each.event_uid for each in events])}


async def test_an_undoing_marks_whom_the_merge_was_about(retention_connection):
    await keep(retention_connection, merged(gone="p2", into="p1"))
    await (await driver(retention_connection)).execute("DELETE FROM dirty")
    await keep(retention_connection, unmerged(into="p1"))
    marked = await rows(retention_connection, "SELECT nominal_ref FROM dirty JOIN nominal USING (nominal_key)")
    assert {each for (each,) in marked} == {ref("p1"), ref("p2")}


async def test_who_is_named_before_they_come_is_noted_once(retention_connection):
    early = """SELECT record_uid, nominal_ref FROM named_early
        LEFT JOIN record USING (record_key) LEFT JOIN nominal USING (nominal_key)"""
    came = record_state("r1", links=[suspect("p1")])
    await keep(retention_connection, came, trigger("t1", "r1"), contact("c1", "p1"))
    assert await rows(retention_connection, early) == []
    await keep(retention_connection, trigger("t2", "r2"), contact("c2", "p2"), record_state("r3", change="withdrawn"))
    await keep(retention_connection, activity("a2", "r2"), merged(gone="p2", into="p4"), nominal_state("p5"))
    found = {each for row in await rows(retention_connection, early) for each in row if each}
    assert found == {uid("r2"), uid("r3"), ref("p2"), ref("p4")}
    listed = await stored.page(retention_connection, 0, 10)
    assert {each.record_id or each.nominal_ref: each.kinds for each in listed} == KINDS
    come = [record_state("r2"), nominal_state("p2"), record_state("r5", links=[suspect("p4")])]
    await keep(retention_connection, *come)
    await settle(retention_connection, PACK, NOW)
    assert [each.record_id for each in await stored.page(retention_connection, 0, 10)] == [uid("r3")]
    assert await stored.page(retention_connection, listed[-1].early_id, 10) == []
    await stored.forget(retention_connection, 100)
    assert len(await rows(retention_connection, early)) == 1


KINDS = {
    uid("r2"): ["activity", "trigger"],
    uid("r3"): ["record_state"],
    ref("p2"): ["contact", "merged"],
    ref("p4"): ["merged"],
}
