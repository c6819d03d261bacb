"""What lets a record, or a person's link to one, go: a decision with its chain of approval, and no hold."""

from typing import Any

from tools.verify.estate import Estate
from tools.verify.findings import Tally

_DECIDED = """
SELECT d.outcome, d.decided_by, d.approved_by, r.grp FROM decision d JOIN review r USING (review_id)
WHERE d.review_id = %s ORDER BY d.version DESC LIMIT 1"""
# A hold placed before the execution and not released before it, whose scope covers the record as it is known today or a
# case file that it was ever part of, where no later state of either may have changed that; its persons by whichever
# nominal they then were: by merges that retention must have had, that nobody had taken back, and about which no steward
# was ever asked.
_HELD = """
SELECT DISTINCT x.disposal_id, h.hold_id,
    (SELECT e.leaf_index FROM log l JOIN leaf e USING (log_id) WHERE l.subject = h.hold_id
        AND l.topic = 'retention.holds.v1' ORDER BY l.version, l.log_id LIMIT 1) AS placed,
    (SELECT e.leaf_index FROM leaf e WHERE e.log_id = x.log_id) AS gone
FROM {table} x CROSS JOIN LATERAL (WITH RECURSIVE reach(k) AS (SELECT x.record_key
        UNION SELECT p.file_key FROM reach JOIN part p ON p.part_key = reach.k
        WHERE NOT EXISTS (SELECT FROM fact f WHERE f.record_key IN (p.part_key, p.file_key) AND f.kind = 'record_state'
            AND f.known_at >= x.executed_at - make_interval(mins => %s))) SELECT k FROM reach) up
    JOIN record r ON r.record_key = up.k JOIN hold h
    ON h.placed_at < x.executed_at AND (h.released_at IS NULL OR h.released_at > x.executed_at)
WHERE (NOT h.by_record
        OR EXISTS (SELECT FROM hold_record y WHERE y.hold_id = h.hold_id AND y.record_uid = r.record_uid))
    AND (NOT h.by_nominal OR EXISTS (WITH RECURSIVE stood AS NOT MATERIALIZED (
            SELECT f.nominal_key, f.other_key FROM fact f
            WHERE f.kind = 'merged' AND f.known_at < x.executed_at - make_interval(mins => %s)
                AND NOT EXISTS (SELECT FROM fact u WHERE u.nominal_key = f.nominal_key AND u.withdraws = f.event_uid
                    AND u.known_at < x.executed_at)
                AND NOT EXISTS (SELECT FROM identity i WHERE i.event_uid = f.event_uid)),
        named(k) AS (SELECT l.nominal_key FROM link l WHERE l.record_key = r.record_key
            UNION SELECT m.k FROM named JOIN LATERAL (SELECT other_key AS k FROM stood WHERE stood.nominal_key = named.k
                UNION ALL SELECT nominal_key FROM stood WHERE other_key = named.k) m ON true)
        SELECT FROM named JOIN nominal n ON n.nominal_key = named.k JOIN hold_nominal y USING (nominal_ref)
        WHERE y.hold_id = h.hold_id))
    AND (h.record_types IS NULL OR r.record_types && h.record_types) AND (h.units IS NULL OR r.units && h.units)
    AND (h.offences IS NULL OR r.offences && h.offences) AND (h.sources IS NULL OR r.source_systems && h.sources)
    AND (h.span IS NULL OR r.spans && h.span)"""


def held(estate: Estate, tally: Tally, table: str, what: str) -> None:
    """Look for what a hold covered when it went."""
    had = max((pack["limits"]["news_age_minutes_max"] for pack in estate.packs.values()), default=0)
    for disposal_id, hold_id, placed, gone in estate.retention.stream(_HELD.format(table=table), [had, had]):
        # Both were written behind the gate, so the ledger has them in the order in which they took effect.
        if placed is None or gone is None or placed < gone:
            tally.fail(what, f"{disposal_id} hold {hold_id}")


def live(estate: Estate, pack_hash: str | None) -> dict[str, Any] | None:
    """Give the pack under which something went; None where none is known that lets anything go."""
    pack = estate.packs.get(pack_hash or "")
    return pack if pack is not None and pack["pack"]["mode"] == "live" else None


def decided(estate: Estate, pack: dict[str, Any], review_id: object) -> bool:
    """Say whether a review's last decision was to dispose, approved by as many as its group's chain asks."""
    rows = estate.retention.rows(_DECIDED, [str(review_id)])
    if not rows:
        return False
    outcome, decided_by, approved_by, group = rows[0]
    chain: list[Any] = next((each.get("chain", []) for each in pack.get("group", ()) if each["id"] == group), [])
    return outcome == "dispose" and bool(decided_by) and len(set(approved_by) - {decided_by}) >= len(chain)
