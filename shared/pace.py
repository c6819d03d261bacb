"""How fast a source of batches may go."""

from typing import Literal, NamedTuple

State = Literal["paused", "yielding", "sharing", "alone"]


class Pace(NamedTuple):
    """What a source may do now: batches of so many records, and so long a rest for each second that one took."""

    state: State
    room: int
    rest: float = 0.0
    upto: int | None = None  # How many it may have handed out in all before the next pace; None: any number.
