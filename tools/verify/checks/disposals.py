"""I8: nothing was disposed of early, without its ground and approvals, without a hold check, or under a hold."""

from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

from tools.verify.checks import discards, grounds, unlinks
from tools.verify.estate import Estate
from tools.verify.findings import NotCheckable, Tally

_DISPOSALS = """
SELECT x.disposal_id, x.record_key, x.executed_on, x.executed_at, x.proof, x.holds_found, x.log_id, o.state,
    o.execute_from, o.review_id, o.row_id, s.pack, s.keep_until, s.actionable_from, s.lifecycle,
    r.executed_by = x.disposal_id
FROM disposal x LEFT JOIN disposal_order o USING (disposal_id) LEFT JOIN schedule s ON s.record_key = x.record_key
    LEFT JOIN record r ON r.record_key = x.record_key
WHERE x.record_key IS NOT NULL ORDER BY x.disposal_id"""
_ORDERS = """
SELECT disposal_id FROM disposal_order o WHERE o.state = 'executed'
    AND NOT EXISTS (SELECT FROM disposal x WHERE x.disposal_id = o.disposal_id)"""


class _Disposal(NamedTuple):
    disposal_id: UUID
    record_key: int
    executed_on: date
    executed_at: Any
    proof: dict[str, Any]
    holds_found: int
    log_id: int
    state: str | None
    execute_from: date | None
    review_id: UUID | None
    row_id: str | None
    pack: str | None
    keep_until: date | None
    actionable_from: date | None
    lifecycle: str | None
    marked: bool | None


def check(estate: Estate, tally: Tally) -> None:
    """Judge each disposal again by what was written down of it, and by every hold that there was."""
    if not estate.retention.has("disposal"):
        raise NotCheckable("this version has no disposals")
    for values in estate.retention.stream(_DISPOSALS):
        tally.looked()
        estate.progress.at("I8 judges disposals again,", tally.checked)
        disposal = _Disposal(*values)
        for what in _wrong(estate, disposal):
            tally.fail(what, disposal.disposal_id)
    grounds.held(estate, tally, "disposal", "disposals under a hold")
    for (disposal_id,) in estate.retention.stream(_ORDERS):
        tally.fail("executed orders without a disposal", disposal_id)
    discards.check(estate, tally)
    unlinks.check(estate, tally)


def _wrong(estate: Estate, disposal: _Disposal) -> list[str]:
    found = []
    proof = disposal.proof
    until = [disposal.keep_until, _day(proof.get("keep_until"))]
    if not all(until) or any(day and disposal.executed_on <= day for day in until):
        found.append("disposals before their last day was over")
    if disposal.execute_from is None or disposal.executed_on < disposal.execute_from:
        found.append("disposals before their cooling-off was over")
    if not proof.get("holds_checked_at") or proof.get("holds_found") != 0 or disposal.holds_found:
        found.append("disposals without a recorded hold check")
    if (
        disposal.state != "executed"
        or not disposal.marked
        or disposal.lifecycle not in ("executed", "shredded", "disposed")
    ):
        found.append("disposals that order, record and schedule do not know")
    if not _grounded(estate, disposal):
        found.append("disposals without a rule or an approved decision")
    return found


def _day(text: object) -> date | None:
    return date.fromisoformat(text) if isinstance(text, str) else None


def _grounded(estate: Estate, disposal: _Disposal) -> bool:
    """Say whether the row lets time alone dispose, or every decision named stands with its chain of approval."""
    pack = grounds.live(estate, disposal.proof.get("pack_executed") or disposal.pack)
    if pack is None:
        return False
    decisions = disposal.proof.get("decision_ids") or ([disposal.review_id] if disposal.review_id else [])
    if disposal.review_id is None:
        rule: dict[str, Any] = next((row for row in pack["row"] if row["id"] == disposal.row_id), {})
        return rule.get("end") == "dispose" and bool(rule.get("confirmed"))
    return bool(decisions) and all(grounds.decided(estate, pack, review_id) for review_id in decisions)
