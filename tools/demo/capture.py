"""First half of the story: records go in, each gets its receipt and its date, and nothing is swallowed."""

from collections import Counter
from typing import Any

import msgspec

from tools.adapters.publish import Plan, check, publish, read_by_name
from tools.adapters.receipts import Tally
from tools.demo import bundled, people
from tools.demo.bundled import Expected
from tools.demo.estate import Estate
from tools.demo.telling import shown

DATED_SECONDS_MAX = 180
STOPS = "urn:police-uk:stop-and-search"
PLACES = ("accepted", "superseded", "duplicate", "quarantined", "discarded", "unreadable", "forbidden")


def from_files(estate: Estate) -> Expected:
    """Publish the bundled sample through Kafka, as an upstream system does."""
    tell = estate.teller
    planned = bundled.plan()
    want = bundled.expected(planned)
    tell.chapter("Real records come in through Kafka")
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in sorted(want.events.items()))
    tell.say(f"{planned.total:,} events of the Metropolitan Police's open data of summer 2022: {kinds}")
    tell.say(bundled.licence())
    tally = _published(estate, planned)
    tell.prove(tally.received == planned.total, "every event has its receipt", f"{tally.received:,} receipts")
    lacking = len(want.without_object)
    claim = f"{shown(lacking, 'stop')} without an object of search went to quarantine, and nothing else did"
    tell.prove(tally.outcomes["quarantined"] == lacking == tally.refused, claim, dict(tally.outcomes))
    again = Tally()
    smallest = min(planned.paths, key=lambda path: planned.kinds[path].total())
    publish(check([smallest], read_by_name), estate.stack.bootstrap, tell.console, again)
    new = again.outcomes["accepted"] + again.outcomes["superseded"]
    tell.prove(new == 0, f"{again.published:,} events published again gave nothing new", dict(again.outcomes))
    return want


def _published(estate: Estate, planned: Plan) -> Tally:
    tally = Tally()
    publish(planned, estate.stack.bootstrap, estate.teller.console, tally)
    estate.teller.say(", ".join(f"{count:,} {outcome}" for outcome, count in sorted(tally.outcomes.items())))
    for (code, pointer, sentence), count in tally.reasons.most_common():
        estate.teller.say(f"{count:,} x {code} at {pointer}: {sentence}")
    return tally


def made_up(estate: Estate) -> None:
    """Send the made-up people: by the topic, and some by HTTP."""
    tell = estate.teller
    tell.chapter("Made-up people come in, by the topic and over HTTP")
    path = estate.stack.paths.home / "made-up.jsonl"
    path.write_bytes(b"\n".join(msgspec.json.encode(event) for event in people.by_topic()))
    tally = _published(estate, check([path], read_by_name))
    tell.prove(tally.outcomes["accepted"] == tally.published, f"all {tally.published} made-up states are accepted")
    events = people.by_http(estate.today())
    first, second, third = (_sent(estate, event) for event in events)
    tell.prove(first["outcome"] == "accepted", "a report over HTTP is accepted, durable before the answer")
    tell.prove(
        [each["code"] for each in second["reasons"]] == ["future_date"],
        f"one dated ahead of its time waits in quarantine: {second['reasons'][0]['sentence']}",
        second,
    )
    tell.prove(
        [each["code"] for each in third["reasons"]] == ["type_not_yet_known"],
        "a type of event that is not known yet waits there too, sealed, until it is",
        third,
    )
    repeated = _sent(estate, events[0])
    tell.prove(repeated["outcome"] == "duplicate", "the same report sent again changes nothing: duplicate", repeated)


def _sent(estate: Estate, event: people.Event) -> dict[str, Any]:
    kind = {"Content-Type": "application/cloudevents+json"}
    answer = estate.ask("publisher", "intake", "POST", "/v1/events", event, **kind)
    return msgspec.convert(answer.body, dict[str, Any])


def mend_upstream(estate: Estate, want: Expected) -> None:
    """Show quarantine, and how a later, complete state settles what waited."""
    tell = estate.teller
    tell.chapter("Quarantine is a list that somebody owns")
    waiting = list(estate.pages("intake", "/v1/quarantine", "", "D-DS1"))
    codes = Counter(each["reasons"][0]["code"] for each in waiting)
    tell.say(", ".join(f"{count} x {code}" for code, count in codes.most_common()))
    expected = len(want.without_object) + 2
    tell.prove(len(waiting) == expected, f"the data steward sees all {expected}", len(waiting))
    subject, state = next(iter(want.without_object.items()))
    content = msgspec.convert(state["content"], dict[str, str])
    mended = {**state, "content": {**content, "object_of_search": "Controlled drugs"}}
    event = {"specversion": "1.0", "id": f"mended-{subject}", "source": STOPS, "type": people.STATE, "sequence": "2"}
    receipt = _sent(estate, {**event, "data": mended})
    tell.prove(receipt["outcome"] == "accepted", "upstream sends one stop again with its object of search: accepted")
    want.stops.add(str(subject))
    left = len(list(estate.pages("intake", "/v1/quarantine", "", "D-DS1")))
    tell.prove(left == expected - 1, f"that settled what waited about it: {left} are left", left)


