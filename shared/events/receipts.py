"""What anyone may hold against us: receipts, views, certificates, signed heads."""

from datetime import date, datetime
from typing import ClassVar
from uuid import UUID

import msgspec

from shared.events.event import Event
from shared.events.words import Actor, Code, Digest, EventId, Named, Pointer, Sentence, Signature, Source


class Place(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where an event arrived: a partition's offset, or a request and index."""

    topic: Named | None = None
    partition: int | None = None
    offset: int | None = None
    incarnation: Named | None = None
    cluster: Named | None = None
    request: Named | None = None
    index: int | None = None


class Reason(msgspec.Struct, frozen=True):
    """Why something was refused: a code, where, and a sentence that never quotes the value."""

    code: Code
    pointer: Pointer
    sentence: Sentence


class ReceiptIssued(Event, frozen=True):
    """What became of one arrival."""

    type: ClassVar[str] = "tenure.receipt.issued.v1"

    receipt_id: UUID
    arrival: Place
    source: Source
    event_uid: UUID | None
    id: EventId | None
    outcome: Code
    record_id: UUID | None
    reasons: tuple[Reason, ...]
    received_at: datetime
    names: UUID | None = None


class ContentViewed(Event, frozen=True):
    """Content of a record was shown to somebody, after this was logged."""

    type: ClassVar[str] = "tenure.content.viewed.v1"

    record_id: UUID
    actor: Actor
    purpose: Code
    parts: tuple[Named, ...]
    at: datetime
    version: int


class ContentRefused(ContentViewed, frozen=True):
    """Content was asked for and not shown."""

    type: ClassVar[str] = "tenure.content.refused.v1"


class CertificateIssued(Event, frozen=True):
    """What remains after disposal: proof without content."""

    type: ClassVar[str] = "tenure.certificate.issued.v1"

    disposal_id: UUID
    record_ref: Digest
    record_type: Named
    class_title: Named
    first_on: date | None
    last_on: date | None
    items: int
    versions: int
    medium: Code
    group: Code | None
    authority: Named
    rule: Code
    pack: Digest
    clock_basis: tuple[UUID, ...]
    keep_until: date | None
    keep_year: int | None
    holds_ever: tuple[UUID, ...]
    holds_checked_at: datetime
    holds_found: int
    decision_id: UUID | None
    decided_by: Actor | None
    approved_by: tuple[Actor, ...]
    method: Named
    executed_at: datetime
    irrecoverable_from: datetime
    exclusions: tuple[Code, ...]
    state: Code
    version: int
    key_epochs: tuple[Code, ...] = ()  # `irrecoverable_from` is planned until `tenure.epoch.ended.v1` was told of each.


class EpochEnded(Event, frozen=True):
    """An epoch's key is destroyed: what was wrapped under it is noise from now on, in every backup too.

    The addendum to each certificate that names the epoch; the signature is Ed25519 over `signed()`.
    """

    type: ClassVar[str] = "tenure.epoch.ended.v1"

    service: Code
    epoch: int
    began_at: datetime
    ended_at: datetime
    destroyed_at: datetime
    signature: Signature = ""

    def signed(self) -> bytes:
        """Give the bytes that the signature is over; of the day the whole seconds since 1970."""
        return f"{self.service}\n{self.epoch}\n{int(self.destroyed_at.timestamp())}".encode()


class CheckpointSigned(Event, frozen=True):
    """The signed head of a service's ledger (RFC 9162 tree)."""

    type: ClassVar[str] = "tenure.checkpoint.signed.v1"

    service: Code
    tree_size: int
    root: Digest
    at: datetime
    signature: Signature
