"""Holders' signed answers come in; intake's shreds the record, or ends the link, and issues the certificate."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from services.retention.actions import discards
from services.retention.actions.ledger import moved
from services.retention.actions.reviews import derivations
from services.retention.domain.facts import Fact, RecordState, newest, record_state
from services.retention.domain.unlinked import unlinked_uid
from services.retention.storage import disposals, key_epochs, orders, unlinks
from services.retention.storage.facts import facts_of_records, put_sealed
from services.retention.storage.holds import applied
from shared.db import Connection
from shared.events import CERTIFICATES, CertificateIssued, DisposalConfirmed, EpochEnded, encode
from shared.ids import salts
from shared.keys import Keys
from shared.log import Entry, draw, put
from shared.policy import Pack
from shared.topics import QUARTER, SEGMENT_INBOUND, SEGMENT_OTHER, TRANSIT_WINDOW
from shared.trails import end, traced

VAULT = "intake"
METHOD, UNLINKING = "cryptographic_erasure", "unlinking"
SEALED_TEXT = ("sealed_text",)  # What an unlinking leaves: the record's own text, which others need.
CERTIFICATES_KEPT = "tenure.certificates.kept.v1"
# The latest of the transit window's end and the dead letters' expiry; whole segments go, so one is added to each. The
# third is the planned end of the key epochs that the holders' older backups hang on, which is the pack's to say.
IRRECOVERABLE_AFTER: timedelta = max(TRANSIT_WINDOW + SEGMENT_INBOUND, QUARTER + SEGMENT_OTHER)

Holders = Mapping[str, Ed25519PublicKey]


class BadSignature(ValueError):
    """The answer is not signed by the holder that it names."""


def read_holders(keys: Path, services: tuple[str, ...] = ("intake", "review")) -> dict[str, Ed25519PublicKey]:
    """Read the public keys by which our own services' answers are checked; retention signs for nobody but itself."""
    holders = {}
    for service in services:
        key = load_pem_public_key((keys / f"ledger-{service}.pub").read_bytes())
        assert isinstance(key, Ed25519PublicKey), f"ledger-{service}.pub is an Ed25519 key"
        holders[service] = key
    return holders


def verify(answer: DisposalConfirmed, holders: Holders) -> bytes:
    """Give the signature of an answer, or raise `BadSignature`: unknown holders and wrong signatures alike."""
    try:
        signature = bytes.fromhex(answer.signature)
        holders[answer.holder].verify(signature, answer.signed())
    except (KeyError, ValueError, InvalidSignature):
        raise BadSignature(f"disposal {answer.disposal_id}: the answer's signature does not match") from None
    return signature


async def confirm(
    connection: Connection, keys: Keys, holders: Holders, pack: Pack, answer: DisposalConfirmed, now: datetime
) -> bool:
    """Keep a holder's answer; intake's shreds or unlinks, and issues the certificate. Says whether it was new.

    A disposal that retention never executed raises `LookupError`, a wrong signature `BadSignature`.
    """
    signature = verify(answer, holders)
    record = await disposals.read_executed(connection, answer.disposal_id)
    executed = record or await unlinks.read_executed(connection, answer.disposal_id)
    if executed is None or executed["record_uid"] != answer.record_id:
        raise LookupError("an answer about a disposal that was not executed")
    values = (answer.disposal_id, answer.holder, answer.answer, answer.bodies, answer.at, signature, now)
    if not await disposals.keep_confirmation(connection, (*values, answer.epoch, answer.epoch_began_at)):
        return False
    done = "erased" if record else "unlinked"
    if answer.holder == VAULT and answer.answer in (done, "never_had_it") and executed["state"] == "executed":
        await (_shredded if record else _unlinked)(connection, keys, pack, answer, executed, now)
    return True


async def epoch_ended(connection: Connection, holders: Holders, ended: EpochEnded) -> None:
    """Keep that a holder's epoch key is gone, and date what hung on it by that day; a wrong signature is refused."""
    try:
        holders[ended.service].verify(bytes.fromhex(ended.signature), ended.signed())
    except (KeyError, ValueError, InvalidSignature):
        raise BadSignature(f"epoch {ended.epoch} of {ended.service}: the signature does not match") from None
    if await key_epochs.keep_end(connection, ended.service, ended.epoch, ended.destroyed_at):
        await key_epochs.settle_dates(connection, ended.service, ended.epoch, IRRECOVERABLE_AFTER)


