"""Years pass: dates fall due, people decide about people, and a hold wins over an order."""

from collections.abc import Set as AbstractSet
from datetime import date, timedelta
from typing import Any

from tools.demo import arriving, deciding, disposing, people
from tools.demo.disposing import COOLING_OFF, ORDERED_SECONDS_MAX, order_of, orders
from tools.demo.estate import Estate
from tools.demo.people import APPROVED, DISPOSED, HELD, LIFELONG, REPORT, RETAINED
from tools.demo.so_far import SoFar
from tools.demo.telling import shown

BEFORE_DUE = timedelta(days=3)

Ids = AbstractSet[str]


def falls_due(estate: Estate, class_id: str) -> set[str]:
    """Move the clock to a few days before the first of a class may go; gives those whose cooling-off has begun."""
    found = list(estate.pages("retention", "/v1/records", "records", class_=class_id, state="current"))
    first = min(date.fromisoformat(each["actionable_from"]) for each in found)
    day = first - BEFORE_DUE
    estate.teller.say(f"the first of {len(found):,} in {class_id} may go on {first:%-d %B %Y}, not a day earlier")
    estate.move_to(day)
    return {each["record_id"] for each in found if date.fromisoformat(each["open_on"]) <= day}


def pass_by(estate: Estate, so_far: SoFar) -> None:
    """Let the first undetected crimes fall due: orders by rule, in their cooling-off."""
    tell = estate.teller
    due = falls_due(estate, "crime.report.undetected")
    cooling: set[str] = estate.wait(
        f"{shown(len(due), 'order')} by rule",
        ORDERED_SECONDS_MAX,
        lambda: _these(orders(estate, state="cooling"), due),
    )
    tell.prove(
        cooling == due, f"{shown(len(due), 'order')} opened by the confirmed rule, and none besides", len(cooling)
    )
    gone = orders(estate, state="executed") + orders(estate, state="shredded")
    days = COOLING_OFF.days
    tell.prove(not gone, f"nothing is disposed of yet: each cools off for {days} days, to be looked at", len(gone))
    arriving.are_tried_again(estate)
    so_far.due = due


def _these(found: list[dict[str, Any]], wanted: Ids) -> set[str] | None:
    records = {each["record_id"] for each in found}
    return records if records >= wanted else None


def people_decide(estate: Estate, _: SoFar) -> None:
    """Let the reviewing officer decide about the five, and a second person approve where the group asks for one."""
    tell = estate.teller
    tasks = deciding.await_tasks(estate)
    kinds = ", ".join(f"{tasks[str(fate.nominal)]['kind']} {fate.group}" for fate in people.FATES)
    about = deciding.asked_about(estate)
    once = all(about.count(str(fate.nominal)) == 1 for fate in people.FATES)
    tell.prove(once, f"each of five suspects has one review over all their records: {kinds}", about)
    for fate in (RETAINED, LIFELONG):
        kept = deciding.decide(estate, tasks, fate, "retain")
        tell.prove(kept["state"] == "completed", f"D-RO1 retains {fate.words}", kept)
    for fate in (DISPOSED, HELD):
        done = deciding.decide(estate, tasks, fate, "dispose")
        tell.prove(done["state"] == "completed", f"D-RO1 decides to dispose of what names {fate.words}", done)
    waits = deciding.decide(estate, tasks, APPROVED, "dispose")
    claim = f"D-RO1 decides the same about {APPROVED.words}; group G2 asks for a second person"
    tell.prove(waits["state"] == "awaiting_approval", claim, waits)
    alone = deciding.approve(estate, waits, "D-RO2")
    tell.prove(alone.status == 403, f"another reviewing officer is not that person: {alone.refusal}", alone)
    agreed = deciding.approve(estate, waits, "D-HIM1")
    tell.prove(agreed.ok and agreed.body["state"] == "completed", "D-HIM1 approves", agreed)
    decided = [DISPOSED.record, REPORT, APPROVED.record, HELD.record]
    ordered = [order_of(estate, record, "cooling")["record_id"] for record in decided]
    claim = "four orders by decision cool off too, a shared suspect's intelligence report among them"
    tell.prove(ordered == [str(record) for record in decided], claim, ordered)
    later = estate.wait("the retained record's new date", 60, lambda: _re_dated(estate))
    tell.prove(later > estate.today(), f"the retained report is reviewed again on {later:%-d %B %Y}", later)


def _re_dated(estate: Estate) -> date | None:
    found = estate.schedule(RETAINED.record)
    if found is None or found["state"] != "current" or found["keep_until"] is None:
        return None
    until = date.fromisoformat(found["keep_until"])
    return until if until > estate.today() else None


def hold_wins(estate: Estate, so_far: SoFar) -> None:
    """Hold two records in their cooling-off, let the day come, and prove that they stayed while the others went."""
    tell = estate.teller
    so_far.held = {str(HELD.record), min(so_far.due)}
    ordered = so_far.due | {str(each) for each in (DISPOSED.record, REPORT, APPROVED.record, HELD.record)}
    in_flight = {each["record_id"] for each in orders(estate, state="cooling")}
    tell.prove(in_flight == ordered, f"{len(in_flight):,} orders are in flight, by rule and by decision", len(ordered))
    placed = _hold(estate, so_far.held)
    claim = "D-RM1 holds two of them; the answer means that it is in force, and came too late for none"
    tell.prove(placed["executed_unconfirmed"] == [], claim, placed)
    wanted = ordered - so_far.held
    disposing.day_comes(estate)
    gone = disposing.certified(estate, set(), wanted)
    tell.prove(gone == wanted, f"the day comes: {len(gone):,} records are shredded, each of those due", len(gone))
    for record in sorted(so_far.held):
        dropped = order_of(estate, record, "dropped")
        tell.prove(dropped["reason"] == "held", f"record {record} is held: its order was dropped, it is still here")
    asked = {"purpose": "retention_review", "reference": "DEMO-2"}
    seen = estate.ask("D-RM1", "intake", "POST", f"/v1/records/{HELD.record}/views", asked).body
    tell.prove("summary" in seen["content"], "and what is held can still be read")
    so_far.gone |= gone


def _hold(estate: Estate, records: Ids) -> dict[str, Any]:
    asked = {
        "authority": "a public inquiry",
        "reason": "made up: the inquiry asks for these",
        "owner": "D-RM1",
        "review_on": (estate.today() + timedelta(days=365 * 5)).isoformat(),
        "scope": {"records": sorted(records)},
    }
    placed: dict[str, Any] = estate.ask("D-RM1", "retention", "POST", "/v1/holds", asked).body
    return placed
