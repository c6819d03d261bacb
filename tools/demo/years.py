"""Second half of the story: years pass, people decide, a hold wins, records go with proof, a process is killed."""

from collections.abc import Set as AbstractSet
from datetime import date, timedelta
from typing import Any

import msgspec

from tools.demo import capture, deciding, people
from tools.demo.estate import Estate
from tools.demo.people import APPROVED, DISPOSED, EARLY_REPORT, HELD, LIFELONG, REPORT, RETAINED
from tools.demo.telling import Untrue, shown

BEFORE_DUE = timedelta(days=3)
COOLING_OFF = timedelta(days=7)  # As the demonstration's pack says; the orders' own dates are checked against it.
ORDERED_SECONDS_MAX = 120
DISPOSED_SECONDS_MAX = 300
SHOWN_ON_CERTIFICATE = (
    "record_type", "class_title", "group", "rule", "keep_until", "decided_by", "approved_by", "method", "executed_at",
    "irrecoverable_from", "state",
)  # fmt: skip

Ids = AbstractSet[str]


def falls_due(estate: Estate, class_id: str, before: timedelta = BEFORE_DUE) -> set[str]:
    """Move the clock to a few days before the first of a class may go; gives those whose cooling-off has begun."""
    found = list(estate.pages("retention", "/v1/records", "records", class_=class_id, state="current"))
    first = min(date.fromisoformat(each["actionable_from"]) for each in found)
    day = first - before
    estate.teller.say(f"the first of {len(found):,} in {class_id} may go on {first:%-d %B %Y}, not a day earlier")
    estate.move_to(day)
    return {each["record_id"] for each in found if date.fromisoformat(each["open_on"]) <= day}


def orders(estate: Estate, *, state: str, record: object = None) -> list[dict[str, Any]]:
    """List orders of disposal in a state, of one record if it is named."""
    return list(estate.pages("retention", "/v1/disposals", "disposals", state=state, record=record))


def order_of(estate: Estate, record: object, state: str) -> dict[str, Any]:
    """Wait for a record's order in a state, and give it."""
    look = f"record {record}'s order to be {state}"
    return estate.wait(look, 60, lambda: next(iter(orders(estate, record=record, state=state)), None))


def by_rule(estate: Estate) -> set[str]:
    """Let the first undetected crimes fall due: orders by rule, in their cooling-off."""
    tell = estate.teller
    tell.chapter("Years pass, and dates fall due")
    due = falls_due(estate, "crime.report.undetected")
    cooling = estate.wait(
        f"{shown(len(due), 'order')} by rule",
        ORDERED_SECONDS_MAX,
        lambda: _these(orders(estate, state="cooling"), due),
    )
    claim = f"{shown(len(due), 'order')} opened by the confirmed rule, and none besides"
    tell.prove(cooling == due, claim, len(cooling))
    gone = orders(estate, state="executed") + orders(estate, state="shredded")
    tell.prove(not gone, "nothing is disposed of yet: each cools off for seven days", len(gone))
    return due


def _these(found: list[dict[str, Any]], wanted: Ids) -> set[str] | None:
    records = {each["record_id"] for each in found}
    return records if records >= wanted else None


def people_decide(estate: Estate) -> None:
    """Let the reviewing officer decide about the five, and a second person approve where the group asks for one."""
    tell = estate.teller
    tell.chapter("People decide about people")
    tasks = deciding.await_tasks(estate)
    kinds = ", ".join(f"{tasks[str(fate.nominal)]['kind']} {fate.group}" for fate in people.FATES)
    tell.prove(True, f"each of the five suspects has one review over all their records: {kinds}")
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
    for record in (DISPOSED.record, REPORT, APPROVED.record, HELD.record):
        order_of(estate, record, "cooling")
    tell.prove(True, "four orders by decision cool off too, a shared suspect's intelligence report among them")
    later = estate.wait("the retained record's new date", 60, lambda: _re_dated(estate))
    tell.prove(later > estate.today(), f"the retained report is reviewed again on {later:%-d %B %Y}", later)


