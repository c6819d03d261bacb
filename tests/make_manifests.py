"""Manifests with boring defaults, and what intake says of them."""

from datetime import timedelta
from hashlib import sha256

import msgspec

from services.intake.actions.accounts import roll_up
from services.intake.actions.manifests import reconcile
from tests.make_arrivals import CRIME, DESK, NOW, event, rows, take

LONG_AFTER = NOW + timedelta(days=1)
DAY = "2022-08-02"  # The day of `time` in `event`.


def manifest(*ids, named=True, id_="m1", time="2022-08-03T00:30:00Z", source=CRIME, **changes):
    """A manifest of 2 August 2022 that names these ids, or only counts them."""
    data = {
        "source_system": "crime",
        "from": DAY,
        "to": DAY,
        "count": len(ids),
        "digest": sha256("\n".join(sorted(ids)).encode()).hexdigest(),
        **({"ids": list(ids)} if named else {}),
    }
    return event("tenure.manifest.published.v1", data | changes, id_, source=source, time=time)


async def settle(connection, now=LONG_AFTER):
    """Let the clock's work be done."""
    while await roll_up(connection, DESK):
        pass
    await reconcile(connection, DESK, now)


async def answers(connection):
    """Give (version, state, missing, extra, their counts) of all that was told of manifests."""
    found = await rows(
        connection,
        "SELECT payload FROM log WHERE type = 'tenure.manifest.reconciled.v1' ORDER BY abs(log_id)",
    )
    told = [msgspec.json.decode(payload) for (payload,) in found]
    return [
        (each["version"], each["state"], each["missing"], each["extra"], each["missing_count"], each["extra_count"])
        for each in told
    ]


__all__ = ["LONG_AFTER", "answers", "manifest", "settle", "take"]
