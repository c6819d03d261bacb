"""Events in: each batch is taken in one transaction, and its subjects are settled straight after."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from uuid import UUID
from weakref import WeakKeyDictionary

import msgspec

from services.retention.actions import discards
from services.retention.actions.lately import Lately
from services.retention.actions.take_in import Fresh, News, fresh, take_in, take_news
from services.retention.settler import Settler
from shared.batches import Batch, Handler
from shared.clock import policy_day, wall_clock
from shared.db import Connection
from shared.dead_letters import Letter, park
from shared.events import (
    REGISTERED,
    DiscardRequested,
    Event,
    EventParked,
    EventResolved,
    FactRegistered,
    NominalRegistered,
    RecordRegistered,
    Watermark,
)
from shared.ids import receipt_id
from shared.in_force import Packs
from shared.keys import Keys
from shared.policy import Pack
from shared.reading import header, read_messages
from shared.tracing import by_subject, came_sampled, carried
from shared.trails import follow
from shared.worker import Worker

_MODELS: Mapping[str, type[Event]] = {
    model.type: model
    for model in (
        *(RecordRegistered, NominalRegistered, FactRegistered),
        *(EventParked, EventResolved, DiscardRequested, Watermark),
    )
}
_FACTS = (RecordRegistered, NominalRegistered, FactRegistered)
_NEWS = (EventParked, EventResolved, DiscardRequested, Watermark)


class _Named(msgspec.Struct):
    """The subject that any message of the topic may name; whatever else it says need not be sound."""

    record_id: UUID | None = None
    nominal_ref: UUID | None = None


@dataclass(frozen=True, slots=True)
class Desk:
    """What taking facts in needs, and the marks that each batch in hand has made."""

    keys: Keys
    packs: Packs
    lately: Lately = field(default_factory=Lately)
    marks: WeakKeyDictionary[Batch, list[int]] = field(default_factory=WeakKeyDictionary)


def attach(worker: Worker, settler: Settler, more: Mapping[str, Handler]) -> None:
    """Register what retention reads; `more` are the topics of the lifecycle."""
    desk = Desk(worker.keys, worker.packs, settler.lately)

    async def after(batch: Batch) -> None:
        if any(each.sampled for each in carried(batch.records).traces):
            settler.announcer.remember(by_subject(batch.records))
        settler.take(desk.marks.pop(batch, ()))

    worker.read({REGISTERED: partial(registered, desk)}, after=after, behind=settler.behind)
    worker.read(more, unhurried=True)


async def registered(desk: Desk, connection: Connection, batch: Batch) -> None:
    """Keep the facts of one batch, and set aside what cannot be read or derived from."""
    now, pack = wall_clock(), await desk.packs.current(connection)
    facts, news, letters = read(batch, pack, desk.lately)
    desk.marks[batch] = await take_in(connection, facts, now)  # A try rolled back is overwritten.
    if came_sampled():
        await follow(connection, by_subject(batch.records), now)
    await take_news(connection, [*news, *parked(batch, letters, now)])
    if asked := [each for each in news if isinstance(each, DiscardRequested)]:
        await discards.order(connection, pack, asked, await policy_day(connection, now, pack.zone), now)
    await park(connection, desk.keys, batch, letters, now)


def read(batch: Batch, pack: Pack, lately: Lately | None = None) -> tuple[list[Fresh], list[News], list[Letter]]:
    """Part a batch into facts, news and dead letters."""
    facts: list[Fresh] = []
    news: list[News] = []
    events, letters = read_messages(batch, _MODELS)
    for message, event in events:
        if isinstance(event, _NEWS):
            news.append(event)
            continue
        assert isinstance(event, _FACTS), "the other models are facts"
        try:
            facts.append(fresh(event, pack, lately))
        except (ValueError, OverflowError, RecursionError, msgspec.MsgspecError):
            letters.append(Letter(message, "underivable"))
    return facts, news, letters


def parked(batch: Batch, letters: Sequence[Letter], now: datetime) -> list[EventParked]:
    """Keep the subjects of dead letters from disposal, as those of events in quarantine are."""
    return [
        EventParked(receipt_id(*batch.place_of(each.record), each.record.offset), subject, each.reason, now)
        for each in letters
        if (subject := _subject_of(each))
    ]


def _subject_of(letter: Letter) -> UUID | None:
    """Give whom a message is about: what it says itself, else its key, else what its headers say."""
    record, named = letter.record, _Named()
    if letter.reason != "defect":  # What ended the process before is not read again.
        with suppress(msgspec.MsgspecError, RecursionError):
            named = msgspec.json.decode(record.value or b"", type=_Named)
    said = (record.key or b"").decode("utf-8", "replace"), header(record.headers, "ce_subject")
    return named.record_id or named.nominal_ref or _uuid(said[0]) or _uuid(said[1])


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
