"""I2: both accounts close, and agree with the rows that they count."""

from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple
from uuid import UUID

from tools.verify.estate import Estate
from tools.verify.findings import Tally

OUTCOMES = ("accepted", "superseded", "duplicate", "quarantined", "discarded", "unreadable", "forbidden")
TERMS = ("disposed", "transferred", "held", "on order", "active")
GONE = frozenset({"executed", "shredded", "disposed"})
STATES = GONE | {"current", "due", "in_review", "ordered", "transferred", "permanent", "exception"}

_EVENTS = """
SELECT coalesce(s.source, 'source ' || source_key), received_on, outcome, coalesce(a.n, 0), coalesce(b.n, 0)
FROM (SELECT source_key, received_on, outcome, count(*) n FROM arrival GROUP BY 1, 2, 3) a
FULL JOIN (SELECT source_key, received_on, outcome, sum(n) n FROM account GROUP BY 1, 2, 3) b
    USING (source_key, received_on, outcome) LEFT JOIN source s USING (source_key) ORDER BY 1, 2, 3"""
_RECORDS = """
SELECT coalesce(r.record_uid, l.record_uid), r.record_uid IS NOT NULL, r.accepted_on IS NOT NULL, r.version,
    r.executed_by IS NOT NULL, l.version, l.state, l.held, l.restricted
FROM (SELECT * FROM record WHERE kind = 'record') r FULL JOIN lifecycle l USING (record_uid) ORDER BY 1"""
_VERSIONS = """
SELECT r.record_uid, r.version, count(s.version), coalesce(min(s.version), 1), coalesce(max(s.version), 0), r.sequence,
    coalesce(max(s.sequence), 0)
FROM record r LEFT JOIN record_state s USING (record_key) GROUP BY r.record_key
HAVING r.version <> count(s.version) OR coalesce(min(s.version), 1) <> 1 OR coalesce(max(s.version), 0) <> r.version
    OR r.sequence <> coalesce(max(s.sequence), 0)"""
# One that came just before its record went was accepted once, and nothing of it is sealed under the record.
_STATES = """
SELECT s.record_key, s.arrival_key FROM record_state s LEFT JOIN arrival a USING (arrival_key)
WHERE a.arrival_key IS NULL OR a.record_key IS DISTINCT FROM s.record_key
    OR (a.outcome NOT IN ('accepted', 'superseded') AND (s.body_id IS NOT NULL OR NOT EXISTS (
        SELECT FROM further_receipt f WHERE f.event_uid = a.event_uid AND f.names = a.receipt_id
            AND f.was IN ('accepted', 'superseded'))))"""
_SCHEDULES = """
SELECT r.record_uid, s.version, CASE WHEN s.lifecycle IN ('executed', 'shredded', 'disposed') OR s.state = 'current'
    THEN s.lifecycle WHEN s.state = 'exception' OR s.lifecycle = 'current' THEN s.state ELSE s.lifecycle END,
    s.held, s.restricted
FROM schedule s JOIN record r USING (record_key) ORDER BY 1"""

_SEEN = """
WITH counted AS (SELECT source_key, sum(n) AS n FROM (SELECT source_key, events AS n FROM source_seen
    UNION ALL SELECT unnest(day_sources), unnest(day_events) FROM tally) c GROUP BY 1),
came AS (SELECT source_key, count(*) AS n FROM arrival WHERE first AND event_id IS NOT NULL
    AND type IS DISTINCT FROM 'tenure.manifest.published.v1' GROUP BY 1)
SELECT coalesce(s.source, 'source ' || source_key), coalesce(counted.n, 0), coalesce(came.n, 0)
FROM counted FULL JOIN came USING (source_key) LEFT JOIN source s USING (source_key) ORDER BY 1"""
_LAGS = """
WITH counted AS (SELECT source_key, day, lag, sum(n) AS n FROM (
        SELECT source_key, received_on AS day, lag, n FROM lag_count UNION ALL
        SELECT unnest(source_keys), received_on, lag, 1 FROM tally, unnest(ARRAY['reported_to_recorded',
            'recorded_to_received']) lag) c GROUP BY 1, 2, 3),
came AS (SELECT source_key, accepted_on AS day, lag, count(*) AS n FROM record, unnest(ARRAY['reported_to_recorded',
        'recorded_to_received']) lag WHERE kind = 'record' AND accepted_on IS NOT NULL GROUP BY 1, 2, 3)
SELECT coalesce(s.source, 'source ' || source_key), day, lag, coalesce(counted.n, 0), coalesce(came.n, 0)
FROM counted FULL JOIN came USING (source_key, day, lag) LEFT JOIN source s USING (source_key) ORDER BY 1, 2, 3"""
# Those that nothing is under way about; worked out from the ids alone.
_MANIFESTS = """
SELECT s.source, m.begins, m.ends, m.expected, m.state, m.arrived
FROM manifest m JOIN source s USING (source_key), LATERAL (
    SELECT array_agg(event_id) AS ids, count(*) AS n, encode(sha256(convert_to(coalesce(string_agg(
        event_id, E'\\n' ORDER BY event_id COLLATE "C"), ''), 'UTF8')), 'hex') AS digest
    FROM arrival a WHERE a.source_key = m.source_key AND a.first AND a.event_id IS NOT NULL
        AND a.counted_at >= m.begins AND a.counted_at < m.ends
        AND a.type IS DISTINCT FROM 'tenure.manifest.published.v1') came, LATERAL (
    SELECT count(*) AS n FROM unnest(m.ids) id WHERE NOT EXISTS (SELECT FROM arrival a
        WHERE a.source_key = m.source_key AND a.first AND a.event_id = id)) missing
WHERE m.state <> 'open' AND NOT m.stale AND NOT EXISTS (SELECT FROM tally)
    AND (m.state = 'matched') IS DISTINCT FROM (CASE WHEN m.ids IS NULL
        THEN came.n = m.expected AND came.digest = m.digest
        ELSE missing.n = 0 AND NOT EXISTS (SELECT unnest(came.ids) EXCEPT SELECT unnest(m.ids)) END)
ORDER BY 1, 2, 3"""


