"""How long from report to record, and from record to receipt? Pure: no clock, no I/O."""

from datetime import datetime, timedelta

from shared.calendar_rules import instant_of

REPORTED, RECORDED = "reported_to_recorded", "recorded_to_received"
LAGS = (REPORTED, RECORDED)
UNTOLD, REVERSED = -1, -2  # Stored where seconds are: an instant was not sent; the later one lies before the earlier.
_SECONDS_IN_A_DAY = 86_400


def lags(
    reported_at: str | None, recorded_at: str | None, received_at: datetime | None
) -> tuple[int | None, int | None]:
    """Give whole seconds from report to record, and from record to receipt; None where an instant is not told.

    A record of a back-load has no receipt to speak of: it was recorded long before there was anybody to send it to.
    """
    if recorded_at is None:
        return None, None
    # The door has checked both: what is there is whole.
    recorded = instant_of(recorded_at)
    received = None if received_at is None else _whole(received_at - recorded)
    return None if reported_at is None else _whole(recorded - instant_of(reported_at)), received


def _whole(span: timedelta) -> int:
    return span.days * _SECONDS_IN_A_DAY + span.seconds
