"""What intake measures of itself: its account, and what waits in quarantine; by index, up to a bound."""

from datetime import date, datetime

from services.intake.storage.workplace import recent
from shared.db import Connection, driver
from shared.measuring import age
from shared.metrics import (
    ACCESS_ALERTS,
    ACCESS_ALERTS_OLDEST,
    ARRIVALS,
    COUNTED_MAX,
    QUARANTINE,
    QUARANTINE_OLDEST,
    Reading,
)

# By source, for the account's key begins with it; there are few.
_ACCOUNT = """
SELECT a.outcome, sum(a.n)::bigint AS n FROM source s CROSS JOIN LATERAL (
    SELECT outcome, n FROM account WHERE source_key = s.source_key AND received_on >= $1) a GROUP BY 1"""
WAITING = f"""
SELECT (SELECT count(*) FROM (SELECT FROM quarantine WHERE state = 'open' LIMIT {COUNTED_MAX}) q) AS n,
    (SELECT first_seen FROM quarantine WHERE state = 'open' ORDER BY first_seen, arrival_key LIMIT 1) AS since"""
_ALERTS = f"""
SELECT (SELECT count(*) FROM (SELECT FROM access_alert WHERE state = 'open' LIMIT {COUNTED_MAX}) q) AS n,
    (SELECT min(at) FROM access_alert WHERE state = 'open') AS since"""
OUTCOMES = ("accepted", "duplicate", "superseded", "quarantined", "unreadable", "forbidden")


async def read(connection: Connection, since: date, now: datetime) -> list[Reading]:
    """Give the arrivals received since a day by outcome, and what waits in quarantine."""
    raw = await driver(connection)
    account = dict.fromkeys(OUTCOMES, 0) | {row["outcome"]: row["n"] for row in await raw.fetch(_ACCOUNT, since)}
    waiting = await raw.fetchrow(WAITING)
    alerts = await raw.fetchrow(_ALERTS)
    assert waiting is not None, "a query without FROM gives one row"
    assert alerts is not None, "a query without FROM gives one row"
    return [
        *(Reading(ARRIVALS, n, (outcome,)) for outcome, n in account.items()),
        Reading(QUARANTINE, waiting["n"]),
        Reading(QUARANTINE_OLDEST, age(now, waiting["since"])),
        *await recent(connection, now),
        Reading(ACCESS_ALERTS, alerts["n"]),
        Reading(ACCESS_ALERTS_OLDEST, age(now, alerts["since"])),
    ]