class _Told(NamedTuple):
    version: int
    state: str
    held: bool
    restricted: bool


def check(estate: Estate, tally: Tally) -> None:
    """Count arrivals and records anew, and compare."""
    _events(estate, tally)
    _versions(estate, tally)
    _records(estate, tally)
    _tallied(estate, tally, "sources count other events than came", _SEEN)
    _tallied(estate, tally, "lags count other records than were taken in", _LAGS)
    for source, begins, ends, expected, state, arrived in estate.intake.rows(_MANIFESTS):
        tally.fail("manifests compare otherwise", f"{source} {begins} to {ends}: {state}, {arrived} of {expected}")


def _tallied(estate: Estate, tally: Tally, what: str, statement: str) -> None:
    """Compare what a tick counts with the rows, with what waits for the tick."""
    for source, *at, counted, came in estate.intake.rows(statement):
        tally.looked()
        if counted != came:
            tally.fail(what, f"{source} {' '.join(map(str, at))}: {counted} counted, {came} there")


def _events(estate: Estate, tally: Tally) -> None:
    totals: Counter[str] = Counter()
    estate.progress.at("I2 counts arrivals")
    for source, day, outcome, counted, written in estate.intake.rows(_EVENTS):
        tally.looked(counted)
        totals[outcome] += counted
        if counted != written:
            tally.fail(
                "accounts differ from the arrivals", f"{source} {day} {outcome}: {counted} came, {written} written"
            )
        if outcome not in OUTCOMES:
            tally.fail("arrivals have an outcome of no account", f"{source} {day} {outcome}")
    terms = " + ".join(f"{totals[outcome]:,} {outcome}" for outcome in OUTCOMES if totals[outcome])
    tally.note(f"events: {totals.total():,} received = {terms or 'none'}")


def _versions(estate: Estate, tally: Tally) -> None:
    """Versions lead from the account of events to that of records: each is one arrival's."""
    estate.progress.at("I2 counts versions")
    for uid, *_ in estate.intake.stream(_VERSIONS):
        tally.fail("records' versions and states do not agree", uid)
    for key, arrival in estate.intake.stream(_STATES):
        tally.fail("states of no accepted arrival", f"record {key}, arrival {arrival}")


def _records(estate: Estate, tally: Tally) -> None:
    terms: Counter[str] = Counter()
    schedules = _Merged(estate.retention.stream(_SCHEDULES))
    for uid, known, accepted, version, executed, *told in estate.intake.stream(_RECORDS):
        estate.progress.at("I2 puts records into their terms,", terms.total())
        lifecycle = _Told(*told) if told[0] is not None else None
        if not known:
            tally.fail("schedules of records that never came in", uid)
            continue
        tally.looked()
        if accepted != (version > 0):
            tally.fail("records with a version and without a day of acceptance, or the reverse", uid)
        if accepted:
            terms[_term(executed, lifecycle)] += 1
        if lifecycle is not None:
            _agrees(estate, tally, uid, lifecycle, schedules.at(uid))
    shown = " + ".join(f"{terms[term]:,} {term}" for term in TERMS if terms[term])
    tally.note(f"records: {terms.total():,} accepted = {shown or 'none'}")


def _term(executed: bool, told: _Told | None) -> str:
    """Give the first term that applies; what retention never spoke of is active."""
    if executed or (told and told.state in GONE):
        return "disposed"
    if told is None:
        return "active"
    if told.state == "transferred":
        return "transferred"
    return "held" if told.held else "on order" if told.state == "ordered" else "active"


def _agrees(estate: Estate, tally: Tally, uid: UUID, told: _Told, schedule: _Told | None) -> None:
    """Compare what intake was told with what retention says, and with what was published meanwhile."""
    latest = estate.published.schedules.get(uid.bytes, (0, b""))[0]
    if told.state not in STATES:
        tally.fail("records in a state of no account", uid)
    if told.version > latest:
        tally.fail("lifecycles that no schedule told of", uid)
    elif schedule is not None and told.version == schedule.version and told != schedule:
        tally.fail("lifecycles differ from the schedule", uid)
    elif schedule is not None and told.version < schedule.version:
        tally.wait("schedules are on their way to intake")


class _Merged:
    """Rows in the order of a uuid, asked for in that order."""

    def __init__(self, rows: Iterator[tuple[Any, ...]]) -> None:
        self.rows = rows
        self.row = next(rows, None)

    def at(self, uid: UUID) -> _Told | None:
        """Give the row of this uuid, leaving behind those before it."""
        while self.row is not None and self.row[0] < uid:
            self.row = next(self.rows, None)
        return _Told(*self.row[1:]) if self.row is not None and self.row[0] == uid else None
