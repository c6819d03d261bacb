"""How much of intake's work a back-load may have: nothing while live events wait, a share beside them, else all."""

from typing import NamedTuple

from shared.pace import Pace

ALONE_RECORDS_MAX = 500  # Three such batches at most are in hand when a live event comes.
ALONE_UNDATED_MAX = 1_000  # Its schedule waits for these. With many more nothing is dated sooner, with fewer later.
BESIDE_RECORDS_MAX = 50  # An event that comes while such a batch is in hand waits for it.


class Limits(NamedTuple):
    """From where on live events lag, and what share a back-load has beside those that do not."""

    rows_max: int
    ms_max: int
    share_percent: int


# Until the first look at live events.
NOTHING = Pace("paused", 0)


class Live(NamedTuple):
    """How live events fare: what is unread, how long the oldest of all waits for its receipt, whether any come."""

    rows: int
    seconds: float
    coming: bool
    undated: int | None = 0
    """What was registered and waits for its schedule: a live event's waits behind a back-load's. None: nobody tells."""
    handed: int = 0
    """How many records of the back-load had been handed out when that was counted."""


def pace(live: Live, limits: Limits, *, paused: bool) -> Pace:
    """Say what a back-load may do now."""
    if paused:
        return Pace("paused", 0)
    if live.rows > limits.rows_max or live.seconds * 1000 > limits.ms_max:
        return Pace("yielding", 0)
    if (live.undated or 0) > (limits.rows_max if live.coming else ALONE_UNDATED_MAX):
        return Pace("yielding", 0)
    if live.coming:
        return beside(limits)
    if live.undated is None:
        return Pace("alone", ALONE_RECORDS_MAX)
    return Pace("alone", ALONE_RECORDS_MAX, upto=live.handed + ALONE_UNDATED_MAX - live.undated)


def beside(limits: Limits) -> Pace:
    """Give a back-load's pace while live events come and do not wait."""
    return Pace("sharing", BESIDE_RECORDS_MAX, 100 / limits.share_percent - 1)
