"""The point of no return: what may go is closed, written down and told of in one transaction, behind the gate."""

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from services.retention.actions import discards, redate, wholes
from services.retention.actions.ledger import moved
from services.retention.actions.triggered import ask_again
from services.retention.domain.lifecycle import (
    IN_HAND,
    Decision,
    Refusal,
    overslept,
    runs_away,
    stays,
    verdict,
    who_decides,
)
from services.retention.storage import disposals, holds, marks, orders, reviews, sweeping
from services.retention.storage.disposals import Gone
from services.retention.storage.orders import Closed, Found
from shared.db import Connection
from shared.events import DISPOSALS, REGISTERED, DisposalExecuted, encode
from shared.log import Entry, put
from shared.policy import Pack
from shared.topics import BY_NAME
from shared.trails import traced

log = logging.getLogger(__name__)

EXECUTED_PER_SET_MAX = 500  # The transaction's length is how long a hold waits: 500 records are some 60 ms.
BUSY = Refusal("busy", again=True)
# What the tick works out anew; everything else that drops an order puts the record before a person.
_REWORKED = frozenset({"held", "rule", "not_ordered", "not_due", "under_review"})
# Of these the tick works out nothing anew where the record is not due any more, and nobody else looks.
_MOVED_ON = frozenset({"rule", "not_ordered", "not_due"})

Pause = Callable[[str], Awaitable[None]]


async def no_pause(_: str) -> None:
    """Go straight on; tests stop here between two statements."""


class Executed(NamedTuple):
    """What one set came to: why none could go, and else each record's outcome (None: it went)."""

    blocked: str | None
    outcomes: Mapping[UUID, Refusal | None]


async def execute(
    connection: Connection,
    pack: Pack,
    today: date,
    now: datetime,
    limit: int = EXECUTED_PER_SET_MAX,
    pause: Pause = no_pause,
) -> Executed:
    """Carry out cooled orders that nothing forbids; the gate is the first statement of the caller's transaction.

    READ COMMITTED: each statement after the gate sees every hold that was acknowledged before. The caller opens the
    transaction for nothing else.
    """
    await holds.pass_gate(connection)
    await pause("gate")
    if why := await blocked(connection, pack, today, now):
        return Executed(why, {})
    if not (claimed := await orders.claim(connection, today, now, limit)):
        return Executed(None, {})
    await pause("claimed")
    claimed, whole = await wholes.claim(connection, claimed, today)
    records = [order.record_key for order in claimed if order.record_key is not None]
    mine = await orders.lock_schedules(connection, records)
    held = await holds.binding(connection, [*records, *whole.without_order])
    asked = await discards.judge(connection, [order.disposal_id for order in claimed if order.record_key is None])
    await pause("checked_holds")
    ids = [order.disposal_id for order in claimed if order.record_key in mine]
    found = await orders.cases(connection, ids, held)
    judged = {each.disposal_id: refusal for each, refusal in await _judge(connection, pack, found, today)}
    judged |= await wholes.judge(connection, whole, found, judged, held)
    judged |= {disposal_id: refusal for disposal_id, (_, refusal) in asked.items()}
    outcomes = {order.disposal_id: judged.get(order.disposal_id, BUSY) for order in claimed}
    await pause("judged")
    await _close(connection, found, outcomes, today, now)
    await _show_held(connection, {key: holds_of for key, holds_of in held.items() if key in mine}, now)
    gone = [each for each in found if outcomes[each.disposal_id] is None]
    await _write_down(connection, pack, gone, today, now)
    await discards.close(connection, pack, asked, today, now)
    await pause("written")
    return Executed(None, outcomes)


async def blocked(connection: Connection, pack: Pack, today: date, now: datetime) -> str | None:
    """Say what keeps every disposal waiting: the pack, two people, old news, a run gone wrong."""
    if not pack.live:
        return "observe"
    if not await redate.through(connection, pack):
        return "redating"
    news = await disposals.news(connection, now - timedelta(minutes=pack.limits.news_age_minutes_max))
    if news.pauses:
        return news.pauses[0]
    if overslept(news.ran_at, now):
        await disposals.pause(connection, "late_tick", now)
        return "late_tick"
    if news.fresh < BY_NAME[REGISTERED].partitions:
        return "old_news"
    return await _runaway(connection, pack, today, now)


