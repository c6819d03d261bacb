"""I3: the log and the topics hold the same, and the compacted topics equal the state tables."""

from collections.abc import Iterable
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from shared.ids import named
from shared.topics import BY_NAME
from tools.verify.estate import Estate
from tools.verify.findings import Tally
from tools.verify.published import SCHEDULES, printed, shown
from tools.verify.tables import SERVICES, live

_TWICE = "messages published again with another content"
_SHAPELESS = "messages that are not of their model"
_LOG = "SELECT log_id, topic, key, version, substr(sha256(payload), 1, 8), at FROM log WHERE topic IS NOT NULL"
_IDS = "SELECT log_id FROM log WHERE topic IS NOT NULL"
_DROPPED = "SELECT log_id FROM leaf WHERE log_id > 0 AND log_id < %s"
_SCHEDULE = """
SELECT s.announced_version, r.record_uid, s.version,
    CASE WHEN s.lifecycle IN ('executed', 'shredded', 'disposed') OR s.state = 'current' THEN s.lifecycle
        WHEN s.state = 'exception' OR s.lifecycle = 'current' THEN s.state ELSE s.lifecycle END,
    s.row_id, s.pack, s.held, s.restricted, CASE WHEN NOT s.by_age THEN s.keep_until END,
    CASE WHEN NOT s.by_age THEN s.actionable_from END,
    CASE WHEN s.by_age THEN extract(year FROM s.keep_until)::int END,
    CASE WHEN NOT (s.review_kind IN ('own_end', 'birthday') OR s.by_age AND s.review_kind = 'scheduled')
        THEN s.review_on END, s.grp, s.class_id
FROM schedule s JOIN record r USING (record_key)"""  # From the second column on as the message shows it.
_THERE = "SELECT record_uid FROM schedule JOIN record USING (record_key) WHERE record_uid = ANY(%s)"
# Topic, schema, and its rows as (key, version, state): each newest message must say the same.
_TABLES = (
    ("review.tasks.v1", "review", "task", "SELECT task_id, version, state FROM task"),
    ("compliance.measures.v1", "intake", "measure", "SELECT measure, version, NULL FROM measure"),
    ("compliance.measures.v1", "retention", "measure", "SELECT measure, version, NULL FROM measure"),
    ("retention.holds.v1", "retention", "hold", "SELECT hold_id, version, state FROM hold"),
    (
        "retention.policies.v1",
        "retention",
        "pack in force",
        "SELECT pack_hash, max(turn), NULL FROM in_force WHERE told GROUP BY pack_hash",
    ),
    (
        "compliance.certificates.v1",
        "retention",
        "certificate",
        "SELECT disposal_id, NULL, NULL FROM certificate",
    ),
)


class _Row(NamedTuple):
    log_id: int
    topic: str
    key: str
    version: int
    printed: bytes
    at: Any


def check(estate: Estate, tally: Tally) -> None:
    """Match log rows and messages one to one, both ways; then compare the compacted topics with the tables."""
    for service in SERVICES:
        _log(estate, tally, service)
        if stuck := estate.stuck(service, "unpublished"):
            tally.fail("logs whose relay stands still", f"{service}: {stuck:,} rows wait for over five minutes")
    _without_row(estate, tally)
    for topic, places in estate.published.nameless.items():
        for place in places:
            tally.fail("messages that nobody of us wrote", place)
        assert topic in BY_NAME
    twice = [(_TWICE, place) for places in estate.published.twice.values() for place in places]
    for what, place in (*twice, *((_SHAPELESS, place) for place in estate.published.shapeless)):
        tally.fail(what, place)
    _schedules(estate, tally)
    for table in _TABLES:
        _table(estate, tally, *table)


def _name(service: str, log_id: int) -> bytes:
    return named(f"log\n{service}\n{log_id}").bytes


def _log(estate: Estate, tally: Tally, service: str) -> None:
    """Take from the messages what has its log row; what is left has none."""
    queued = estate.queued(service)
    newest: dict[tuple[str, str], tuple[int, _Row | None]] = {}
    for values in estate.schemas[service].stream(_LOG):
        row = _Row(*values)
        tally.looked()
        estate.progress.at(f"I3 matches {service}'s log with the topics,", tally.checked)
        missing = _match(estate, tally, service, row, queued)
        if row.topic in BY_NAME and BY_NAME[row.topic].cleanup == "compact":
            if row.version >= newest.get((row.topic, row.key), (0, None))[0]:
                newest[row.topic, row.key] = (row.version, row if missing else None)
        elif missing:
            tally.fail("log rows that are not on their topic", f"{service} {row.log_id} {row.topic}")
    for _, lost in newest.values():
        if lost is not None:
            tally.fail("log rows that are not on their topic", f"{service} {lost.log_id} {lost.topic}")


