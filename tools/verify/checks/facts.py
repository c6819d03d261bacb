"""I4: facts and schedules are what the ledger says they were, and dates follow from the facts."""

from collections.abc import Iterator, Mapping
from datetime import date
from hashlib import sha256
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from shared.calendar_rules import Leap, Period, add, day_of
from tools.verify.checks import identities, sample
from tools.verify.dating.book import CREATED, WRITTEN
from tools.verify.dating.versions import Table, Versions, packs_until
from tools.verify.estate import Estate
from tools.verify.findings import Tally
from tools.verify.tables import SERVICES

DIGEST = 32
SIMPLE_ROWS = ("R03", "R29")  # One clock and one period, no persons: dated here by eight lines of our own.

_UNSEALED = """
SELECT l.log_id FROM log l WHERE NOT EXISTS (SELECT FROM leaf e WHERE e.log_id = l.log_id) AND NOT l.log_id = ANY(%s)"""
_FACTS = """
SELECT f.fact_key, f.event_uid, e.log_id
FROM (SELECT fact_key, event_uid, log_id, sha256(salt || canonical) AS digest FROM fact) f
FULL JOIN (SELECT log_id, substring(payload FROM n FOR 32) AS digest
    FROM log, generate_series(1, length(payload), 32) n WHERE type = 'tenure.facts.kept.v1') e USING (log_id, digest)
WHERE f.fact_key IS NULL OR e.log_id IS NULL"""
_SEALED = """
SELECT record_key, state, class_id, row_id, grp, clock_on, floor_until, keep_until, actionable_from, open_on, review_on,
    review_kind, by_age, ends, problem, owner, cause, by_person, side, pack, salt, log_id FROM schedule
ORDER BY log_id"""
_PAYLOAD = "SELECT payload FROM log WHERE log_id = %s"
_SIMPLE = """
SELECT s.record_key, s.row_id, s.keep_until, s.actionable_from, s.clock_on, s.pack, f.canonical,
    (SELECT min(g.received_on) FROM fact g WHERE g.record_key = s.record_key AND g.kind = 'record_state')
FROM schedule s JOIN LATERAL (SELECT canonical FROM fact f WHERE f.record_key = s.record_key AND f.kind = 'record_state'
    ORDER BY f.sequence DESC LIMIT 1) f ON true
WHERE s.row_id = ANY(%s) AND s.state = 'current' AND s.cause IS NULL
    AND NOT EXISTS (SELECT FROM fact g WHERE g.record_key = s.record_key
        AND g.kind IN ('withdrawal', 'decision', 'override', 'moved', 'marked', 'unlinked'))
    AND NOT EXISTS (SELECT FROM decision d WHERE d.record_key = s.record_key)
    AND NOT EXISTS (SELECT FROM part p WHERE s.record_key IN (p.part_key, p.file_key))
    AND NOT EXISTS (SELECT FROM dirty d WHERE d.record_key = s.record_key)"""
# A log's versions of one subject, of the topics whose versions count its changes.
_VERSIONS = """
SELECT topic, key, count(DISTINCT version), min(version), max(version) FROM log
WHERE topic = ANY(%s) GROUP BY 1, 2
HAVING count(DISTINCT version) <> max(version) - min(version) + 1 OR (min(version) > 1 AND min(at) > %s)"""
_RECORD_VERSIONS = """
SELECT 'records.registered.v1', key, count(DISTINCT version), min(version), max(version) FROM log
WHERE topic = 'records.registered.v1' AND type = 'tenure.record.registered.v1' AND version > 0 GROUP BY 1, 2
HAVING count(DISTINCT version) <> max(version) - min(version) + 1"""


def check(estate: Estate, tally: Tally) -> None:
    """Hold every log row against its leaf, and every fact and schedule against the log row that it names."""
    for service in SERVICES:
        unsealed = list(estate.queued(service, "unsealed"))
        estate.progress.at(f"I4 looks for the leaves of {service}'s log")
        tally.looked(estate.schemas[service].one("SELECT count(*) FROM log"))
        tally.wait("log rows wait for the sealer", len(unsealed))
        if stuck := estate.stuck(service, "unsealed"):
            tally.fail("ledgers whose sealer stands still", f"{service}: {stuck:,} log rows wait for over five minutes")
        for (log_id,) in estate.schemas[service].stream(_UNSEALED, [unsealed]):
            tally.fail("log rows without a leaf", f"{service} {log_id}")
    _versions(estate, tally)
    _facts(estate, tally)
    _schedules(estate, tally)
    simple(estate, tally)
    sample.check(estate, tally)
    identities.check(estate, tally)


