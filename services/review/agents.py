"""Events in: each batch is taken in one transaction."""

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any
from uuid import UUID

import msgspec

from services.review.actions.taking import take_cards, take_disposals, take_reviews, take_unlinkings
from services.review.storage.cards import Card
from shared.batches import Batch
from shared.clock import wall_clock
from shared.db import Connection
from shared.dead_letters import park
from shared.events import (
    DISPOSALS,
    POLICIES,
    REGISTERED,
    REVIEWS,
    DisposalExecuted,
    Event,
    LinkEnded,
    NominalRegistered,
    RecordRegistered,
    ReviewRequested,
    ReviewWithdrawn,
)
from shared.ids import nominal_ref
from shared.in_force import take_policies
from shared.keys import Keys
from shared.reading import read_events
from shared.tracing import by_subject, came_sampled
from shared.trails import follow
from shared.worker import Worker

_SHOWN = ("source_system", "record_type", "unit", "offences", "occurred_on", "reported_at", "recorded_at", "created_on")
_REQUESTS: Mapping[str, type[Event]] = {each.type: each for each in (ReviewRequested, ReviewWithdrawn)}
_DISPOSALS: Mapping[str, type[Event]] = {each.type: each for each in (DisposalExecuted, LinkEnded)}
_CARDS: Mapping[str, type[Event]] = {each.type: each for each in (RecordRegistered, NominalRegistered)}


def attach(worker: Worker) -> None:
    """Register what review reads."""
    worker.read(
        {
            REGISTERED: partial(registered, worker.keys),
            REVIEWS: partial(reviews, worker.keys),
            DISPOSALS: partial(disposals, worker.keys),
            POLICIES: partial(take_policies, worker.keys),
        },
        unhurried=True,
    )


async def registered(keys: Keys, connection: Connection, batch: Batch) -> None:
    """Keep a card of each record and nominal."""
    found, letters = read_events(batch, _CARDS)
    await take_cards(connection, cards_of([each for each in found if isinstance(each, _CARD_TYPES)]))
    await park(connection, keys, batch, letters, wall_clock())


async def reviews(keys: Keys, connection: Connection, batch: Batch) -> None:
    """Make, replace and withdraw tasks."""
    found, letters = read_events(batch, _REQUESTS)
    asked = [each for each in found if isinstance(each, _REQUEST_TYPES)]
    if came_sampled():
        await follow(connection, by_subject(batch.records), wall_clock())
    await take_reviews(connection, asked, wall_clock())
    await park(connection, keys, batch, letters, wall_clock())


async def disposals(keys: Keys, connection: Connection, batch: Batch) -> None:
    """Destroy what review holds of what is disposed of, unlink who went from a record, and answer for both."""
    found, letters = read_events(batch, _DISPOSALS)
    executed = [each for each in found if isinstance(each, DisposalExecuted)]
    ended = [each for each in found if isinstance(each, LinkEnded)]
    await take_unlinkings(connection, ended, keys, wall_clock(), dict(by_subject(batch.records)))
    await take_disposals(connection, executed, keys, wall_clock(), dict(by_subject(batch.records)))
    await park(connection, keys, batch, letters, wall_clock())


_CARD_TYPES = (RecordRegistered, NominalRegistered)
_REQUEST_TYPES = (ReviewRequested, ReviewWithdrawn)


def cards_of(events: Iterable[RecordRegistered | NominalRegistered]) -> list[Card]:
    """Fold registered events into one card per subject: the highest sequence's facts, everybody's staff and links."""
    folded: dict[UUID, Card] = {}
    for event in sorted(events, key=lambda each: each.sequence):
        card = _record_card(event) if isinstance(event, RecordRegistered) else _nominal_card(event)
        before = folded.get(card.card_id)
        folded[card.card_id] = card if before is None else _merged(before, card)
    return list(folded.values())


def _merged(before: Card, card: Card) -> Card:
    facts = card.facts
    # A withdrawal: the state stays shown. A nominal: each source has its own.
    if card.kind == "nominal" or "record_type" not in msgspec.json.decode(facts):
        facts = _json(msgspec.json.decode(before.facts) | msgspec.json.decode(facts))
    return Card(card.card_id, card.kind, card.sequence, facts, before.staff + card.staff, before.links + card.links)


def _record_card(event: RecordRegistered) -> Card:
    if event.state is None:
        return Card(event.record_id, "record", event.sequence, _json({"withdrawn": True}))
    state = event.state
    links = tuple(
        (
            nominal_ref(str(link["nominal_source"]), str(link["nominal_id"])),
            str(link.get("role", "other")),
            event.sequence,
        )
        for link in _tables(state.get("links"))
        if "nominal_source" in link and "nominal_id" in link
    )
    staff = tuple(
        (str(each["staff_id"]), str(each.get("role", "other")))
        for each in _tables(state.get("officers"))
        if each.get("staff_id")
    )
    facts = {"record_type": None} | {name: state[name] for name in _SHOWN if state.get(name) is not None}
    return Card(event.record_id, "record", event.sequence, _json(facts | {"source": event.source}), staff, links)


def _nominal_card(event: NominalRegistered) -> Card:
    staff_id = event.state.get("staff_id")
    staff = ((str(staff_id), "nominal"),) if staff_id else ()
    facts = {event.source: {"sequence": event.sequence, "flags": event.state.get("flags") or []}}
    return Card(event.nominal_ref, "nominal", event.sequence, _json(facts), staff)


def _tables(value: object) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _json(facts: Mapping[str, Any]) -> str:
    return msgspec.json.encode(facts).decode()