def _match(estate: Estate, tally: Tally, service: str, row: _Row, queued: set[int]) -> bool:
    """Say whether the message of a log row is missing without a reason."""
    found = estate.published.ids[row.topic].pop(_name(service, row.log_id), None)
    if found is None:
        if row.log_id in queued:
            tally.wait("log rows wait for the relay")
            return False
        kept = BY_NAME[row.topic].retention if row.topic in BY_NAME else None
        return kept is None or row.at > estate.now - kept
    if found != row.printed:
        tally.fail("messages that differ from their log row", f"{service} {row.log_id} {row.topic}")
    return False


def _without_row(estate: Estate, tally: Tally) -> None:
    """Look again, at the tables as they are now, for the rows of messages that came after the snapshot."""
    if not any(estate.published.ids.values()):
        return
    for service in SERVICES:
        with live(service) as fresh, fresh.connection.transaction():
            _take(estate, service, fresh.stream(_IDS))
            _take(estate, service, fresh.stream(_DROPPED, [estate.dropped_before]))
    for topic, left in estate.published.ids.items():
        for id_ in left:
            tally.fail("messages without a log row", f"{topic} {UUID(bytes=id_)}")


def _take(estate: Estate, service: str, rows: Iterable[tuple[Any, ...]]) -> None:
    for (log_id,) in rows:
        estate.progress.at("I3 looks again for the rows of late messages")
        name = _name(service, log_id)
        for messages in estate.published.ids.values():
            messages.pop(name, None)


def _schedules(estate: Estate, tally: Tally) -> None:
    strangers = set(estate.published.schedules)
    for announced, *row in estate.retention.stream(_SCHEDULE):
        uid, version = row[:2]
        tally.looked()
        estate.progress.at("I3 compares schedules with their topic,", tally.checked)
        strangers.discard(uid.bytes)
        said, told = estate.published.schedules.get(uid.bytes, (0, b""))
        if said < announced:
            tally.fail("schedules whose announced version is not on the topic", uid)
        elif said < version:
            tally.wait("schedules wait to be announced")
        elif said == version and told != printed(shown(row)):
            tally.fail("schedules that the topic tells otherwise", uid)
    _strangers(tally, strangers)
    for key in estate.published.backwards:
        tally.fail("schedules whose versions go back on the topic", key)


def _strangers(tally: Tally, records: set[bytes]) -> None:
    """Tell of whom the topic has a schedule and the table has none: what came after the snapshot is there by now."""
    if not records:
        return
    with live("retention") as fresh:
        there = fresh.rows(_THERE, [sorted(UUID(bytes=each) for each in records)])
    for uid in sorted(records - {row[0].bytes for row in there}):
        tally.fail("keys of a compacted topic that no table has", f"{SCHEDULES} {UUID(bytes=uid)}")


def _table(estate: Estate, tally: Tally, topic: str, service: str, table: str, statement: str) -> None:
    if not estate.schemas[service].has(table):
        return
    queued = _queued_keys(estate, service, topic)
    for key, version, state in estate.schemas[service].stream(statement):
        tally.looked()
        said, payload = estate.published.latest[topic].get(str(key), (0, b""))
        if not payload or (version is not None and said < version):
            if str(key) in queued:
                tally.wait("changes wait for the relay")
            else:
                tally.fail("rows whose newest version is not on their compacted topic", f"{topic} {key}")
        elif state is not None and said == version and msgspec.json.decode(payload).get("state") != state:
            tally.fail("rows that their compacted topic tells otherwise", f"{topic} {key}")


def _queued_keys(estate: Estate, service: str, topic: str) -> set[str]:
    statement = """
        SELECT l.key FROM unpublished u, unnest(u.log_ids) id JOIN log l ON l.log_id = id WHERE l.topic = %s"""
    return {row[0] for row in estate.schemas[service].rows(statement, [topic])}
