"""Every worker is killed in the middle of the work, and nothing is lost or done twice."""

from typing import Any

from shared.clock import monotonic
from tools.demo import accounting, disposing
from tools.demo.disposing import COOLING_OFF, ORDERED_SECONDS_MAX, certificates, orders
from tools.demo.estate import Estate
from tools.demo.so_far import SoFar
from tools.demo.years import Ids, falls_due
from tools.stack.keys import SERVICES

WORKERS = tuple(f"{service}-worker" for service in SERVICES)


def loses_nothing(estate: Estate, so_far: SoFar) -> None:
    """Let a year of stop and searches go, and kill what carries it out."""
    tell = estate.teller
    due = falls_due(estate, "preventing.stop_and_search")
    wanted: set[str] = estate.wait("the orders", ORDERED_SECONDS_MAX, lambda: _settled_orders(estate, due))
    tell.say(f"{len(wanted):,} orders wait: stop and searches by their own rule, and more undetected crimes")
    events, records = accounting.account(estate)
    disposing.day_comes(estate)
    known = len(so_far.gone)
    estate.wait("the first certificates", ORDERED_SECONDS_MAX, lambda: len(certificates(estate)) > known)
    pids, killed_at = {name: estate.kill(name) for name in WORKERS}, monotonic()
    done = len(set(certificates(estate)) - so_far.gone)
    tell.say("kill -9: " + ", ".join(f"{name} ({pid})" for name, pid in pids.items()))
    tell.prove(
        done < len(wanted), f"that was in the middle: {done:,} of {len(wanted):,} certificates were issued", done
    )
    for name in WORKERS:
        estate.await_ready(name)
    tell.say(f"all three are back, {monotonic() - killed_at:.1f} s after the kill, as new processes")
    gone = disposing.certified(estate, so_far.gone, wanted)
    _compare(estate, (events, records), (done + known, pids))
    tell.prove(gone == wanted, f"they finished: {len(gone):,} records shredded, each of those due", len(gone))
    issued = certificates(estate)
    tell.prove(len(issued) == len(set(issued)), f"no record went twice: {len(issued):,} certificates, each another's")
    so_far.gone |= gone


def _settled_orders(estate: Estate, due: Ids) -> set[str] | None:
    """Give what is ordered once it holds all that is due by the forecast's own dates."""
    today = estate.today()
    found = {each["record_id"] for each in orders(estate, state="cooling")}
    listed = estate.pages("retention", "/v1/records", "records", due_before=today + COOLING_OFF, state="current")
    left = [each for each in listed if each["end"] == "dispose" and not each["held"]]
    return found if found >= due and not left else None


def _compare(estate: Estate, before: tuple[Any, Any], then: tuple[int, dict[str, int]]) -> None:
    """Set what was there at the kill beside what is there now."""
    tell = estate.teller
    events, records = accounting.account(estate)
    had_certificates, pids = then
    now = {name: estate.pid(name) for name in WORKERS}
    tell.table(
        ("", "at the kill", "now"),
        *((f"process of {name}", str(pids[name]), str(now[name])) for name in WORKERS),
        ("events received", before[0]["received"], events["received"]),
        ("records accepted", before[1]["received"], records["received"]),
        ("certificates", had_certificates, len(certificates(estate))),
    )
    tell.prove(all(now[name] != pids[name] for name in WORKERS), "each worker runs as a new process", now)
    same = (before[0]["received"], before[1]["received"]) == (events["received"], records["received"])
    tell.prove(same, "not one event and not one record is missing", (events, records))
