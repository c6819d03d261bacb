"""I7 and I11, for records: past its last day none is forgotten; no deadline has two owners, and none waits unseen."""

import time
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import msgspec

from shared.clock import monotonic
from tools.verify.estate import STUCK_AFTER, Estate
from tools.verify.findings import Tally
from tools.verify.tables import Schema, live

BACKLOG = "due.backlog"
LOOK_SECONDS = 0.5
_ASKED = """EXISTS (SELECT FROM review_wanted w WHERE w.record_key = s.record_key) OR EXISTS (
    SELECT FROM link l JOIN person_schedule a USING (nominal_key) JOIN person_schedule b ON b.root = a.root
    JOIN review_wanted w ON w.nominal_key = b.nominal_key
    WHERE l.record_key = s.record_key AND (l.offending OR l.accused_on IS NOT NULL))"""
_HELD = """EXISTS (SELECT FROM hold_exposure e JOIN hold h USING (hold_id)
    WHERE e.record_key = s.record_key AND h.state <> 'released')"""
_ORDERED = "EXISTS (SELECT FROM disposal_order o WHERE o.record_key = s.record_key AND o.state = 'cooling')"
_REVIEWED = "SELECT FROM review_member m JOIN review v USING (review_id) WHERE m.record_key = s.record_key AND v.state"
_DIRTY = """EXISTS (SELECT FROM dirty d WHERE d.record_key = s.record_key)
    OR EXISTS (SELECT FROM link l JOIN dirty d USING (nominal_key) WHERE l.record_key = s.record_key)"""
_IN_HAND = "s.state = 'current' AND s.lifecycle IN ('current', 'due', 'in_review', 'ordered')"
# What is due and that nobody has in hand; a hold, an order, a review, or one asked for is having it in hand.
_LOOSE = f"""
SELECT r.record_uid, s.pack, {_DIRTY}, s.actionable_from < %(today)s
FROM schedule s JOIN record r USING (record_key)
WHERE {_IN_HAND} AND s.open_on <= %(today)s AND r.executed_by IS NULL AND NOT (s.held AND {_HELD}) AND NOT {_ORDERED}
    AND NOT EXISTS ({_REVIEWED} = 'open') AND NOT ({_ASKED}) ORDER BY s.open_on, s.record_key"""
_PAST = f"SELECT count(*) FROM schedule s WHERE {_IN_HAND} AND s.actionable_from <= %s"
_OPEN = "SELECT review_id, requested_at < %s FROM review WHERE state = 'open' ORDER BY 1"
_TWICE = {
    "subjects with two open reviews": """SELECT coalesce('record ' || record_key, 'nominal ' || nominal_key)
        FROM review WHERE state = 'open' GROUP BY 1 HAVING count(*) > 1 ORDER BY 1""",
    "records with two open orders": """SELECT record_key FROM disposal_order WHERE state = 'cooling'
        AND record_key IS NOT NULL GROUP BY 1 HAVING count(*) > 1 ORDER BY 1""",
    "records on order that are not shown so": """SELECT o.record_key FROM disposal_order o JOIN schedule s
        USING (record_key) WHERE o.state = 'cooling' AND s.lifecycle <> 'ordered' ORDER BY 1""",
}


def check_overdue(estate: Estate, tally: Tally) -> None:
    """Follow each record past its last day to whoever has it in hand, and each open review to its task."""
    if not estate.retention.has("superseded"):
        return
    estate.progress.at("I7 looks at what is past its last day")
    today = _today(estate)
    tally.looked(estate.retention.one(_PAST, [today]))
    loose = [uid for uid, past in _loose(estate, tally, today) if past]
    for uid in _left(estate, tally, loose, today):
        tally.fail("records past their last day with no task, order, hold or reason", uid)
    _tasks(estate, tally)


def check_deadlines(estate: Estate, tally: Tally) -> None:
    """See that no deadline is claimed by two, and that what waits for its turn is published as waiting."""
    if not estate.retention.has("superseded"):
        return
    estate.progress.at("I11 looks at who has what in hand")
    for what, statement in _TWICE.items():
        for (subject,) in estate.retention.stream(statement):
            tally.fail(what, subject)
    ran_on = estate.retention.one("SELECT ran_on FROM tick WHERE job = 'lifecycle'")
    tally.looked(estate.retention.one("SELECT count(*) FROM review WHERE state = 'open'"))
    if ran_on is None:
        return
    loose = [uid for uid, _ in _loose(estate, tally, ran_on)]
    tally.looked(len(loose))
    for uid in _left(estate, tally, loose, ran_on):
        tally.fail("records that have fallen due and wait without being in the published backlog", uid)


def _today(estate: Estate) -> date:
    """Give the day that policy has, or that on which time was last acted on, if that is before it."""
    offset = estate.retention.one("SELECT offset_days FROM clock") or 0
    ran_on: date | None = estate.retention.one("SELECT ran_on FROM tick WHERE job = 'lifecycle'")
    today = (estate.now + timedelta(days=offset)).date()
    return min(today, ran_on) if ran_on else today


def _loose(estate: Estate, tally: Tally, today: date) -> list[tuple[UUID, bool]]:
    """List what is due by a day and nobody has in hand, and whether its last day is past; reasons are counted."""
    found = []
    for uid, pack, dirty, past in estate.retention.stream(_LOOSE, {"today": today}):
        if dirty:
            tally.wait("records wait to be settled")
        elif (estate.packs.get(pack) or _LIVE)["pack"]["mode"] != "live":
            tally.wait("records are due under a pack that only observes")
        else:
            found.append((uid, past))
    return found


_LIVE: dict[str, Any] = {"pack": {"mode": "live"}}


def _left(estate: Estate, tally: Tally, loose: list[UUID], today: date) -> list[UUID]:
    """Give what is still in nobody's hand, and not published as waiting, after what the next ticks do about it.

    What fell due since the last tick has its turn at the next; of more than one tick takes, the number is published.
    """
    if not loose or _published(estate.retention, len(loose)):
        tally.wait("records that have fallen due wait for their turn, as published", len(loose))
        return []
    until = monotonic() + estate.patience
    with live("retention") as fresh:
        while True:
            found = {uid for uid, _, dirty, _ in fresh.rows(_LOOSE, {"today": today}) if not dirty}
            left = [uid for uid in loose if uid in found]
            if not left or _published(fresh, len(left)):
                tally.wait("records had fallen due just now, and had their turn", len(loose))
                return []
            if monotonic() >= until:
                return left
            estate.progress.at("waits for their turn: records that have fallen due,", len(left))
            time.sleep(LOOK_SECONDS)


def _published(retention: Schema, count: int) -> bool:
    """Say whether as many are published as waiting."""
    payload = retention.one("SELECT payload FROM measure WHERE measure = %s", [BACKLOG])
    said = msgspec.json.decode(bytes(payload))["value"] if payload else 0
    return 0 < count <= (said or 0)


def _tasks(estate: Estate, tally: Tally) -> None:
    tasks = {row[0] for row in estate.review.stream("SELECT task_id FROM task")}
    for review_id, old in estate.retention.stream(_OPEN, [estate.now - STUCK_AFTER]):
        tally.looked()
        if review_id not in tasks and not old:
            tally.wait("reviews are on their way to those who decide")
        elif review_id not in tasks:
            tally.fail("open reviews of which nobody has a task", review_id)
