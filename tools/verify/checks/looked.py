"""I13: every view of content says who, why, by which reference and when, was logged and told; so was every alert."""

from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from shared.ids import named
from shared.topics import BY_NAME
from tools.verify.estate import Estate
from tools.verify.findings import NotCheckable, Tally
from tools.verify.published import ACCESS

UNKNOWN_PURPOSE = "unknown"
VIEWED, REFUSED, ALERTED = (f"tenure.{name}.v1" for name in ("content.viewed", "content.refused", "access.alerted"))
_VIEWS = """
SELECT a.access_id, a.at, a.record_uid, a.actor, a.purpose, a.reference, a.allowed, a.log_id, l.type, l.subject,
    l.payload
FROM access a LEFT JOIN log l ON l.log_id = a.log_id AND (l.topic = %s OR l.log_id < 0) ORDER BY a.access_id"""
_ALERTS = """
SELECT a.alert_id, a.at, a.record_uid, a.actor, a.kind, a.log_id, l.payload, v.actor, v.record_uid,
    v.allowed OR a.kind = 'screened'
FROM access_alert a LEFT JOIN log l ON l.log_id = a.log_id AND l.topic = %s LEFT JOIN access v USING (access_id)
ORDER BY a.alert_key"""
_UNLOGGED = """
SELECT l.log_id, l.type FROM log l WHERE l.topic = %s AND l.type = ANY(%s)
    AND NOT EXISTS (SELECT FROM access a WHERE a.log_id = l.log_id)
    AND NOT EXISTS (SELECT FROM access a WHERE a.record_uid = l.subject AND a.at = l.at AND a.log_id IS NULL)"""
_UNASKED = """
SELECT access_id FROM access WHERE log_id IS NOT NULL AND allowed IS DISTINCT FROM (refused IS NULL)"""
_LOST = """
SELECT l.subject FROM log l WHERE l.topic = %s AND l.type = %s
    AND NOT EXISTS (SELECT FROM access_alert a WHERE a.alert_id = l.subject)"""


class _View(NamedTuple):
    access_id: int
    at: datetime
    record: UUID
    actor: str
    purpose: str
    reference: str
    allowed: bool
    log_id: int | None
    type: str | None
    subject: UUID | None
    payload: bytes | None

    @property
    def is_hit(self) -> bool:
        """Whether it is a record that a search showed: its row of the log has no topic, and stays for ever."""
        return self.log_id is not None and self.log_id < 0


class _Alert(NamedTuple):
    alert_id: UUID
    at: datetime
    record: UUID
    actor: str
    kind: str
    log_id: int
    payload: bytes | None
    viewer: str | None
    viewed: UUID | None
    fits: bool | None


def check(estate: Estate, tally: Tally) -> None:
    """Hold the access log against the log and the topic, both ways; then the alerts."""
    if not estate.intake.has("access_alert"):
        raise NotCheckable("this version has no alerts about views")
    told = _Told(estate)
    _views(estate, tally, told)
    for log_id, kind in estate.intake.stream(_UNLOGGED, [ACCESS, [VIEWED, REFUSED]]):
        tally.fail("views told of that the access log does not have", f"log {log_id} {kind}")
    for (access_id,) in estate.intake.stream(_UNASKED):
        tally.fail("views shown and refused at once, or refused without a reason", f"access {access_id}")
    for values in estate.intake.stream(_ALERTS, [ACCESS]):
        tally.looked()
        for what in _wrong_alert(_Alert(*values), told):
            tally.fail(what, values[0])
    for (alert,) in estate.intake.stream(_LOST, [ACCESS, ALERTED]):
        tally.fail("alerts told of that the table does not have", alert)


class _Told:
    """What was published of views, and what need not be: it waits for the relay, or is dropped after its time."""

    def __init__(self, estate: Estate) -> None:
        self.queued = estate.queued("intake")
        # I3 takes ids out of its own look as it matches them; the topic is read here by what it holds.
        self.ids = estate.published.looked
        self.dropped_before = estate.dropped_before
        kept = BY_NAME[ACCESS].retention
        assert kept is not None, "the topic is kept by age"
        self.published_since = estate.now - kept

    def lost(self, log_id: int, at: datetime) -> bool:
        """Say whether the message of a log row should be on the topic and is not."""
        if log_id in self.queued or at < self.published_since:
            return False
        return str(named(f"log\nintake\n{log_id}")).encode() not in self.ids

    def dropped(self, log_id: int) -> bool:
        """Say whether a log row is gone by its age."""
        return log_id < self.dropped_before


def _views(estate: Estate, tally: Tally, told: _Told) -> None:
    shown = refused = before = hits = 0
    for values in estate.intake.stream(_VIEWS, [ACCESS]):
        view = _View(*values)
        tally.looked()
        estate.progress.at("I13 looks at views,", tally.checked)
        hits += view.is_hit
        shown, refused = shown + (view.allowed and not view.is_hit), refused + (not view.allowed)
        before += view.log_id is None
        for what in _wrong_view(view, told):
            tally.fail(what, f"access {view.access_id} record {view.record}")
    tally.note(f"{shown:,} views shown and {refused:,} refused, {hits:,} hits of searches shown")
    if before:
        tally.note(f"{before:,} are from before the access log named its log rows: their rows were not looked for")


def _wrong_view(view: _View, told: _Told) -> list[str]:
    found = []
    # A refusal may be because there was no reference; what is shown has one.
    missing = [name for name in ("actor", "purpose", "reference") if not str(getattr(view, name)).strip()]
    if view.allowed and missing:
        found.append(f"views shown without {' and '.join(missing)}")
    if view.log_id is None or (view.payload is None and not view.is_hit and told.dropped(view.log_id)):
        return found
    if view.payload is None:
        return [*found, "views without their row in the log"]
    if _told_otherwise(view, msgspec.json.decode(view.payload)):
        found.append("views that the log tells otherwise")
    if not view.is_hit and told.lost(view.log_id, view.at):
        found.append("views that are not on the topic")
    return found


def _told_otherwise(view: _View, said: dict[str, Any]) -> bool:
    # A purpose that no pack knows was refused, and is whatever somebody typed: the log says only that it was unknown.
    purposes = {view.purpose} if view.allowed or view.is_hit else {view.purpose, UNKNOWN_PURPOSE}
    if (said.get("actor"), view.subject) != (view.actor, view.record) or said.get("purpose") not in purposes:
        return True
    if view.is_hit:
        return bool(said.get("reference") != view.reference)
    kind = VIEWED if view.allowed else REFUSED
    return (view.type, said.get("record_id"), _instant(said)) != (kind, str(view.record), view.at)


def _wrong_alert(alert: _Alert, told: _Told) -> list[str]:
    found = []
    if (alert.viewer, alert.viewed) != (alert.actor, alert.record) or not alert.fits:
        found.append("alerts about no such view")
    if alert.payload is None:
        return found if told.dropped(alert.log_id) else [*found, "alerts without their event in the log"]
    said = msgspec.json.decode(alert.payload)
    same = (said.get("alert_id"), said.get("record_id"), said.get("actor"), said.get("kind"), _instant(said))
    if same != (str(alert.alert_id), str(alert.record), alert.actor, alert.kind, alert.at):
        found.append("alerts that the log tells otherwise")
    if told.lost(alert.log_id, alert.at):
        found.append("alerts whose event is not on the topic")
    return found


def _instant(said: dict[str, Any]) -> datetime | None:
    try:
        return datetime.fromisoformat(str(said.get("at")))
    except ValueError:
        return None
