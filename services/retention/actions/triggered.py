"""Ask for the reviews that new information calls for: of a person, or of whoever decides about a record."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime

from services.retention.actions.reviews import Ask, request
from services.retention.domain.lifecycle import who_decides
from services.retention.storage import decisions, orders, reviews, wanted
from services.retention.storage.reviews import Covered, Subject
from services.retention.storage.wanted import Wanted
from shared.db import Connection
from shared.events import ReviewKind
from shared.policy import Pack

_OF_A_RECORD = frozenset({"withdrawn", "under_10"})  # No review of a person answers these: the record's own does.
_AT_INPUT: Mapping[str, ReviewKind] = {"under_10": "initial"}


async def triggered(
    connection: Connection, pack: Pack, wants: Sequence[Wanted], today: date, now: datetime
) -> set[Subject]:
    """Open or join the triggered reviews that are asked for; gives those done with: open now, or of no use any more."""
    asks: dict[Subject, Ask] = {}
    about = await _about(connection, pack, wants)
    for each, subjects in about.items():
        ask = Ask(_AT_INPUT.get(each.cause, "triggered"), each.cause)
        asks |= {subject: asks.get(subject, ask) for subject in subjects}
    open_now = set(await request(connection, pack, asks, today, now))
    waiting = {each.subject for each, subjects in about.items() if not open_now.issuperset(subjects)}
    return {each.subject for each in wants} - waiting


async def ask_again(connection: Connection, record_keys: Iterable[int], why: str, now: datetime) -> None:
    """Have whoever decided about records look again: what they decided on has changed, and nothing else asks them."""
    keys = sorted(record_keys)
    await decisions.lapse_deciders(connection, keys, why)
    await wanted.want(connection, keys, "basis_changed", now)


async def _about(connection: Connection, pack: Pack, wants: Sequence[Wanted]) -> dict[Wanted, tuple[Subject, ...]]:
    """Find whose review each of these asks for: a person's, or of a record everyone's who decides about it."""
    keys = {each.subject[1] for each in wants if each.subject[0] == "record"}
    shown = await reviews.schedules(connection, keys)
    offenders = await orders.offenders_of(connection, sorted(keys))
    carry = await reviews.members(connection, {each.subject for each in wants if each.subject[0] == "nominal"})
    carried = await reviews.schedules(connection, {key for its in carry.values() for key in its.records})
    about: dict[Wanted, tuple[Subject, ...]] = {}
    for each in wants:
        kind, key = each.subject
        if kind == "nominal":
            its = carry.get(each.subject, Covered()).records
            if any(not carried[one]["gone"] for one in its if one in carried):
                about[each] = (each.subject,)
        elif key in shown and not shown[key]["gone"]:
            alone = each.cause in _OF_A_RECORD or shown[key]["row_id"] is None
            deciders = who_decides(pack, shown[key]["row_id"], key, offenders.get(key, ()))
            about[each] = (each.subject,) if alone else deciders
    return about
