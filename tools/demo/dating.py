"""Every record has its date with its reasons, and one later fact moves what hangs on it."""

from collections import Counter
from collections.abc import Mapping
from datetime import date
from typing import Any

from tools.demo import people
from tools.demo.arriving import sent
from tools.demo.estate import Estate
from tools.demo.people import APPROVED, MOVED, MOVED_RECORDS
from tools.demo.so_far import SoFar

DATED_SECONDS_MAX = 180
FOREVER = "2150-01-01"
ENDS = {"dispose": "by the rule", "review": "by a person's review"}

Due = list[dict[str, Any]]


def are_due(estate: Estate, so_far: SoFar) -> None:
    """Wait until retention has dated everything, plot what falls due when, and let it explain one date."""
    tell, want = estate.teller, so_far.want
    total = len(want.crimes) + len(want.stops) + people.RECORDS
    due: Due = estate.wait(
        "retention to date every record", DATED_SECONDS_MAX, lambda: _complete(forecast(estate), total)
    )
    tell.say("what falls due, year by year, and what ends it:")
    tell.bars(by_year(due))
    classes: Counter[tuple[str, str]] = Counter()
    for each in due:
        classes[each["class"], each["kind"]] += each["records"]
    crimes, stops = classes["crime.report.undetected", "dispose"], classes["preventing.stop_and_search", "dispose"]
    tell.prove(crimes == len(want.crimes), f"{crimes:,} undetected crimes are dated, as many as the files name", crimes)
    tell.prove(stops == len(want.stops), f"{stops:,} stops are dated, as many as the files name", stops)
    one = estate.wait("the robbery report's date", 30, lambda: estate.schedule(APPROVED.record))
    tell.say(f"why the made-up robbery report is kept until {one['keep_until']}, in the system's own words:")
    tell.quote(one["sentences"])
    tell.prove(one["group"] == "G2", "its suspect puts it in group G2, and nothing disposes of it without a review")


def forecast(estate: Estate) -> Due:
    """Give what will ever fall due: by class, unit, week and end."""
    found: Due = estate.get("retention", "/v1/due", before=FOREVER)["due"]
    return found


def _complete(due: Due, total: int) -> Due | None:
    return due if sum(each["records"] for each in due) >= total else None


def by_year(due: Due) -> dict[str, int]:
    """Count what falls due by year and by what ends it, earliest first."""
    years: Counter[str] = Counter()
    for each in sorted(due, key=lambda each: (each["week"], each["kind"])):
        years[f"{each['week'][:4]} {ENDS[each['kind']]}"] += each["records"]
    return dict(sorted(years.items()))


def move(estate: Estate, _: SoFar) -> None:
    """Show a person's records before and after one contact of theirs becomes known."""
    tell = estate.teller
    before = estate.wait("the person's records", 30, lambda: _dates(estate))
    tell.say(f"a made-up person, {MOVED.words}, is named by {len(before)} records")
    contact = people.contact()
    receipt = sent(estate, contact)
    on = date.fromisoformat(contact["data"]["on"])
    tell.prove(receipt["outcome"] == "accepted", f"one event more: a new offence of theirs on {on:%-d %B %Y}", receipt)
    after = estate.wait("the person's records to move", 30, lambda: _moved(before, _dates(estate)))
    rows = [(name, before[ref], after[ref]) for name, ref in MOVED_RECORDS.items()]
    tell.table(("record", "kept until", "and now until"), *rows)
    later = on.replace(year=on.year + 6).isoformat()
    claim = f"all {len(after)} moved to {later}: six years clear of notice are counted anew from that day"
    tell.prove(set(after.values()) == {later}, claim, after)
    shown_one = estate.schedule(MOVED.record)
    assert shown_one is not None, "it was dated a moment ago"
    tell.quote(sentence for sentence in shown_one["sentences"] if "came to notice" in sentence)


def _dates(estate: Estate) -> dict[str, str] | None:
    """Give the dates of the person's records once each of them has one."""
    answer = estate.try_("D-RM1", "retention", "GET", f"/v1/nominals/{MOVED.nominal}/schedule")
    if not answer.ok:
        return None
    found = {each["record_id"]: each["keep_until"] for each in answer.body["records"]}
    return found if found.keys() == set(MOVED_RECORDS.values()) and all(found.values()) else None


def _moved(before: Mapping[str, str], after: dict[str, str] | None) -> dict[str, str] | None:
    return after if after and all(after[ref] != before[ref] for ref in after) else None
