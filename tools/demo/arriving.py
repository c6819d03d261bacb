"""What comes in, what is refused and why, and what becomes of what was refused."""

from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console

from tools.adapters.publish import Plan, check, publish, read_by_name
from tools.adapters.receipts import Tally
from tools.demo import accounting, bundled, people
from tools.demo.estate import Estate
from tools.demo.people import EARLY_REPORT
from tools.demo.so_far import SoFar
from tools.demo.telling import Untrue, listed, shown

STOPS = "urn:police-uk:stop-and-search"
ANSWERS = {"future_date": "one dated ahead of its time waits", "type_not_yet_known": "a type not known yet waits too"}

Receipt = dict[str, Any]


def come_in(estate: Estate, so_far: SoFar) -> None:
    """Publish the bundled sample and the made-up people through Kafka, as upstream systems do."""
    tell = estate.teller
    planned = bundled.plan()
    so_far.want = bundled.expected(planned)
    tell.say(f"{planned.total:,} events of the Metropolitan Police's open data of summer 2022, by type:")
    tell.bars(dict(so_far.want.events.most_common()))
    tell.say(bundled.licence())
    tally = _published(estate, planned, tell.console)
    tell.prove(tally.received == planned.total, f"every event has its receipt: {tally.received:,} receipts")
    made_up = _made_up(estate.stack.paths.home / "made-up.jsonl")
    told = _published(estate, made_up, Console(quiet=True))
    claim = f"{told.published} states of made-up people and of crimes they are suspected of come too: all accepted"
    tell.prove(told.outcomes["accepted"] == told.published, claim, dict(told.outcomes))
    _by_source(estate, planned.total + told.published)
    again, smallest = Tally(), min(planned.paths, key=lambda path: planned.kinds[path].total())
    publish(check([smallest], read_by_name), estate.stack.bootstrap, Console(quiet=True), again)
    new = again.outcomes["accepted"] + again.outcomes["superseded"]
    claim = f"a file of {again.published:,} events published again gave nothing new: {listed(again.outcomes)}"
    tell.prove(new == 0, claim, dict(again.outcomes))


def _made_up(path: Path) -> Plan:
    path.write_bytes(b"\n".join(msgspec.json.encode(event) for event in people.by_topic()))
    return check([path], read_by_name)


def _published(estate: Estate, planned: Plan, console: Console) -> Tally:
    tally = Tally()
    publish(planned, estate.stack.bootstrap, console, tally)
    return tally


def _by_source(estate: Estate, published: int) -> None:
    """Plot what intake's account of events says, by source."""
    tell = estate.teller
    received = accounting.by_source(estate)
    tell.say("intake's own account, by source:")
    tell.bars(dict(received.most_common()))
    claim = f"the account names every one of the {published:,} events published"
    tell.prove(received.total() == published, claim, received.total())


def are_refused(estate: Estate, so_far: SoFar) -> None:
    """Show what was refused, with the sentence that upstream gets, and that a mended event settles what waited."""
    tell = estate.teller
    first, *refused = (sent(estate, event) for event in people.by_http(estate.today()))
    tell.prove(first["outcome"] == "accepted", "a report over HTTP is accepted, durable before the answer", first)
    for receipt, (code, claim) in zip(refused, ANSWERS.items(), strict=True):
        told = [each["code"] for each in receipt["reasons"]]
        tell.prove((receipt["outcome"], told) == ("quarantined", [code]), f"{claim}, sealed, in quarantine", receipt)
    repeated = sent(estate, people.by_http(estate.today())[0])
    claim = "the same report sent again changes nothing: duplicate"
    tell.prove(repeated["outcome"] == "duplicate", claim, repeated)
    lacking = len(so_far.want.without_object)
    waiting = list(estate.pages("intake", "/v1/quarantine", "", "D-DS1"))
    tell.bars(_kept_or_not(estate))
    _why(estate, waiting)
    claim = (
        f"the data steward sees all {len(waiting)}: {shown(lacking, 'stop')} without an object of search, and the two"
    )
    tell.prove(len(waiting) == lacking + len(refused), claim, len(waiting))
    _mend(estate, so_far, len(waiting))


