"""A shared record stays while another person needs it: whose own reason ended goes from it, behind the same gate."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from services.retention.actions import execute
from services.retention.actions.holds import show
from services.retention.actions.ledger import moved
from services.retention.domain.lifecycle import Decision, chain_complete, execute_from
from services.retention.domain.unlinked import stays_without, unlinked_fact, unlinked_uid
from services.retention.storage import holds, marks, orders, reviews, schedules, unlinks, wanted
from services.retention.storage.facts import NewFact, insert_facts, made_here
from services.retention.storage.unlinks import Asked
from shared.calendar_rules import day_after
from shared.db import Connection
from shared.events import DISPOSALS, LinkEnded, encode
from shared.ids import disposal_id
from shared.log import Entry, put
from shared.policy import Pack
from shared.trails import traced

UNLINKED_PER_SET_MAX = 200


class Whose(NamedTuple):
    """The person whose disposal is decided, by the key that stands for them, and the review that decided it."""

    root: int
    review_id: UUID


async def order(
    connection: Connection, pack: Pack, whose: Whose, covered: Sequence[int], today: date, now: datetime
) -> list[int]:
    """Order that a person whose disposal is decided goes from the records that others still need; gives these."""
    root, review = whose
    person = (await schedules.persons_stored(connection, [root])).get(root)
    shown, offenders = await reviews.schedules(connection, covered), await orders.offenders_of(connection, covered)
    keys = [key for key, row in shown.items() if stays_without(row, root, offenders.get(key, ()), today)]
    if person is None or person.keep_until is None or not keys:
        return []
    start = execute_from(day_after(person.keep_until), today, pack.limits.cooling_off_days)
    ordered = [(disposal_id(shown[key]["record_uid"], f"unlink\n{review}", 1), key) for key in keys]
    await unlinks.open_orders(connection, ordered, (root, review), (today, start), now)
    await moved(connection, "unlink_ordered", keys, None, now)
    return keys


async def carry_out(connection: Connection, pack: Pack, today: date, now: datetime) -> dict[UUID, str | None]:
    """Unlink what nothing forbids, and give of each order why not, if not.

    The gate is the first statement of the caller's transaction. One worker at a time: two would each leave the other's
    person on a record, and together nobody.
    """
    await holds.pass_gate(connection)
    if not await unlinks.alone(connection) or await execute.blocked(connection, pack, today, now):
        return {}
    asked = await unlinks.claim(connection, today, UNLINKED_PER_SET_MAX)
    if not asked:
        return {}
    keys = [each.record_key for each in asked]
    held, offenders = await holds.binding(connection, keys), await orders.offenders_of(connection, keys)
    standing = await orders.standing(connection, {("nominal", each.root) for each in asked})
    left = {key: {one.nominal_key: one.group for one in offenders.get(key, ()) if one.group} for key in keys}
    outcomes: dict[UUID, str | None] = {}
    for each in asked:
        persons = left[each.record_key]
        shared = each.root in persons and len(persons) > 1
        why = "held" if each.record_key in held else None if shared else "not_shared"
        stands = _stands(pack, each, persons.get(each.root), standing.get(("nominal", each.root)))
        outcomes[each.disposal_id] = why or _refusal(each, stands=stands)
        if outcomes[each.disposal_id] is None:
            del persons[each.root]  # The last of them stays as long as the record.
    anew = {each.root for each in asked if outcomes[each.disposal_id] in _ANEW}
    await wanted.want_persons(connection, anew, "basis_changed", now)
    await unlinks.drop(connection, [(key, why) for key, why in outcomes.items() if why], now)
    if held:  # Else the release of a hold would not find these records, nor have them reviewed.
        await show(connection, sorted(held), now)
    gone = [(each, standing["nominal", each.root]) for each in asked if outcomes[each.disposal_id] is None]
    await _write_down(connection, pack, gone, today, now)
    return outcomes


_ANEW = frozenset({"basis_changed", "decision_missing"})  # Nothing else brings the person before anybody again.


def _stands(pack: Pack, each: Asked, group: str | None, decision: Decision | None) -> bool:
    """Say whether the decision that ordered it stands, approved by as many as the group's chain asks."""
    return decision is not None and decision.review_id == str(each.review_id) and chain_complete(pack, group, decision)


def _refusal(each: Asked, *, stands: bool) -> str | None:
    if each.gone or each.lifecycle != "current":
        return "not_shared"
    if each.called_for or not stands:
        return "under_review" if each.called_for else "decision_missing"
    return None if each.same else "basis_changed"


async def _write_down(
    connection: Connection, pack: Pack, decided: Sequence[tuple[Asked, Decision]], today: date, now: datetime
) -> None:
    """Keep, as a fact of each record, who went from it, and tell every holder.

    Dates, groups and links follow from the fact as from any other.
    """
    if not decided:
        return
    gone = [each for each, _ in decided]
    refs = await unlinks.refs_of(connection, [each.root for each in gone])
    await insert_facts(connection, [_fact(each, refs[each.root], today, now) for each in gone], now)
    notices = [_notice(each, refs[each.root], today, now) for each in gone]
    log_ids = await put(connection, await traced(connection, notices, [(each.record_uid,) for each in gone]), now)
    rows = [
        (each.disposal_id, each.up_to, _proof(pack, each, decision, now), log_id)
        for (each, decision), log_id in zip(decided, log_ids, strict=True)
    ]
    await unlinks.executed(connection, rows, today, now)
    keys = sorted({each.record_key for each in gone})
    await marks.mark_with_persons(connection, keys, [])
    await moved(connection, "unlinked", keys, None, now)


def _fact(each: Asked, refs: Sequence[UUID], today: date, now: datetime) -> NewFact:
    uid = unlinked_uid(each.disposal_id)
    return made_here(unlinked_fact(uid, each.record_key, today, refs, each.up_to), now, record_key=each.record_key)


def _notice(each: Asked, refs: Sequence[UUID], today: date, now: datetime) -> Entry:
    event = LinkEnded(each.disposal_id, each.record_uid, each.review_id, tuple(refs), each.up_to, now, today)
    return Entry(DISPOSALS, str(each.record_uid), event.type, each.record_uid, 1, encode(event))


def _proof(pack: Pack, each: Asked, decision: Decision, now: datetime) -> str:
    """Give what the certificate will say, as JSON: of the person the group and dates, of the record the rest."""
    found: dict[str, Any] = msgspec.json.decode(each.proof)
    decided = {"decided_by": decision.decided_by, "approved_by": decision.approved_by}
    checked = {"pack_executed": pack.hash, "holds_checked_at": now, "holds_found": 0}
    return msgspec.json.encode({**found, **decided, **checked}).decode()


async def abort(connection: Connection, order: UUID, by: str, reason: str, now: datetime) -> bool:
    """End a cooling order to unlink for a reason, and ask for a review of the person; says whether there was one."""
    aborted = await unlinks.abort(connection, order, by, reason, now)
    if aborted is None:
        return False
    record_key, person = aborted
    await wanted.want_persons(connection, [person], "order_aborted", now)
    await moved(connection, "unlink_aborted", [record_key], by, now)
    return True