async def _shredded(
    connection: Connection,
    keys: Keys,
    pack: Pack,
    answer: DisposalConfirmed,
    executed: dict[str, Any],
    now: datetime,
) -> None:
    hangs_on = await key_epochs.of_disposal(connection, answer.disposal_id)
    planned = [each.began_at + timedelta(days=pack.vault.epoch_days) for each in hangs_on]
    irrecoverable_from = max([max(answer.at, executed["executed_at"]) + IRRECOVERABLE_AFTER, *planned])
    await disposals.shredded(connection, answer.disposal_id, irrecoverable_from)
    if executed["record_key"] is None:
        issued = await discards.certificate(connection, keys, executed, irrecoverable_from)
    else:
        moved_keys = await orders.move(connection, [executed["record_key"]], "shredded", None)
        await moved(connection, "shredded", moved_keys, None, now)
        issued = await _certificate(connection, keys, pack, executed, irrecoverable_from)
    issued = msgspec.structs.replace(issued, key_epochs=tuple(f"{each.holder}-epoch-{each.epoch}" for each in hangs_on))
    await _issue(connection, issued, answer.record_id, now)
    await end(connection, [answer.record_id])


async def _unlinked(
    connection: Connection,
    keys: Keys,
    pack: Pack,
    answer: DisposalConfirmed,
    executed: dict[str, Any],
    now: datetime,
) -> None:
    """Certify that nobody finds the person by this record any more: the record stays, and its sealed text with it.

    What it rests on is the fact by which the link ended: the ledger has it. The record's own clock is others'.
    """
    await unlinks.answered(connection, answer.disposal_id)
    gone_from = max(answer.at, executed["executed_at"]) + IRRECOVERABLE_AFTER  # No message that names them is left.
    issued = await _certificate(connection, keys, pack, executed, gone_from)
    ended = {"state": "unlinked", "method": UNLINKING, "exclusions": SEALED_TEXT}
    clock = (unlinked_uid(answer.disposal_id),)
    await _issue(connection, msgspec.structs.replace(issued, **ended, clock_basis=clock), answer.record_id, now)


async def _issue(connection: Connection, issued: CertificateIssued, record: UUID, now: datetime) -> None:
    """Keep a certificate, seal it in the ledger and publish it."""
    canonical, salt, log_id = encode(issued), salts(1)[0], await draw(connection)
    values = (issued.disposal_id, now, canonical, salt, log_id)
    await disposals.insert_certificate(connection, values)
    await put_sealed(connection, CERTIFICATES_KEPT, [(salt, canonical)], log_id, now)
    entry = Entry(CERTIFICATES, str(issued.disposal_id), issued.type, issued.disposal_id, issued.version, canonical)
    await put(connection, await traced(connection, [entry], [(record,)]), now)


async def _states(connection: Connection, key: int) -> tuple[list[Fact], list[RecordState]]:
    """Give a record's state facts, and what they told, the highest sequence last."""
    states = [fact for fact in (await facts_of_records(connection, [key]))[key] if fact.kind == "record_state"]
    in_order = sorted(states, key=lambda each: each.sequence)
    return states, [state for fact in in_order if (state := record_state(fact))]


async def _certificate(
    connection: Connection, keys: Keys, pack: Pack, executed: dict[str, Any], irrecoverable_from: datetime
) -> CertificateIssued:
    key, proof = executed["record_key"], executed["proof"]
    states, told = await _states(connection, key)
    reason = (await derivations(connection, pack, [key]))[key]
    clock = {UUID(uid) for step in reason["steps"] if step["code"] == "clock" for uid in step.get("facts", ())}
    class_id, row = proof["class_id"] or "", pack.rows.get(proof["row_ordered"])
    klass, last = pack.classes.get(class_id), newest(states)
    by_age, keep_until = proof["by_age"], proof["keep_until"]
    return CertificateIssued(
        disposal_id=executed["disposal_id"],
        record_ref=keys.reference(str(executed["record_uid"])),
        record_type=(told[-1].record_type if told else None) or "unknown",
        class_title=(klass.title if klass else "") or class_id,
        first_on=proof["first_on"],
        last_on=proof["last_on"],
        items=1,
        versions=len(states),
        medium="digital",
        group=proof["grp"],
        authority=(row.authority or row.regime) if row else "none",
        rule=proof["row_ordered"],
        pack=proof["pack_executed"],
        clock_basis=tuple(sorted(clock)) or ((last.event_uid,) if last else ()),
        keep_until=None if by_age else keep_until,
        keep_year=int(keep_until[:4]) if by_age and keep_until else None,
        holds_ever=tuple(await applied(connection, key, executed["known_at"], executed["executed_at"])),
        holds_checked_at=datetime.fromisoformat(proof["holds_checked_at"]),
        holds_found=proof["holds_found"],
        decision_id=executed["review_id"],
        decided_by=proof.get("decided_by"),
        approved_by=tuple(proof.get("approved_by", ())),
        method=METHOD,
        executed_at=executed["executed_at"],
        irrecoverable_from=irrecoverable_from,
        exclusions=(),
        state="shredded",
        version=1,
    )
