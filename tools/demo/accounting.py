"""Both accounts: every event received is in one term, every record accepted is in one term."""

from collections import Counter

from tools.demo.estate import Estate
from tools.demo.so_far import SoFar

PLACES = ("accepted", "superseded", "duplicate", "quarantined", "discarded", "unreadable", "forbidden")
TERMS = ("disposed", "transferred", "held", "on_order", "active")
CAUGHT_UP_SECONDS_MAX = 120
_WHOLE = "/v1/reconciliation?limit=200"  # The story has a few sources and days.


def account(estate: Estate) -> tuple[Counter[str], Counter[str]]:
    """Give both accounts over all sources and days: events by outcome, records by how they stand."""
    found = estate.get("intake", _WHOLE, "D-AU1")
    events: Counter[str] = Counter()
    records: Counter[str] = Counter()
    for row in found["events"]:
        events.update({name: row[name] for name in ("received", *PLACES) if name in row})
    for row in found["records"]:
        records.update({name: row[name] for name in ("received", *TERMS)})
    return events, records


def by_source(estate: Estate) -> Counter[str]:
    """Count the events received from each source."""
    received: Counter[str] = Counter()
    for row in estate.get("intake", _WHOLE, "D-AU1")["events"]:
        received[row["source"]] += row["received"]
    return received


def add_up(estate: Estate, so_far: SoFar) -> None:
    """Tell both accounts at the end; prove that each adds up and says what was done."""
    tell, gone, held = estate.teller, len(so_far.gone), len(so_far.held)

    def caught_up() -> bool:
        _, records = account(estate)
        return (records["disposed"], records["held"], records["on_order"]) == (gone, held, 0)

    estate.wait(f"intake's account to show {gone:,} disposed and {held} held", CAUGHT_UP_SECONDS_MAX, caught_up)
    events, records = account(estate)
    terms = [name for name in PLACES if events[name]]
    tell.bars({name: events[name] for name in terms})
    tell.say("events:  " + f"{events['received']:,} received = " + " + ".join(f"{events[n]:,} {n}" for n in terms))
    tell.prove(events["received"] == sum(events[name] for name in PLACES), "the account of events adds up", events)
    parts = [name for name in records if name != "received"]
    tell.bars({name.replace("_", " "): records[name] for name in parts})
    tell.say("records: " + f"{records['received']:,} accepted = " + " + ".join(f"{records[n]:,} {n}" for n in parts))
    tell.prove(records["received"] == sum(records[n] for n in parts), "the account of records adds up", records)
    tell.prove(records["disposed"] == gone, f"{gone:,} disposed of, as many as were certified", records)
    tell.prove(records["held"] == held, f"{held} held, as many as the hold names", records)
