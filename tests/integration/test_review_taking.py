"""What review makes of the events it takes in."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from services.review import agents
from services.review.actions.taking import take_disposals, take_reviews
from services.review.domain import Task
from services.review.storage import cards, tasks
from shared.bodies import Plain, store
from shared.db import driver
from shared.events import (
    DisposalConfirmed,
    DisposalExecuted,
    Event,
    Member,
    NominalRegistered,
    RecordRegistered,
    ReviewRequested,
    ReviewWithdrawn,
    encode,
)
from shared.ids import nominal_ref
from shared.keys import Keys
from shared.positions import Place

NOW = datetime(2026, 4, 1, 9, tzinfo=UTC)
KEYS = Keys(1, {1: AESGCM(bytes(32))}, Ed25519PrivateKey.generate(), b"m" * 32)


def requested(**changes: Any) -> ReviewRequested:
    record = uuid4()
    asked = ReviewRequested(
        review_id=uuid4(),
        subject=record,
        subject_kind="record",
        kind="scheduled",
        cause="period_ended",
        group=None,
        row="R03",
        pack="d" * 64,
        due_on=date(2026, 5, 1),
        records=(Member(record, "crime", date(2026, 4, 30), False),),
        derivation={"v": 1, "steps": []},
        basis="b" * 64,
        version=1,
    )
    return msgspec.structs.replace(asked, **changes)


def again(asked: ReviewRequested, **changes: Any) -> ReviewRequested:
    return msgspec.structs.replace(asked, version=asked.version + 1, **changes)


def batch(events: Sequence[Event | bytes], topic: str = "t") -> Any:
    records = [
        SimpleNamespace(
            value=event if isinstance(event, bytes) else encode(event),
            key=b"k",
            partition=0,
            offset=n,
            headers=[("ce_type", (RecordRegistered if isinstance(event, bytes) else type(event)).type.encode())],
        )
        for n, event in enumerate(events)
    ]
    return SimpleNamespace(records=records, poison=False, spans=[SimpleNamespace(place=Place("c", topic, "i", 0))])


async def held(connection, asked: ReviewRequested) -> Task:
    return (await tasks.lock(connection, [asked.review_id]))[asked.review_id]


async def put_there(connection, topic: str, key: UUID) -> list[Any]:
    query = "SELECT payload FROM log WHERE topic = $1 AND key = $2 ORDER BY log_id"
    rows = await (await driver(connection)).fetch(query, topic, str(key))
    return [msgspec.json.decode(row["payload"]) for row in rows]


def record(record_id: UUID, sequence: int = 1, **state: Any) -> RecordRegistered:
    base = {"record_type": "crime_report", "officers": [{"staff_id": "P-1", "role": "investigating"}]}
    return RecordRegistered(
        event_uid=uuid4(),
        source="urn:crime",
        time=None,
        sequence=sequence,
        known_at=NOW,
        received_on=date(2026, 4, 1),
        record_id=record_id,
        source_system="crime",
        change="captured",
        version=sequence,
        state=base | state,
    )


async def test_a_request_makes_one_open_task_however_often_it_comes(review_connection) -> None:
    asked = requested()
    await agents.reviews(KEYS, review_connection, batch([asked, asked]))
    await agents.reviews(KEYS, review_connection, batch([asked]))
    assert await held(review_connection, asked) == Task(asked, cause="period_ended")
    said = await put_there(review_connection, "review.tasks.v1", asked.review_id)
    assert [(each["task_id"], each["state"], each["version"]) for each in said] == [(str(asked.review_id), "open", 1)]


async def test_a_higher_version_replaces_the_request(review_connection) -> None:
    asked = requested()
    newer = again(asked, due_on=date(2026, 6, 1))
    await take_reviews(review_connection, [asked, newer, asked], NOW)
    task = await held(review_connection, asked)
    assert (task.state, task.request.due_on, task.version) == ("open", date(2026, 6, 1), 2)


@pytest.mark.parametrize("state", ["awaiting_approval", "completed"])
async def test_facts_that_changed_after_a_decision_open_the_task_again(review_connection, state) -> None:
    asked = requested()
    await take_reviews(review_connection, [asked], NOW)
    task = replace(await held(review_connection, asked), state=state, assignee="D-RO1", version=5)
    await tasks.move(review_connection, task, NOW)
    await take_reviews(review_connection, [again(asked, basis="c" * 64)], NOW)
    task = await held(review_connection, asked)
    assert (task.state, task.assignee, task.cause, task.round, task.version) == ("open", None, "basis_changed", 2, 6)


async def test_of_a_day_that_tells_a_birthday_the_year_alone_is_told(review_connection) -> None:
    asked = requested(by_age=True)
    await take_reviews(review_connection, [asked], NOW)
    [said] = await put_there(review_connection, "review.tasks.v1", asked.review_id)
    assert said["due_on"] == "2026-12-31"
    assert (await held(review_connection, asked)).request.due_on == date(2026, 5, 1)


async def test_a_withdrawal_that_comes_first_is_remembered(review_connection) -> None:
    asked = requested()
    gone = ReviewWithdrawn(asked.review_id, asked.subject, "clock_moved", 2)
    await take_reviews(review_connection, [gone], NOW)
    await take_reviews(review_connection, [asked], NOW)
    assert not await tasks.lock(review_connection, [asked.review_id])
    await take_reviews(review_connection, [again(again(asked))], NOW)
    assert (await held(review_connection, asked)).state == "open"


async def test_a_withdrawn_task_opens_again_on_a_higher_request(review_connection) -> None:
    asked = requested()
    await take_reviews(review_connection, [asked, ReviewWithdrawn(asked.review_id, asked.subject, "x", 2)], NOW)
    assert (await held(review_connection, asked)).state == "withdrawn"
    await take_reviews(review_connection, [again(again(asked))], NOW)
    assert (await held(review_connection, asked)).state == "open"


async def test_cards_name_everybody_any_state_named(review_connection) -> None:
    asked = requested()
    nominal = nominal_ref("crime", "N-1")
    link = {"nominal_source": "crime", "nominal_id": "N-1", "role": "victim"}
    base = {"event_uid": uuid4(), "source": "s", "time": None, "sequence": 1, "known_at": NOW}
    person = NominalRegistered(
        **base, received_on=date(2026, 4, 1), nominal_ref=nominal, version=1, state={"staff_id": "P-9"}
    )
    await take_reviews(review_connection, [asked], NOW)
    later = record(asked.subject, 2, officers=[{"staff_id": "P-2"}], links=[])
    await agents.registered(KEYS, review_connection, batch([later, record(asked.subject, 1, links=[link]), person]))
    task = await held(review_connection, asked)
    assert await cards.linked_staff(review_connection, task) == {"P-1", "P-2", "P-9"}
    assert await tasks.find(review_connection, task.task_id, "P-9") is None
    assert await tasks.find(review_connection, task.task_id, "P-2") == task


@pytest.mark.parametrize("others", [1, 2], ids=["alone", "beside what they carry"])
async def test_whom_a_file_accuses_never_sees_the_review_of_them(review_connection, others) -> None:
    officer, files = nominal_ref("psd", "N-1"), tuple(uuid4() for _ in range(others))
    members = tuple(Member(each, "people.misconduct", None, False) for each in files)
    asked = requested(
        subject=officer, subject_kind="nominal", kind="triggered", cause="staff_allegation", records=members
    )
    link = {"nominal_source": "psd", "nominal_id": "N-1", "role": "subject"}
    person = NominalRegistered(
        event_uid=uuid4(),
        source="urn:psd",
        time=None,
        sequence=1,
        known_at=NOW,
        received_on=date(2026, 4, 1),
        nominal_ref=officer,
        version=1,
        state={"staff_id": "P-9"},
    )
    accuses = record(files[-1], record_type="misconduct_file", links=[link])
    await take_reviews(review_connection, [asked], NOW)
    await agents.registered(KEYS, review_connection, batch([accuses, person]))
    task = await held(review_connection, asked)
    assert "P-9" in await cards.linked_staff(review_connection, task)
    assert await tasks.find(review_connection, task.task_id, "P-9") is None
    listed = await tasks.page(review_connection, tasks.Wanted(), "P-9", 1_000)  # Others' stand there as well.
    assert task.task_id not in {each.task_id for each in listed}
    assert await tasks.find(review_connection, task.task_id, "P-8") == task


async def test_a_lower_sequence_changes_no_card_and_a_withdrawal_keeps_it_shown(review_connection) -> None:
    one = uuid4()
    gone = msgspec.structs.replace(record(one, 3), change="withdrawn", state=None)
    for event in (record(one, 2, unit="B"), record(one, 1, unit="A"), gone):
        await agents.registered(KEYS, review_connection, batch([event]))
    shown = (await cards.shown(review_connection, [one]))[one]
    assert (shown["unit"], shown["withdrawn"]) == ("B", True)


def flagged(source: str, sequence: int, *flags: str) -> NominalRegistered:
    return NominalRegistered(
        event_uid=uuid4(),
        source=source,
        time=None,
        sequence=sequence,
        known_at=NOW,
        received_on=date(2026, 4, 1),
        nominal_ref=nominal_ref("crime", "N-1"),
        version=sequence,
        state={"flags": list(flags)},
    )


@pytest.mark.parametrize("together", [True, False], ids=["in one batch", "one by one"])
async def test_a_nominal_s_flags_are_those_of_all_its_sources_newest_states(review_connection, together: bool) -> None:
    events = [flagged("a", 9, "mappa"), flagged("b", 2, "rso", "pdp"), flagged("b", 3, "rso"), flagged("a", 8, "x")]
    for each in [events] if together else [[event] for event in events]:
        await agents.registered(KEYS, review_connection, batch(each))
    one = nominal_ref("crime", "N-1")
    assert (await cards.shown(review_connection, [one]))[one] == {"flags": ["mappa", "rso"]}


async def test_what_cannot_be_read_is_parked_and_nothing_waits_behind_it(review_connection) -> None:
    one = uuid4()
    await agents.registered(KEYS, review_connection, batch([b"{", record(one)]))
    assert one in await cards.shown(review_connection, [one])
    reasons = await (await driver(review_connection)).fetch("SELECT reason FROM dead_letter")
    assert [row["reason"] for row in reasons] == ["not_its_type"]


async def test_a_disposal_destroys_the_assessment_and_is_answered_once(review_connection) -> None:
    asked = requested()
    raw = await driver(review_connection)
    await take_reviews(review_connection, [asked], NOW)
    await agents.registered(KEYS, review_connection, batch([record(asked.subject)]))
    body = (await store(review_connection, KEYS, [Plain(None, b"answers")]))[0]
    executed = DisposalExecuted(uuid4(), asked.subject, asked.review_id, 1, NOW, date(2026, 5, 9))
    await take_disposals(review_connection, [executed, executed], KEYS, NOW, {})
    await agents.registered(KEYS, review_connection, batch([record(asked.subject, 9)]))
    assert await cards.shown(review_connection, [asked.subject]) == {}
    said = await put_there(review_connection, "records.disposal-receipts.v1", asked.subject)
    answer = msgspec.convert(said[0], DisposalConfirmed)
    assert (len(said), answer.holder, answer.answer) == (1, "review", "erased")
    KEYS.ledger.public_key().verify(bytes.fromhex(answer.signature), answer.signed())
    assert await raw.fetchval("SELECT count(*) FROM body WHERE body_id = $1", body) == 1  # Another task's.
