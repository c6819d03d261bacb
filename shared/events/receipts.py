"""What anyone may hold against us: receipts, views, certificates, signed heads."""

from datetime import date, datetime
from typing import ClassVar
from uuid import UUID

import msgspec

from shared.events.event import Event


class Place(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where an event arrived: a partition's offset, or a request and index."""

    topic: str | None = None
    partition: int | None = None
    offset: int | None = None
    incarnation: str | None = None
    cluster: str | None = None
    request: str | None = None
    index: int | None = None


class Reason(msgspec.Struct, frozen=True):
    """Why something was refused: a code, where, and a sentence that never quotes the value."""

    code: str
    pointer: str
    sentence: str


class ReceiptIssued(Event, frozen=True):
    """What became of one arrival."""

    type: ClassVar[str] = "tenure.receipt.issued.v1"

    receipt_id: UUID
    arrival: Place
    source: str
    event_uid: UUID | None
    id: str | None
    outcome: str
    record_id: UUID | None
    reasons: tuple[Reason, ...]
    received_at: datetime
    names: UUID | None = None


class ContentViewed(Event, frozen=True):
    """Content of a record was shown to somebody, after this was logged."""

    type: ClassVar[str] = "tenure.content.viewed.v1"

    record_id: UUID
    actor: str
    purpose: str
    parts: tuple[str, ...]
    at: datetime
    version: int


class ContentRefused(ContentViewed, frozen=True):
    """Content was asked for and not shown."""

    type: ClassVar[str] = "tenure.content.refused.v1"


class CertificateIssued(Event, frozen=True):
    """What remains after disposal: proof without content."""

    type: ClassVar[str] = "tenure.certificate.issued.v1"

    disposal_id: UUID
    record_ref: str
    record_type: str
    class_title: str
    first_on: date | None
    last_on: date | None
    items: int
    versions: int
    medium: str
    group: str | None
    authority: str
    rule: str
    pack: str
    clock_basis: tuple[UUID, ...]
    keep_until: date | None
    keep_year: int | None
    holds_ever: tuple[UUID, ...]
    holds_checked_at: datetime
    holds_found: int
    decision_id: UUID | None
    decided_by: str | None
    approved_by: tuple[str, ...]
    method: str
    executed_at: datetime
    irrecoverable_from: datetime
    exclusions: tuple[str, ...]
    state: str
    version: int
    key_epochs: tuple[str, ...] = ()  # `irrecoverable_from` is planned until `tenure.epoch.ended.v1` was told of each.


class EpochEnded(Event, frozen=True):
    """An epoch's key is destroyed: what was wrapped under it is noise from now on, in every backup too.

    The addendum to each certificate that names the epoch; the signature is Ed25519 over `signed()`.
    """

    type: ClassVar[str] = "tenure.epoch.ended.v1"

    service: str
    epoch: int
    began_at: datetime
    ended_at: datetime
    destroyed_at: datetime
    signature: str = ""

    def signed(self) -> bytes:
        """Give the bytes that the signature is over; of the day the whole seconds since 1970."""
        return f"{self.service}\n{self.epoch}\n{int(self.destroyed_at.timestamp())}".encode()


class CheckpointSigned(Event, frozen=True):
    """The signed head of a service's ledger (RFC 9162 tree)."""

    type: ClassVar[str] = "tenure.checkpoint.signed.v1"

    service: str
    tree_size: int
    root: str
    at: datetime
    signature: str