def dated(estate: Estate, want: Expected) -> None:
    """Wait until retention has dated everything, and let it explain one date."""
    tell = estate.teller
    tell.chapter("Every record has its date, and the date has its reasons")
    forecast = estate.wait(
        "retention to have dated every record",
        DATED_SECONDS_MAX,
        lambda: _complete(forecast_of(estate), want),
    )
    for (class_id, end), count in sorted(forecast.items()):
        tell.say(f"{count:>6,} {class_id}, at the end: {end}")
    crimes, stops = forecast["crime.report.undetected", "dispose"], forecast["preventing.stop_and_search", "dispose"]
    tell.prove(crimes == len(want.crimes), f"{crimes:,} undetected crimes, as many as the files name")
    tell.prove(stops == len(want.stops), f"{stops:,} stops, as many as the files name")
    shown_one = estate.wait("the robbery report's date", 30, lambda: estate.schedule(people.APPROVED.record))
    tell.say(f"why the robbery report is kept until {shown_one['keep_until']}:")
    tell.quote(shown_one["sentences"])
    tell.prove(shown_one["group"] == "G2", "its suspect puts it in group G2", shown_one["group"])


def forecast_of(estate: Estate) -> Counter[tuple[str, str]]:
    """Count what will ever fall due, by class and what happens then."""
    found: Counter[tuple[str, str]] = Counter()
    for each in estate.get("retention", "/v1/due", before="2150-01-01")["due"]:
        found[each["class"], each["end" if "end" in each else "kind"]] += each["records"]
    return found


def _complete(found: Counter[tuple[str, str]], want: Expected) -> Counter[tuple[str, str]] | None:
    people_records = len(people.FATES) + 1
    return found if found.total() >= len(want.crimes) + len(want.stops) + people_records else None


def content(estate: Estate) -> None:
    """Show content to whom the pack lets see it, and to nobody else; both are logged."""
    tell = estate.teller
    tell.chapter("Content is sealed at the door, and shown for a purpose only")
    path = f"/v1/records/{people.APPROVED.record}"
    metadata = estate.get("intake", path)
    tell.prove("content" not in metadata["metadata"], "a record's page shows metadata and no content", metadata)
    asked = {"purpose": "retention_review", "reference": "DEMO-1"}
    seen = estate.ask("D-RO1", "intake", "POST", f"{path}/views", asked).body
    tell.prove("summary" in seen["content"], "the reviewing officer sees it for a retention review, logged first")
    curious = estate.try_("D-RO1", "intake", "POST", f"{path}/views", {**asked, "purpose": "investigation"})
    tell.prove(curious.status == 403, f"for another purpose the same officer does not: {curious.refusal}", curious)


def account(estate: Estate) -> tuple[Counter[str], Counter[str]]:
    """Give both accounts over all sources and days: events by outcome, records by how they stand."""
    found = estate.get("intake", "/v1/reconciliation", "D-AU1")
    events: Counter[str] = Counter()
    records: Counter[str] = Counter()
    for row in found["events"]:
        events.update({name: row[name] for name in ("received", *PLACES) if name in row})
    for row in found["records"]:
        records.update({name: count for name, count in row.items() if isinstance(count, int)})
    return events, records


def balance(estate: Estate) -> tuple[Counter[str], Counter[str]]:
    """Tell both accounts and prove that each adds up."""
    tell = estate.teller
    events, records = account(estate)
    terms = [name for name in PLACES if events[name]]
    tell.say("events:  " + f"{events['received']:,} received = " + " + ".join(f"{events[n]:,} {n}" for n in terms))
    tell.prove(events["received"] == sum(events[name] for name in PLACES), "the account of events adds up", events)
    parts = [name for name in records if name != "received"]
    tell.say("records: " + f"{records['received']:,} accepted = " + " + ".join(f"{records[n]:,} {n}" for n in parts))
    tell.prove(records["received"] == sum(records[n] for n in parts), "the account of records adds up", records)
    return events, records