def _kept_or_not(estate: Estate) -> dict[str, int]:
    events, _ = accounting.account(estate)
    return {name: events[name] for name in accounting.PLACES if events[name]}


def _why(estate: Estate, waiting: list[Receipt]) -> None:
    """Tell each reason with the sentence that the sender is given."""
    reasons = Counter((each["code"], each["pointer"], each["sentence"]) for row in waiting for each in row["reasons"])
    estate.teller.quote(
        f"{count} x {code} at {pointer or 'the event itself'}: {sentence}"
        for (code, pointer, sentence), count in reasons.most_common()
    )


def _mend(estate: Estate, so_far: SoFar, waited: int) -> None:
    tell = estate.teller
    subject, state = next(iter(so_far.want.without_object.items()))
    content = msgspec.convert(state["content"], dict[str, str])
    mended = {**state, "content": {**content, "object_of_search": "Controlled drugs"}}
    event = {"specversion": "1.0", "id": f"mended-{subject}", "source": STOPS, "type": people.STATE, "sequence": "2"}
    receipt = sent(estate, {**event, "data": mended})
    claim = "upstream sends one stop again with its object of search: accepted"
    tell.prove(receipt["outcome"] == "accepted", claim, receipt)
    so_far.want.stops.add(str(subject))
    left = len(list(estate.pages("intake", "/v1/quarantine", "", "D-DS1")))
    tell.prove(left == waited - 1, f"that settled what waited about it: {left} are left", left)


def sent(estate: Estate, event: people.Event) -> Receipt:
    """Send one event over HTTP; gives its receipt."""
    kind = {"Content-Type": "application/cloudevents+json"}
    answer = estate.ask("publisher", "intake", "POST", "/v1/events", event, **kind)
    return msgspec.convert(answer.body, Receipt)


def are_tried_again(estate: Estate) -> None:
    """Replay the report that was ahead of its time: its day has come."""
    tell = estate.teller
    waiting = estate.pages("intake", "/v1/quarantine", "", "D-DS1", code="future_date")
    row = next((each for each in waiting if each["subject"] == str(EARLY_REPORT)), None)
    if row is None:
        raise Untrue("the report that was ahead of its time waits in quarantine - it is not there")
    version = {"If_Match": f'"{row["version"]}"'}
    path = f"/v1/quarantine/{row['receipt_id']}/replay"
    issued = estate.ask("D-DS1", "intake", "POST", path, **version).body
    claim = "D-DS1 replays the report that was ahead of its time, whose day has come: accepted"
    tell.prove(issued["outcome"] == "accepted", claim, issued)
    found = estate.wait("its date", 60, lambda: estate.schedule(EARLY_REPORT))
    tell.prove(found["keep_until"] is not None, f"it has its date at once: kept until {found['keep_until']}", found)


def see_content(estate: Estate, _: SoFar) -> None:
    """Show content to whom the pack lets see it, and to nobody else; both are logged."""
    tell = estate.teller
    path = f"/v1/records/{people.APPROVED.record}"
    metadata = estate.get("intake", path)
    tell.prove("content" not in metadata["metadata"], "a record's page shows metadata and no content", metadata)
    asked = {"purpose": "retention_review", "reference": "DEMO-1"}
    seen = estate.ask("D-RO1", "intake", "POST", f"{path}/views", asked).body
    tell.prove("summary" in seen["content"], "the reviewing officer sees it for a retention review, logged first")
    curious = estate.try_("D-RO1", "intake", "POST", f"{path}/views", {**asked, "purpose": "investigation"})
    tell.prove(curious.status == 403, f"for another purpose the same officer does not: {curious.refusal}", curious)
