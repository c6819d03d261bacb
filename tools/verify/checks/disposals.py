"""I8: nothing was disposed of early, without its ground and approvals, without a hold check, or under a hold."""

from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

from tools.verify.checks import discards
from tools.verify.estate import Estate
from tools.verify.findings import NotCheckable, Tally

_DISPOSALS = """
SELECT x.disposal_id, x.record_key, x.executed_on, x.executed_at, x.proof, x.holds_found, x.log_id, o.state,
    o.execute_from, o.review_id, o.row_id, s.pack, s.keep_until, s.actionable_from, s.lifecycle,
    r.executed_by = x.disposal_id
FROM disposal x LEFT JOIN disposal_order o USING (disposal_id) LEFT JOIN schedule s ON s.record_key = x.record_key
    LEFT JOIN record r ON r.record_key = x.record_key
WHERE x.record_key IS NOT NULL ORDER BY x.disposal_id"""
_DECIDED = """
SELECT d.outcome, d.decided_by, d.approved_by, r.grp FROM decision d JOIN review r USING (review_id)
WHERE d.review_id = %s ORDER BY d.version DESC LIMIT 1"""
# A hold placed before the execution and not released before it, whose scope covers the record as it is known today.
_HELD = """
SELECT x.disposal_id, h.hold_id,
    (SELECT e.leaf_index FROM log l JOIN leaf e USING (log_id) WHERE l.subject = h.hold_id
        AND l.topic = 'retention.holds.v1' ORDER BY l.version, l.log_id LIMIT 1) AS placed,
    (SELECT e.leaf_index FROM leaf e WHERE e.log_id = x.log_id) AS gone
FROM disposal x JOIN record r USING (record_key) JOIN hold h
    ON h.placed_at < x.executed_at AND (h.released_at IS NULL OR h.released_at > x.executed_at)
WHERE (NOT h.by_record
        OR EXISTS (SELECT FROM hold_record y WHERE y.hold_id = h.hold_id AND y.record_uid = r.record_uid))
    AND (NOT h.by_nominal OR EXISTS (SELECT FROM hold_nominal y JOIN nominal n USING (nominal_ref) JOIN link l
        USING (nominal_key) WHERE y.hold_id = h.hold_id AND l.record_key = r.record_key))
    AND (h.record_types IS NULL OR r.record_types && h.record_types) AND (h.units IS NULL OR r.units && h.units)
    AND (h.offences IS NULL OR r.offences && h.offences) AND (h.sources IS NULL OR r.source_systems && h.sources)
    AND (h.span IS NULL OR r.spans && h.span)"""
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
    for disposal_id, hold_id, placed, gone in estate.retention.stream(_HELD):
        # Both were written behind the gate, so the ledger has them in the order in which they took effect.
        if placed is None or gone is None or placed < gone:
            tally.fail("disposals under a hold", f"{disposal_id} hold {hold_id}")
    for (disposal_id,) in estate.retention.stream(_ORDERS):
        tally.fail("executed orders without a disposal", disposal_id)
    discards.check(estate, tally)


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
    pack = estate.packs.get(disposal.proof.get("pack_executed") or disposal.pack or "")
    if pack is None or pack["pack"]["mode"] != "live":
        return False
    decisions = disposal.proof.get("decision_ids") or ([disposal.review_id] if disposal.review_id else [])
    if disposal.review_id is None:
        rule: dict[str, Any] = next((row for row in pack["row"] if row["id"] == disposal.row_id), {})
        return rule.get("end") == "dispose" and bool(rule.get("confirmed"))
    return bool(decisions) and all(_decided(estate, pack, review_id) for review_id in decisions)


def _decided(estate: Estate, pack: dict[str, Any], review_id: object) -> bool:
    rows = estate.retention.rows(_DECIDED, [str(review_id)])
    if not rows:
        return False
    outcome, decided_by, approved_by, group = rows[0]
    chain: list[Any] = next((each.get("chain", []) for each in pack.get("group", ()) if each["id"] == group), [])
    return outcome == "dispose" and bool(decided_by) and len(set(approved_by) - {decided_by}) >= len(chain)
