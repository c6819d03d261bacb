"""Looking at records: what professional standards are told of, and what stands in the ledger alone."""

from datetime import datetime
from typing import ClassVar, Literal
from uuid import UUID

import msgspec

from shared.events.event import Event
from shared.events.words import Actor, Code


class AccessAlerted(Event, frozen=True):
    """A view, or an attempt at one, that professional standards look into; told again when the alert is closed."""

    type: ClassVar[str] = "tenure.access.alerted.v1"

    alert_id: UUID
    record_id: UUID
    actor: Actor
    kind: Literal["sensitive", "screened", "burst", "off_shift", "many_viewers"]
    state: Literal["open", "closed"]
    outcome: Literal["justified", "not_justified", "referred"] | None
    at: datetime
    version: int


class Step(msgspec.Struct, frozen=True):
    """Who did what about looking at records; of an access review or a mark of sensitivity."""

    done: Literal["marked", "unmarked", "opened", "answered", "concluded"]
    subject: UUID
    by: Actor
    outcome: Code | None
    at: datetime
    version: int
