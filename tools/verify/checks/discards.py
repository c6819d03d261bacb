"""I8, for quarantined events: none was discarded by one person, before its day, unchecked, or under a hold."""

from typing import Any

from tools.verify.checks import grounds
from tools.verify.estate import Estate
from tools.verify.findings import Tally

_DISCARDS = """
SELECT x.disposal_id, x.executed_on, x.proof, x.holds_found, o.state, o.execute_from, o.n, d.proposed_by, d.approved_by
FROM disposal x LEFT JOIN disposal_order o USING (disposal_id) LEFT JOIN discard d USING (disposal_id)
WHERE x.record_key IS NULL ORDER BY x.disposal_id"""
# As the rule is: something of what the hold says is known of the event, and nothing is known to be otherwise.
_HELD = """
SELECT x.disposal_id, h.hold_id,
    (SELECT e.leaf_index FROM log l JOIN leaf e USING (log_id) WHERE l.subject = h.hold_id
        AND l.topic = 'retention.holds.v1' ORDER BY l.version, l.log_id LIMIT 1) AS placed,
    (SELECT e.leaf_index FROM leaf e WHERE e.log_id = x.log_id) AS gone
FROM disposal x JOIN discard d USING (disposal_id) JOIN hold h
    ON h.placed_at < x.executed_at AND (h.released_at IS NULL OR h.released_at > x.executed_at),
    LATERAL (VALUES
        (CASE WHEN h.by_record AND d.subject IS NOT NULL THEN d.subject IN
            (SELECT y.record_uid FROM hold_record y WHERE y.hold_id = h.hold_id) END),
        (CASE WHEN h.by_nominal AND (d.nominals IS NOT NULL OR d.subject IN
            (SELECT y.nominal_ref FROM hold_nominal y WHERE y.hold_id = h.hold_id)) THEN EXISTS
            (SELECT FROM hold_nominal y WHERE y.hold_id = h.hold_id
                AND y.nominal_ref = ANY(array_append(d.nominals, d.subject))) END),
        (h.record_types && d.record_types), (h.units && d.units), (h.offences && d.offences), (h.sources && d.sources),
        (h.span && d.spans)) said(matches)
GROUP BY 1, 2, 3, 4 HAVING bool_or(said.matches) AND bool_and(coalesce(said.matches, true))"""


def check(estate: Estate, tally: Tally) -> None:
    """Judge each discard again by what was written down of it, and by every hold that there was."""
    if not estate.retention.has("discard"):
        return
    for disposal_id, *values in estate.retention.stream(_DISCARDS):
        tally.looked()
        for what in _wrong(estate, *values):
            tally.fail(what, disposal_id)
    for disposal_id, hold_id, placed, gone in estate.retention.stream(_HELD):
        if placed is None or gone is None or placed < gone:
            tally.fail("discards under a hold", f"{disposal_id} hold {hold_id}")


def _wrong(estate: Estate, executed_on: Any, proof: dict[str, Any], holds_found: int, *order: Any) -> list[str]:
    state, execute_from, _, proposed_by, approved_by = order
    found = []
    if state != "executed" or execute_from is None or executed_on < execute_from:
        found.append("discards without an order, or before its cooling-off was over")
    if not proposed_by or not approved_by or proposed_by == approved_by:
        found.append("discards without a second person")
    if not proof.get("holds_checked_at") or proof.get("holds_found") != 0 or holds_found:
        found.append("discards without a recorded hold check")
    if grounds.live(estate, proof.get("pack_executed")) is None:
        found.append("discards under a pack that is not live")
    return found
