"""Which policy pack everybody goes by."""

from datetime import date
from typing import ClassVar

from shared.events.event import Event
from shared.events.words import Digest


class PolicyActivated(Event, frozen=True):
    """A pack came into force: its text, by which intake and review go from then on; the highest version counts."""

    type: ClassVar[str] = "tenure.policy.activated.v1"

    pack: Digest
    effective_on: date
    in_force_on: date
    text: str
    version: int