def _versions(estate: Estate, tally: Tally) -> None:
    estate.progress.at("I4 looks for gaps in versions")
    for topic, key, *_ in estate.intake.stream(_RECORD_VERSIONS):
        tally.fail("versions with a gap", f"{topic} {key}")
    for topic, key, *_ in estate.review.stream(_VERSIONS, [["review.tasks.v1"], estate.now]):
        tally.fail("versions with a gap", f"{topic} {key}")


def _facts(estate: Estate, tally: Tally) -> None:
    """Match facts and the digests in the log both ways: one that was taken away is missed as well."""
    estate.progress.at("I4 matches facts with the ledger")
    tally.looked(estate.retention.one("SELECT count(*) FROM fact"))
    for key, uid, log_id in estate.retention.stream(_FACTS):
        if key is None:
            tally.fail("sealed facts that are gone or altered", f"log {log_id}")
        else:
            tally.fail("facts that the ledger does not have", uid)


def _schedules(estate: Estate, tally: Tally) -> None:
    named: int | None = None
    digests: frozenset[bytes] = frozenset()
    for *values, salt, log_id in estate.retention.stream(_SEALED):
        tally.looked()
        estate.progress.at("I4 matches schedules with the ledger,", tally.checked)
        if log_id != named:
            named, digests = log_id, _digests(estate, log_id)
        if sha256(salt + _content(values)).digest() not in digests:
            tally.fail("schedules that the ledger does not have", f"record {values[0]}")


def _digests(estate: Estate, log_id: int) -> frozenset[bytes]:
    payload = estate.retention.one(_PAYLOAD, [log_id]) or b""
    return frozenset(payload[at : at + DIGEST] for at in range(0, len(payload), DIGEST))


def _content(values: list[Any]) -> bytes:
    """Write a schedule as its digest has it: a JSON array of the derived columns, dates as text."""
    *head, side, pack = values
    return msgspec.json.encode([*head, bytes(side).decode(), pack])


def simple(estate: Estate, tally: Tally) -> None:
    """Date simple records anew, with nothing of the service's rules but the pack's text and the calendar."""
    count, versions = 0, dict[str, Versions]()
    for key, row, keep_until, actionable, clock_on, pack, canonical, received in estate.retention.stream(
        _SIMPLE, [list(SIMPLE_ROWS)]
    ):
        count += 1
        estate.progress.at("I4 dates simple records anew,", count)
        if pack not in versions:
            versions[pack] = Versions(packs_until(estate, pack))
        dated = _dated(versions[pack], row, _state(canonical), received)
        if dated != (clock_on, keep_until) or actionable is None or not actionable > keep_until:
            tally.fail("records that the facts date otherwise", f"record {key}")
    tally.looked(count)
    tally.note(f"{count:,} of them dated anew from their facts (rows {' and '.join(SIMPLE_ROWS)})")


def _state(canonical: bytes) -> Mapping[str, Any]:
    data = msgspec.json.decode(canonical)["data"]
    state = data.get("state", data.get("data", data))
    return state if isinstance(state, dict) else {}


def _dated(versions: Versions, row: str, state: Mapping[str, Any], received: date) -> tuple[date | None, date | None]:
    pack = versions.packs[-1]
    zone, leap = ZoneInfo(pack["pack"]["zone"]), pack["pack"]["leap"]
    dates = {name: day_of(state[name], zone) for name in WRITTEN if state.get(name)}
    dates["received_on"] = received
    rule = versions.row(row, next(dates[name] for name in CREATED if name in dates))
    assert rule is not None, "a record's row is one of its pack's"
    clock = next((dates[name] for name in rule["clock"] if name in dates), None)
    ends = [add(clock, Period.parse(rule["retain"]), leap)] if clock else []
    ends += _floors(versions, rule, dates, leap)
    return clock, max(ends, default=None)


def _floors(versions: Versions, rule: Table, dates: Mapping[str, date], leap: Leap) -> Iterator[date]:
    for floor in versions.floors.values():
        start = next((dates[name] for name in floor.get("from", ()) if name in dates), None)
        if floor["id"] in rule.get("floors", ()) and start:
            yield add(start, Period.parse(floor["add"]), leap)
