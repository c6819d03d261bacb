"""Events taken in: cards, requests for reviews, and disposals whose copies here must go."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from services.review import domain
from services.review.domain import Task
from services.review.storage import cards, tasks, unlinkings, work
from services.review.storage.cards import Card
from shared.db import Connection
from shared.epochs import current, hanging_on
from shared.events import (
    CONFIRMATIONS,
    CORRECTIONS,
    TASKS,
    CorrectionRequested,
    DisposalConfirmed,
    DisposalExecuted,
    LinkEnded,
    ReviewRequested,
    ReviewWithdrawn,
    TaskChanged,
    encode,
)
from shared.keys import Keys
from shared.log import Entry, put
from shared.trails import along, end, traced

HOLDER = "review"
LINKS = ("links",)  # What upstream is asked to correct.


async def take_cards(connection: Connection, found: Sequence[Card]) -> None:
    """Keep what was registered; of one subject the highest sequence counts."""
    if found:
        await cards.keep(connection, found)


async def take_reviews(
    connection: Connection, events: Sequence[ReviewRequested | ReviewWithdrawn], now: datetime
) -> None:
    """Make, replace or withdraw tasks; an event that changes nothing is put nowhere."""
    ids = {event.review_id for event in events}
    held = await tasks.lock(connection, ids)
    early = await tasks.withdrawn_early(connection, ids - held.keys())
    changed: dict[UUID, Task] = {}
    unknown: dict[UUID, int] = {}
    for event in events:
        task = held.get(event.review_id)
        fresh = _fold(task, event, early.get(event.review_id, 0))
        if fresh is not None:
            held[event.review_id] = changed[event.review_id] = fresh
        elif task is None and isinstance(event, ReviewWithdrawn):
            early[event.review_id] = unknown[event.review_id] = event.version
    if unknown:
        await tasks.keep_early(connection, unknown)
    if changed:
        await tasks.store(connection, list(changed.values()), now)
        about = [(task.request.subject,) for task in changed.values()]
        await put(connection, await traced(connection, [announce(task) for task in changed.values()], about), now)


def _fold(task: Task | None, event: ReviewRequested | ReviewWithdrawn, early: int) -> Task | None:
    if isinstance(event, ReviewRequested):
        return None if task is None and event.version <= early else domain.requested(task, event)
    return None if task is None else domain.withdrawn(task, event.version)


async def take_disposals(
    connection: Connection, events: Sequence[DisposalExecuted], keys: Keys, now: datetime, traces: Mapping[str, str]
) -> None:
    """Destroy what review holds of each disposal, and answer for it once, signed, under the trace it came with."""
    answers = []
    for event in events:
        gone = await work.erase(connection, event.disposal_id, event.record_id, event.review_id, now)
        if gone is not None:
            answers.append(_confirm(event, gone, keys, now, await current(connection)))
    await put(connection, along(answers, traces), now)
    await end(connection, [event.record_id for event in events])


async def take_unlinkings(
    connection: Connection, events: Sequence[LinkEnded], keys: Keys, now: datetime, traces: Mapping[str, str]
) -> None:
    """Forget the links of persons who went from records, answer once, and ask upstream for states without them."""
    entries = []
    for event in events:
        asked = await unlinkings.keep(connection, event, now)
        if asked is None:
            continue
        said = DisposalConfirmed(event.disposal_id, event.record_id, HOLDER, "unlinked", 0, now)
        entries.append(_signed(said, keys))
        if asked:
            entries.append(_correction(event, now))
    await put(connection, along(entries, traces), now)


def _correction(event: LinkEnded, now: datetime) -> Entry:
    asked = CorrectionRequested(event.disposal_id, event.record_id, LINKS, event.nominals, event.sequence, now)
    return Entry(CORRECTIONS, str(event.record_id), asked.type, event.disposal_id, 1, encode(asked))


def _confirm(event: DisposalExecuted, gone: int, keys: Keys, now: datetime, newest: tuple[int, datetime]) -> Entry:
    bare = DisposalConfirmed(event.disposal_id, event.record_id, HOLDER, "erased", gone, now)
    return _signed(hanging_on(bare, newest), keys)


def _signed(bare: DisposalConfirmed, keys: Keys) -> Entry:
    signed = msgspec.structs.replace(bare, signature=keys.ledger.sign(bare.signed()).hex())
    return Entry(CONFIRMATIONS, str(bare.record_id), signed.type, bare.disposal_id, 1, encode(signed))


def announce(task: Task) -> Entry:
    """Make the event that says where a task stands, in codes."""
    asked = task.request
    covers = tuple(member.record_id for member in asked.records)
    due_on = asked.due_on.replace(month=12, day=31) if asked.by_age else asked.due_on
    stands = (task.state, task.assignee, due_on, None, task.version)
    changed = TaskChanged(task.task_id, asked.review_id, *stands, covers)
    return Entry(TASKS, str(task.task_id), changed.type, task.task_id, task.version, encode(changed))
