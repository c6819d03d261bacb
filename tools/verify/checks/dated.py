"""I6: every record is scheduled, permanent with a review date, or an exception with an owner."""

from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

from tools.verify.estate import STUCK_AFTER, Estate
from tools.verify.findings import Tally
from tools.verify.published import REGISTERED

_UNDATED = """
SELECT r.record_uid, s.record_key IS NULL,
    EXISTS (SELECT FROM dirty d WHERE d.record_key = r.record_key)
        OR EXISTS (SELECT FROM link l JOIN dirty d USING (nominal_key) WHERE l.record_key = r.record_key),
    EXISTS (SELECT FROM fact f WHERE f.record_key = r.record_key AND f.kind = 'record_state'), s.pack, s.row_id,
    s.state = 'current' AND num_nonnulls(s.keep_until, s.actionable_from, s.open_on) = 0 AND s.review_on IS NOT NULL,
    EXISTS (SELECT FROM part p WHERE r.record_key IN (p.part_key, p.file_key) AND p.now)
FROM record r LEFT JOIN schedule s USING (record_key)
WHERE s.record_key IS NULL OR s.review_on IS NULL OR CASE s.state
    WHEN 'current' THEN s.keep_until IS NULL OR s.actionable_from IS NULL OR s.open_on IS NULL OR s.row_id IS NULL
    WHEN 'permanent' THEN s.row_id IS NULL
    WHEN 'exception' THEN coalesce(s.owner, '') = '' OR coalesce(s.problem, '') = ''
    ELSE true END"""
_KNOWN = (
    "SELECT record_uid FROM record r WHERE EXISTS (SELECT FROM fact f WHERE f.record_key = r.record_key) ORDER BY 1"
)
_STUCK = (
    "SELECT coalesce('record ' || record_key, 'nominal ' || nominal_key) FROM dirty WHERE marked_at < %s ORDER BY 1"
)
_ACCEPTED = "SELECT record_uid FROM record WHERE kind = 'record' AND accepted_on IS NOT NULL ORDER BY 1"
_QUEUED = """
SELECT DISTINCT l.subject::text FROM unpublished u, unnest(u.log_ids) id JOIN log l ON l.log_id = id
WHERE l.topic = %s"""
_LETTERS = "SELECT key FROM dead_letter WHERE topic = %s"


def check(estate: Estate, tally: Tally) -> None:
    """Follow each record that intake accepted to its schedule."""
    tally.looked(estate.retention.one("SELECT count(*) FROM record"))
    estate.progress.at("I6 looks for undated records")
    waiting = {pack: _waiting_rows(text) for pack, text in estate.packs.items()}
    for uid, without, marked, stated, pack, row, undated, filed in estate.retention.stream(_UNDATED):
        if marked:
            tally.wait("records wait to be settled")
        elif without and not stated:
            tally.wait("records are known only from contacts, triggers or links: their state never came")
        elif not (undated and row and (filed or row in waiting.get(pack, ()))):
            tally.fail("records without a date, a review date or an owner", uid)
    for (subject,) in estate.retention.stream(_STUCK, [estate.now - STUCK_AFTER]):
        tally.fail("subjects whose facts nobody has derived from for over five minutes", subject)
    _accepted(estate, tally)


def _waiting_rows(pack: Mapping[str, Any]) -> set[str]:
    """Name the rows of a pack that give no day before something has happened: only these may lack one."""
    triggers = {each["name"] for each in pack.get("trigger", ())}
    pending = {each["id"] for each in pack.get("floor", ()) if each.get("pending")}
    return {
        row["id"]
        for row in pack.get("row", ())
        if not pending.isdisjoint(row.get("floors", ()))
        or any(
            (start if isinstance(start, str) else start.get("trigger")) in triggers for start in row.get("clock", ())
        )
    }


def _accepted(estate: Estate, tally: Tally) -> None:
    unread = estate.published.unread(estate.positions("retention", REGISTERED))
    unread |= {row[0] for row in estate.intake.rows(_QUEUED, [REGISTERED])}
    letters = {row[0] for row in estate.retention.rows(_LETTERS, [REGISTERED])}
    known = estate.retention.stream(_KNOWN)
    at = next(known, None)
    for (uid,) in estate.intake.stream(_ACCEPTED):
        tally.looked()
        estate.progress.at("I6 follows accepted records to retention,", tally.checked)
        while at is not None and at[0] < uid:
            at = next(known, None)
        if at is None or at[0] != uid:
            _missing(tally, uid, unread, letters)


def _missing(tally: Tally, uid: UUID, unread: Collection[str], letters: Collection[str]) -> None:
    if str(uid) in unread:
        tally.wait("records are on their way to retention")
    elif str(uid) in letters:
        tally.wait("records are parked as dead letters of retention")
    else:
        tally.fail("accepted records that retention does not know", uid)
