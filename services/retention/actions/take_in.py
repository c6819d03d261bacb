"""Keep facts and mark what they touch; facts known already change nothing."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from services.retention.actions.lately import Lately
from services.retention.domain import Fact, of_person, on_date_of, read_said
from services.retention.storage import facts as stored
from services.retention.storage import marks, parked
from services.retention.storage.facts import NewFact
from shared.db import Connection
from shared.events import (
    DiscardRequested,
    EventParked,
    EventResolved,
    FactRegistered,
    NominalRegistered,
    RecordRegistered,
    Watermark,
)
from shared.ids import nominal_ref
from shared.policy import Pack

Registered = RecordRegistered | NominalRegistered | FactRegistered
News = EventParked | EventResolved | DiscardRequested | Watermark

_encode = msgspec.json.Encoder(order="deterministic").encode


class Fresh(NamedTuple):
    """A fact on its way in, and the nominals that its record names."""

    event: Registered
    kind: str
    canonical: bytes
    on_date: date | None = None
    persons: tuple[UUID, ...] = ()
    files: tuple[UUID, ...] = ()

    @property
    def record(self) -> UUID | None:
        """The record it is about; a trigger that names a nominal too is about the record."""
        return getattr(self.event, "record_id", None)

    @property
    def nominal(self) -> UUID | None:
        """The nominal it is about."""
        return getattr(self.event, "nominal_ref", None) if self.record is None else None

    @property
    def other(self) -> UUID | None:
        """The nominal that a merge or a distinction is about as well."""
        return getattr(self.event, "other_ref", None) if self.record is None else None

    @property
    def makes_known(self) -> bool:
        """Whether by this its subject has come, and is not only named."""
        event = self.event
        return isinstance(event, NominalRegistered) or (isinstance(event, RecordRegistered) and event.state is not None)

    @property
    def withdraws(self) -> UUID | None:
        """The event it takes back."""
        return getattr(self.event, "withdraws", None)


def fresh(event: Registered, pack: Pack, lately: Lately | None = None) -> Fresh:
    """Make the fact that an event is, or raise `ValueError`: what cannot be derived from must not come in.

    A fact that broke settling would break it for ever, for its mark stays. What a state says is kept `lately`.
    """
    canonical = _canonical(event)
    if isinstance(event, RecordRegistered):
        of = (event.event_uid, "record_state", 0, canonical, event.sequence)
        found = (lately or Lately()).keep(Fact(*of, received_on=event.received_on), pack)
        persons = tuple(nominal_ref(*nominal) for nominal in found.gives) if found else ()
        files = tuple(found.ties.files) if found else ()
        return Fresh(event, "record_state", canonical, None, persons, files)
    if isinstance(event, NominalRegistered):
        of_person([Fact(event.event_uid, "nominal_state", 0, canonical)], None, None, pack)
        return Fresh(event, "nominal_state", canonical)
    if event.record_id is None and event.nominal_ref is None:
        raise ValueError("A fact must name its record or its nominal.")
    if event.kind in ("merged", "distinguished"):
        read_said([Fact(event.event_uid, event.kind, "", canonical)])
    return Fresh(event, event.kind, canonical, None if event.kind == "withdrawal" else on_date_of(canonical, pack))


def _canonical(event: Registered) -> bytes:
    """Give an event's bytes, the same however often it comes: without its version and when it was known."""
    subject: UUID | None
    data: dict[str, Any]
    if isinstance(event, RecordRegistered):
        subject = event.record_id
        data = {"change": event.change, "source_system": event.source_system, "state": event.state}
    elif isinstance(event, NominalRegistered):
        subject, data = event.nominal_ref, {"state": event.state}
    else:
        subject = event.record_id or event.nominal_ref
        data = {"kind": event.kind, "withdraws": event.withdraws, "data": event.data}
    head = {"type": event.type, "source": event.source, "subject": subject}
    return _encode({**head, "time": event.time, "sequence": event.sequence, "data": data})


async def take_in(connection: Connection, facts: Sequence[Fresh], now: datetime) -> list[int]:
    """Keep facts and mark their subjects, known or not, and everyone on their records; gives the marks' ids.

    A withdrawal carries the subject of what it withdraws: that is marked, whichever of the two comes first.
    """
    record_keys, nominal_keys = await stored.keys(connection, _records_in(facts), _nominals_in(facts))
    records, nominals = record_keys.of, nominal_keys.of
    rows = [_row(each, records, nominals) for each in facts]
    pairs = {(records[each.record], nominals[ref]) for each in facts if each.record for ref in each.persons}
    new = await stored.insert_facts(connection, rows, now, pairs)
    await _note_early(connection, facts, record_keys, nominal_keys, now)
    kept = [row for row in rows if row.event_uid in new]
    # A file must not go while a part of it has not been worked in.
    files = {records[uid] for each in facts if each.event.event_uid in new for uid in each.files}
    return await marks.mark_with_persons(
        connection,
        {row.record_key for row in kept if row.record_key is not None} | files,
        await _persons_of(connection, kept),
    )


async def _persons_of(connection: Connection, kept: Sequence[NewFact]) -> set[int]:
    """Give whom facts are about: a merge and its undoing are about both nominals."""
    persons = {key for row in kept for key in (row.nominal_key, row.other_key) if key is not None}
    undone = [row.withdraws for row in kept if row.kind == "unmerged" and row.withdraws]
    return persons | await stored.others_of(connection, undone) if undone else persons


async def _note_early(
    connection: Connection, facts: Sequence[Fresh], records: stored.Keys, nominals: stored.Keys, now: datetime
) -> None:
    """List those whom this batch is the first to name without bringing them."""
    if not records.made and not nominals.made:
        return
    came = {each.record or each.nominal for each in facts if each.makes_known}
    linked = {ref for each in facts for ref in each.persons}
    named = {ref for each in facts for ref in (each.nominal, each.other) if ref}
    early_records = [records.of[uid] for uid in records.made - came]
    early_nominals = [nominals.of[ref] for ref in (nominals.made & named) - came - linked]
    if early_records or early_nominals:
        await stored.note_early(connection, early_records, early_nominals, now)


def _records_in(facts: Iterable[Fresh]) -> set[UUID]:
    return {each.record for each in facts if each.record} | {uid for each in facts for uid in each.files}


def _nominals_in(facts: Iterable[Fresh]) -> set[UUID]:
    named = {ref for each in facts for ref in each.persons}
    return named.union(ref for each in facts for ref in (each.nominal, each.other) if ref)


def _row(each: Fresh, records: dict[UUID, int], nominals: dict[UUID, int]) -> NewFact:
    event = each.event
    return NewFact(
        event_uid=event.event_uid,
        kind=each.kind,
        record_key=records[each.record] if each.record else None,
        nominal_key=nominals[each.nominal] if each.nominal else None,
        sequence=event.sequence,
        on_date=each.on_date,
        withdraws=each.withdraws,
        known_at=event.known_at,
        received_on=event.received_on,
        canonical=each.canonical,
        other_key=nominals[each.other] if each.other else None,
    )


async def take_news(connection: Connection, news: Sequence[News]) -> None:
    """Note what waits in quarantine, what waits no longer, and how far intake's news has come."""
    waiting = [each for each in news if isinstance(each, EventParked)]
    await parked.park(connection, ((each.event_uid, each.subject, each.reason, each.at) for each in waiting))
    resolved = [each for each in news if isinstance(each, EventResolved)]
    await parked.resolve(connection, ((each.event_uid, each.subject, each.at) for each in resolved))
    await parked.advance(connection, ((each.partition, each.upto) for each in news if isinstance(each, Watermark)))
