"""Orders of disposal: opened by rule or by decision, aborted for a reason; and the pauses of all disposals."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from services.retention.actions import discards, unlinks
from services.retention.actions import reviews as ask
from services.retention.actions.ledger import moved
from services.retention.domain.lifecycle import Decision, execute_from, lapse, who_decides
from services.retention.storage import decisions, disposals, order_lists, orders, reviews, wanted
from services.retention.storage.orders import NewOrder
from services.retention.storage.reviews import Subject
from shared.db import Connection
from shared.errors import Conflict, Forbidden, NotFound
from shared.ids import disposal_id
from shared.policy import Pack


async def advance(
    connection: Connection, pack: Pack, record_keys: Iterable[int], today: date, now: datetime
) -> tuple[list[int], list[Subject]]:
    """Take due records one step on: an order where every ground stands, else a review of each subject that lacks one.

    Gives the records ordered and the subjects under review.
    """
    shown = await reviews.schedules(connection, record_keys)
    rows = {key: row for key, row in shown.items() if _is_due(row, today)}
    offenders = await orders.offenders_of(connection, sorted(rows))
    deciding = {key: who_decides(pack, row["row_id"], key, offenders.get(key, ())) for key, row in rows.items()}
    subjects = {subject for each in deciding.values() for subject in each}
    standing = await orders.standing(connection, subjects)
    bases = await reviews.bases(connection, standing)
    groups = {("nominal", each.nominal_key): each.group for found in offenders.values() for each in found}
    stand = {
        subject: decision
        for subject, decision in standing.items()
        if lapse(pack, groups.get(subject), decision, bases[subject]) is None
    }
    by_rule = {key for key, row in rows.items() if row["ends"] == "dispose" and not stand.keys() & set(deciding[key])}
    decided = {key for key in rows if stand.keys() >= set(deciding[key])}
    grounds = {key: [stand[each] for each in deciding[key] if each in stand] for key in sorted(by_rule | decided)}
    free = {key: rows[key] for key in grounds if not rows[key]["held"]}  # No order opens while held.
    made = await orders.attempts(connection, list(free))
    ordered = await _open(connection, _orders(pack, free, grounds, made, today), today, now)
    await _say_held(connection, rows, decided)
    missing = {each for key in rows.keys() - by_rule - decided for each in deciding[key] if each not in stand}
    archived = {each for key, row in rows.items() if _goes_to_an_archive(pack, row) for each in deciding[key]}
    asks = {each: _CHANGED if each in standing else _ARCHIVE if each in archived else _SCHEDULED for each in missing}
    return ordered, await ask.request(connection, pack, asks, today, now) if asks else []


_SCHEDULED, _ARCHIVE = ask.Ask("scheduled", "period_ended"), ask.Ask("scheduled", "archive")
_CHANGED = ask.Ask("triggered", "basis_changed")


def _goes_to_an_archive(pack: Pack, row: Mapping[str, Any]) -> bool:
    rule = pack.rows.get(row["row_id"] or "")
    return rule is not None and rule.end == "transfer"


def _is_due(row: Mapping[str, Any], today: date) -> bool:
    due = row["state"] == "current" and row["open_on"] is not None and row["open_on"] <= today
    return bool(due and row["lifecycle"] in ("due", "in_review") and not row["gone"])


async def _say_held(connection: Connection, rows: Mapping[int, Mapping[str, Any]], decided: set[int]) -> None:
    """No order opens while held: what is decided and held waits as due, with that reason."""
    waiting = [key for key in decided if rows[key]["held"]]
    await orders.move(connection, [key for key in waiting if rows[key]["lifecycle"] == "in_review"], "due", "held")
    await orders.say_why(connection, [key for key in waiting if rows[key]["lifecycle"] == "due"], "held")


def _orders(
    pack: Pack,
    rows: Mapping[int, Mapping[str, Any]],
    grounds: Mapping[int, Sequence[Decision]],
    made: Mapping[int, int],
    today: date,
) -> list[NewOrder]:
    new = []
    for key, row in rows.items():
        review = UUID(max(each.review_id for each in grounds[key])) if grounds[key] else None
        cause: UUID | str = review or row["row_id"]
        start = execute_from(row["actionable_from"], today, pack.limits.cooling_off_days)
        n = made.get(key, 0) + 1
        new.append(NewOrder(disposal_id(row["record_uid"], cause, n), key, review, row["row_id"], n, start))
    return new


async def _open(connection: Connection, new: Sequence[NewOrder], today: date, now: datetime) -> list[int]:
    ordered = await orders.open_orders(connection, new, today, now)
    await orders.move(connection, ordered, "ordered", "cooling_off")
    await moved(connection, "ordered", ordered, None, now)
    return ordered


async def abort(connection: Connection, order: UUID, by: str, reason: str, now: datetime) -> None:
    """End a cooling order for a reason; its decisions lapse and a triggered review is asked for.

    An order to discard a quarantined event has neither: intake hears of it, and the event waits again.
    """
    aborted = await orders.abort(connection, order, by, reason, now)
    if aborted is None:
        if await unlinks.abort(connection, order, by, reason, now):
            return
        if await order_lists.read_disposal(connection, order) is None:
            raise NotFound("There is no order by this id.")
        raise Conflict("The order cools off no more, so it cannot be aborted.", "not_cooling")
    if aborted.record_key is None:
        await discards.aborted(connection, order, now)
        return
    record_key = [aborted.record_key]
    await decisions.lapse_deciders(connection, record_key, "order_aborted")
    await wanted.want(connection, record_key, "order_aborted", now)
    await orders.move(connection, record_key, "due", "order_aborted")
    await moved(connection, "order_aborted", record_key, by, now)


async def propose_resume(connection: Connection, by: str) -> None:
    """Propose that disposals go on; a second person must agree."""
    if not await disposals.open_pauses(connection):
        raise Conflict("Disposals wait for nobody.", "not_paused")
    await disposals.propose_resume(connection, by)


async def approve_resume(connection: Connection, by: str, now: datetime) -> None:
    """Agree, as another person than the one who proposed it, that disposals go on."""
    proposed = [each for each in await disposals.open_pauses(connection) if each["state"] == "proposed"]
    if not proposed:
        raise Conflict("Nobody has proposed that disposals go on.", "not_proposed")
    if any(each["proposed_by"] == by for each in proposed):
        raise Forbidden("You proposed it; another person must agree.", "same_person")
    await disposals.end_pauses(connection, by, now)