async def _runaway(connection: Connection, pack: Pack, today: date, now: datetime) -> str | None:
    limits = pack.limits
    if limits.stop_count is None:
        return None
    due = await disposals.run_size(connection, today)
    if not runs_away(due, 0, count=limits.stop_count, ratio=limits.stop_ratio):
        return None  # The forecast costs a join: it is asked for only when the run is large.
    foreseen = await disposals.forecast(connection, today)
    if not runs_away(due, foreseen, count=limits.stop_count, ratio=limits.stop_ratio):
        return None
    if await disposals.pause(connection, "stop_switch", now):
        said = {"action": "stop_switch", "due": due, "foreseen": foreseen}
        log.error(
            "Disposals stopped themselves: far more would go than was foreseen. Two people must agree.", extra=said
        )
    return "stop_switch"


async def _judge(
    connection: Connection, pack: Pack, found: Sequence[Found], today: date
) -> list[tuple[Found, Refusal | None]]:
    decided = {
        each.case.record_key: who_decides(pack, each.case.row_ordered, each.case.record_key, each.case.offenders)
        for each in found
        if each.case.review_id
    }
    subjects = {subject for wanted in decided.values() for subject in wanted}
    decisions = await orders.standing(connection, subjects)
    today_is = await reviews.bases(connection, subjects)
    judged = []
    for each in found:
        refusal = verdict(pack, each.case, decisions, today_is, today=today)
        judged.append((each, refusal))
        if refusal is None:
            each.proof.update(_decided(decisions, decided.get(each.case.record_key, ())))
    return judged


def _decided(decisions: Mapping[tuple[str, int], Decision], subjects: Sequence[tuple[str, int]]) -> dict[str, object]:
    """Give who decided and approved, for the proof; several persons' reviews are named together."""
    made = [decisions[subject] for subject in subjects]
    return {
        "decision_ids": sorted(each.review_id for each in made),
        "decided_by": ",".join(sorted({each.decided_by for each in made})) or None,
        "approved_by": sorted({name for each in made for name in each.approved_by}),
    }


async def _close(
    connection: Connection,
    found: Sequence[Found],
    outcomes: Mapping[UUID, Refusal | None],
    today: date,
    now: datetime,
) -> None:
    closed = [_closed(disposal_id, refusal) for disposal_id, refusal in outcomes.items()]
    await orders.close(connection, closed, now)
    moved_on = {each.case.record_key for each in found if each.case.review_id and stays(each.case, today)}
    dropped: dict[str, list[int]] = {}
    for each in found:
        refusal = outcomes[each.disposal_id]
        if refusal and not refusal.again:
            dropped.setdefault(refusal.why, []).append(each.case.record_key)
    for why, keys in sorted(dropped.items()):
        await orders.move(connection, keys, "current" if why == "not_due" else "due", why)
        if again := [key for key in keys if why not in _REWORKED or (why in _MOVED_ON and key in moved_on)]:
            await ask_again(connection, again, why, now)
        await moved(connection, "order_dropped", keys, why, now)


async def _show_held(connection: Connection, held: dict[int, set[UUID]], now: datetime) -> None:
    """Show what a hold stopped before its sweep came by: else its release would not find these records."""
    if held:
        shown, _ = await sweeping.flag(connection, held, list(held), IN_HAND, now)
        await moved(connection, "held", shown, None, now)


def _closed(disposal_id: UUID, refusal: Refusal | None) -> Closed:
    if refusal is None:
        return Closed(disposal_id, "executed", None, None)
    if refusal.again:
        return Closed(disposal_id, "cooling", None, refusal.why, refusal.member)
    return Closed(disposal_id, "dropped", refusal.why, None)


async def _write_down(connection: Connection, pack: Pack, gone: Sequence[Found], today: date, now: datetime) -> None:
    if not gone:
        return
    notices = [_notice(each, today, now) for each in gone]
    log_ids = await put(connection, await traced(connection, notices, [(each.record_uid,) for each in gone]), now)
    rows = [
        Gone(each.disposal_id, each.case.record_key, each.sequence, _proof(pack, each, now), log_id)
        for each, log_id in zip(gone, log_ids, strict=True)
    ]
    keys = [each.case.record_key for each in gone]
    await disposals.insert_disposals(connection, rows, now, today)
    await orders.move(connection, keys, "executed")
    await marks.mark_with_persons(connection, keys, [])  # What is gone gives its persons no group and no clock.


def _proof(pack: Pack, each: Found, now: datetime) -> dict[str, object]:
    return {**each.proof, "pack_executed": pack.hash, "holds_checked_at": now, "holds_found": 0}


def _notice(each: Found, today: date, now: datetime) -> Entry:
    review_id = UUID(each.case.review_id) if each.case.review_id else None
    event = DisposalExecuted(each.disposal_id, each.record_uid, review_id, each.sequence, now, today)
    return Entry(DISPOSALS, str(each.record_uid), event.type, each.record_uid, 1, encode(event))
