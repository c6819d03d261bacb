"""Real time, and the civil day that policy goes by."""

import time
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from shared.db import Connection, driver


def wall_clock() -> datetime:
    """Give the real instant, in UTC: for leases, tokens, heads and what a row was stored at."""
    return datetime.now(UTC)


def monotonic() -> float:
    """Give seconds that never step back: for waits."""
    return time.monotonic()


async def policy_day(connection: Connection, now: datetime, zone: ZoneInfo) -> date:
    """Give today as policy sees it: the civil day of `now` in the pack's zone, moved by the rehearsal's offset."""
    raw = await driver(connection)
    days: int = await raw.fetchval("SELECT offset_days FROM clock")
    return now.astimezone(zone).date() + timedelta(days=days)
