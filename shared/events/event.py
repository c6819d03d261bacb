"""What every event is: a frozen value that writes itself as JSON."""

from typing import ClassVar

import msgspec

encode = msgspec.json.Encoder(order="deterministic").encode


class Event(msgspec.Struct, frozen=True, omit_defaults=False):
    """One thing that happened to one subject; `type` names it, with its major version."""

    type: ClassVar[str]