def _re_dated(estate: Estate) -> date | None:
    found = estate.schedule(RETAINED.record)
    if found is None or found["state"] != "current" or found["keep_until"] is None:
        return None
    until = date.fromisoformat(found["keep_until"])
    return until if until > estate.today() else None


def hold(estate: Estate, due: set[str]) -> set[str]:
    """Hold two records in their cooling-off; gives what is held."""
    tell = estate.teller
    tell.chapter("A hold wins over a disposal that is already ordered")
    held = {str(HELD.record), min(due)}
    asked = {
        "authority": "a public inquiry",
        "reason": "made up: the inquiry asks for these",
        "owner": "D-RM1",
        "review_on": (estate.today() + timedelta(days=365 * 5)).isoformat(),
        "scope": {"records": sorted(held)},
    }
    placed = estate.ask("D-RM1", "retention", "POST", "/v1/holds", asked).body
    claim = "D-RM1 holds two records while they cool off; the answer means it is in force, and came too late for none"
    tell.prove(placed["executed_unconfirmed"] == [], claim, placed)
    return held


def executed(estate: Estate, wanted: set[str], victim: str) -> None:
    """Let the cooling-off end, kill a worker in the middle, and wait until every record is shredded."""
    tell = estate.teller
    before = {each["record_id"] for each in orders(estate, state="shredded")}
    estate.move_to(estate.today() + COOLING_OFF)
    shredding = "the first certificates"
    estate.wait(shredding, ORDERED_SECONDS_MAX, lambda: _some_new(estate, before))
    pid = estate.kill(victim)
    done = {each["record_id"] for each in orders(estate, state="shredded")} - before
    tell.say(f"kill -9: {victim}, process {pid}, with {len(done):,} of {len(wanted):,} certificates issued")
    tell.prove(len(done) < len(wanted), "that was in the middle of the work", len(done))
    gone = estate.wait(
        f"{shown(len(wanted), 'certificate')}",
        DISPOSED_SECONDS_MAX,
        lambda: _gone(estate, before, wanted),
    )
    estate.await_ready(victim)
    claim = f"started again, it finished: {len(gone):,} records shredded, each of those due"
    tell.prove(gone == wanted, claim, len(gone))


def _some_new(estate: Estate, before: Ids) -> bool:
    """Say whether a certificate is there that was not; a page is enough to tell."""
    if not before:
        return bool(estate.get("retention", "/v1/disposals", state="shredded", limit=1)["disposals"])
    return any(each["record_id"] not in before for each in orders(estate, state="shredded"))


def _gone(estate: Estate, before: Ids, wanted: Ids) -> set[str] | None:
    for state in ("cooling", "executed"):
        if estate.get("retention", "/v1/disposals", state=state, limit=1)["disposals"]:
            return None
    found = {each["record_id"] for each in orders(estate, state="shredded")} - before
    return found if len(found) >= len(wanted) else None


def first_disposals(estate: Estate, due: set[str], held: set[str]) -> set[str]:
    """Dispose of what is due and not held; prove that what is held stayed."""
    tell = estate.teller
    tell.chapter("The day comes: records go with proof, and a worker is killed in the middle")
    wanted = (due | {str(DISPOSED.record), str(REPORT), str(APPROVED.record)}) - held
    executed(estate, wanted, "retention-worker")
    for record in sorted(held):
        dropped = order_of(estate, record, "dropped")
        tell.prove(dropped["reason"] == "held", f"record {record} is held: its order was dropped, it is still here")
    path = f"/v1/records/{HELD.record}/views"
    asked = {"purpose": "retention_review", "reference": "DEMO-2"}
    seen = estate.ask("D-RO1", "intake", "POST", path, asked).body
    tell.prove("summary" in seen["content"], "and what is held can still be read")
    return wanted


