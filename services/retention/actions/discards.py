"""Discards of quarantined events: ordered as intake asks, judged and carried out behind the gate, certified."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from services.retention.domain.lifecycle import Refusal
from services.retention.storage import discards, disposals, orders
from services.retention.storage.discards import Discard
from services.retention.storage.disposals import Gone
from services.retention.storage.orders import Closed
from shared.db import Connection
from shared.events import (
    DISPOSALS,
    CertificateIssued,
    DiscardRefused,
    DiscardRequested,
    DisposalExecuted,
    encode,
)
from shared.ids import disposal_id
from shared.keys import Keys
from shared.log import Entry, put
from shared.policy import Pack

CAUSE = "discard"
HELD = "held"


async def order(
    connection: Connection, pack: Pack, requests: Iterable[DiscardRequested], today: date, now: datetime
) -> None:
    """Open an order for each request; one that came before changes nothing."""
    days = (today, today + timedelta(days=pack.quarantine.cooling_off_days))
    for asked in requests:
        await discards.order(connection, asked, disposal_id(asked.receipt_id, CAUSE, asked.attempt), days, now)


async def judge(connection: Connection, ids: Sequence[UUID]) -> dict[UUID, tuple[Discard, Refusal | None]]:
    """Judge claimed discards behind the gate: no hold, and two people."""
    if not ids:
        return {}
    asked = await discards.read(connection, ids)
    held = await discards.covered(connection, asked)
    return {each.disposal_id: (each, _verdict(each, each.disposal_id in held)) for each in asked}


def _verdict(asked: Discard, held: bool) -> Refusal | None:
    if held:
        return Refusal(HELD)
    return Refusal("same_person") if asked.proposed_by == asked.approved_by else None


async def close(
    connection: Connection,
    pack: Pack,
    judged: Mapping[UUID, tuple[Discard, Refusal | None]],
    today: date,
    now: datetime,
) -> None:
    """Write down what went and tell every holder; tell intake what may not go, and why."""
    gone = [asked for asked, refusal in judged.values() if refusal is None]
    if gone:
        log_ids = await put(connection, [_notice(each, today, now) for each in gone], now)
        proofs = [_proof(pack, each, now) for each in gone]
        rows = [
            Gone(each.disposal_id, None, 0, proof, log_id)
            for each, proof, log_id in zip(gone, proofs, log_ids, strict=True)
        ]
        await disposals.insert_disposals(connection, rows, now, today)
    refused = {asked: refusal.why for asked, refusal in judged.values() if refusal}
    await _tell(connection, refused, now)


def _notice(asked: Discard, today: date, now: datetime) -> Entry:
    event = DisposalExecuted(asked.disposal_id, asked.receipt_id, None, 0, now, today, "arrival")
    return Entry(DISPOSALS, str(asked.receipt_id), event.type, asked.receipt_id, 1, encode(event))


def _proof(pack: Pack, asked: Discard, now: datetime) -> dict[str, Any]:
    return {
        "reason": asked.reason,
        "decided_by": asked.proposed_by,
        "approved_by": [asked.approved_by],
        "pack_executed": pack.hash,
        "holds_checked_at": now,
        "holds_found": 0,
    }


async def _tell(connection: Connection, refused: Mapping[Discard, str], now: datetime) -> None:
    entries = []
    for asked, why in refused.items():
        event = DiscardRefused(asked.disposal_id, asked.receipt_id, why, now)
        key = str(asked.receipt_id)
        entries.append(Entry(DISPOSALS, key, event.type, asked.receipt_id, 1, encode(event)))
    await put(connection, entries, now)


async def aborted(connection: Connection, disposal: UUID, now: datetime) -> None:
    """Tell intake that somebody ended a discard's order in its cooling-off."""
    await _tell(connection, dict.fromkeys(await discards.read(connection, [disposal]), "aborted"), now)


async def drop_held(connection: Connection, now: datetime) -> None:
    """Drop the cooling discards that a hold covers: the check at execution makes it true, this shows it at once."""
    asked = await discards.read(connection, await discards.cooling(connection))
    held = await discards.covered(connection, asked) if asked else set()
    dropped = [each for each in asked if each.disposal_id in held]
    if dropped:
        await orders.close(connection, [Closed(each.disposal_id, "dropped", HELD, None) for each in dropped], now)
        await _tell(connection, dict.fromkeys(dropped, HELD), now)


async def certificate(
    connection: Connection, keys: Keys, executed: Mapping[str, Any], irrecoverable_from: datetime
) -> CertificateIssued:
    """Give what remains of a discarded event: who decided it and why, never what it said."""
    [asked] = await discards.read(connection, [executed["disposal_id"]])
    proof = executed["proof"]
    return CertificateIssued(
        disposal_id=asked.disposal_id,
        record_ref=keys.reference(str(asked.receipt_id)),
        record_type=asked.record_types[0] if asked.record_types else "unknown",
        class_title="quarantined event",
        first_on=asked.first_on,
        last_on=asked.last_on,
        items=1,
        versions=0,  # It was never taken in.
        medium="digital",
        group=None,
        authority="none",
        rule=f"{CAUSE}:{proof['reason']}",
        pack=proof["pack_executed"],
        clock_basis=(asked.event_uid,),
        keep_until=None,
        keep_year=None,
        holds_ever=tuple(await discards.ever_covered(connection, asked, executed["executed_at"])),
        holds_checked_at=datetime.fromisoformat(proof["holds_checked_at"]),
        holds_found=proof["holds_found"],
        decision_id=None,
        decided_by=proof["decided_by"],
        approved_by=tuple(proof["approved_by"]),
        method="cryptographic_erasure",
        executed_at=executed["executed_at"],
        irrecoverable_from=irrecoverable_from,
        exclusions=(),
        state="shredded",
        version=1,
    )