def certificate(estate: Estate) -> None:
    """Show what remains of a disposed record, and that nothing else does."""
    tell = estate.teller
    tell.chapter("What remains is a certificate")
    disposal = order_of(estate, APPROVED.record, "shredded")["disposal_id"]
    whole = estate.wait("both holders' answers", 60, lambda: _answered(estate, disposal))
    proof = whole["certificate"]
    tell.quote(f"{name:<19}{proof[name]}" for name in SHOWN_ON_CERTIFICATE if proof.get(name) not in (None, []))
    signed = (proof["decided_by"], proof["approved_by"])
    tell.prove(signed == ("D-RO1", ["D-HIM1"]), "it names who decided and who approved", signed)
    text = msgspec.json.encode(proof).decode()
    bare = str(APPROVED.record) not in text and "made up" not in text
    tell.prove(bare, "it holds no content and not the record's id")
    answers = {each["holder"]: each["answer"] for each in whole["confirmations"]}
    tell.prove(answers.get("intake") == "erased", f"the holders answered, signed: {answers}", answers)
    asked = {"purpose": "retention_review", "reference": "DEMO-3"}
    blind = estate.try_("D-RO1", "intake", "POST", f"/v1/records/{APPROVED.record}/views", asked)
    tell.prove(blind.status == 404, f"its content cannot be shown any more: {blind.refusal}", blind)
    again = people.crime_state(APPROVED, [], 2, "made up: sent after the disposal")
    kind = {"Content-Type": "application/cloudevents+json"}
    receipt = estate.ask("publisher", "intake", "POST", "/v1/events", again, **kind).body
    codes = [each["code"] for each in receipt["reasons"]]
    tell.prove(codes == ["disposed"], "a later state of it is quarantined: nothing brings a record back", receipt)


def _answered(estate: Estate, disposal: str) -> dict[str, Any] | None:
    whole: dict[str, Any] = estate.get("retention", f"/v1/disposals/{disposal}")
    holders = {each["holder"] for each in whole["confirmations"]}
    return whole if whole["certificate"] and holders >= {"intake", "review"} else None


def replay(estate: Estate) -> None:
    """Replay the report that was ahead of its time: its day has come."""
    tell = estate.teller
    tell.chapter("What waited in quarantine is tried again")
    waiting = estate.pages("intake", "/v1/quarantine", "", "D-DS1", code="future_date")
    row = next((each for each in waiting if each["subject"] == str(EARLY_REPORT)), None)
    if row is None:
        raise Untrue("the report that was ahead of its time waits in quarantine - it is not there")
    version = {"If_Match": f'"{row["version"]}"'}
    path = f"/v1/quarantine/{row['receipt_id']}/replay"
    issued = estate.ask("D-DS1", "intake", "POST", path, **version).body
    tell.prove(issued["outcome"] == "accepted", "D-DS1 replays the report that was ahead of its time: accepted", issued)
    found = estate.wait("its date", 60, lambda: estate.schedule(EARLY_REPORT))
    tell.prove(found["keep_until"] is not None, f"it has its date at once: kept until {found['keep_until']}", found)


def later_disposals(estate: Estate) -> set[str]:
    """Let the stop and searches go a year later, and kill the process that shreds."""
    tell = estate.teller
    tell.chapter("Another year: stop and searches go by their own rule")
    due = falls_due(estate, "preventing.stop_and_search")
    wanted = estate.wait("the orders", ORDERED_SECONDS_MAX, lambda: _settled_orders(estate, due))
    executed(estate, wanted, "intake-worker")
    return wanted


def _settled_orders(estate: Estate, due: Ids) -> set[str] | None:
    """Give what is ordered once it holds all that is due by the forecast's own dates."""
    today = estate.today()
    found = {each["record_id"] for each in orders(estate, state="cooling")}
    listed = estate.pages("retention", "/v1/records", "records", due_before=today + COOLING_OFF, state="current")
    left = [each for each in listed if each["end"] == "dispose" and not each["held"]]
    return found if found >= due and not left else None


def accounts(estate: Estate, gone: int, held: int) -> None:
    """Tell both accounts at the end and prove that they say what was done."""
    tell = estate.teller
    tell.chapter("Both accounts")

    def caught_up() -> bool:
        _, records = capture.account(estate)
        return (records["disposed"], records["held"], records["on_order"]) == (gone, held, 0)

    estate.wait(f"intake's account to show {gone:,} disposed and {held} held", 120, caught_up)
    _, records = capture.balance(estate)
    tell.prove(records["disposed"] == gone, f"{gone:,} disposed of, as many as were certified", records)
    tell.prove(records["held"] == held, f"{held} held, as many as the hold names", records)
