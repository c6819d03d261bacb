"""I8 and I9, of persons who went from records that others still need: none without its ground, none found since."""

from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from shared.ids import named, nominal_ref
from tools.verify.checks import grounds
from tools.verify.estate import Estate
from tools.verify.findings import Tally

_GONE = """
SELECT o.disposal_id, o.state, r.record_uid, o.record_key, o.execute_from, o.executed_on, o.proof, o.review_id,
    EXISTS (SELECT FROM confirmation c WHERE c.disposal_id = o.disposal_id AND c.holder = 'review')
FROM unlink_order o JOIN record r USING (record_key) WHERE o.executed_at IS NOT NULL ORDER BY o.disposal_id"""
_FACTS = "SELECT event_uid, record_key, canonical FROM fact WHERE kind = 'unlinked'"
_DATES = """
SELECT 1 FROM link l JOIN nominal n USING (nominal_key) WHERE l.record_key = %(record)s AND l.offending
    AND n.nominal_ref = ANY(%(nominals)s)
    AND NOT EXISTS (SELECT FROM fact f WHERE f.record_key = l.record_key AND f.kind = 'record_state'
        AND f.sequence > %(up_to)s) AND NOT EXISTS (SELECT FROM dirty d WHERE d.record_key = l.record_key)"""
_SHOWN = """
SELECT metadata FROM record WHERE record_uid = %(uid)s AND kind = 'record' AND metadata IS NOT NULL
    AND coalesce(nullif(shown_sequence, 0), sequence) <= %(up_to)s"""
_CARD = """
SELECT 1 FROM card_link WHERE record_id = %(uid)s AND nominal_ref = ANY(%(nominals)s) AND sequence <= %(up_to)s"""


class _Order(NamedTuple):
    disposal_id: UUID
    state: str
    record_uid: UUID
    record_key: int
    execute_from: date
    executed_on: date
    proof: dict[str, Any]
    review_id: UUID
    known_to_review: bool


class _Gone(msgspec.Struct):
    nominals: list[UUID]
    up_to: int


class _Fact(msgspec.Struct):
    data: _Gone


def check(estate: Estate, tally: Tally) -> None:
    """Judge each unlinking again by what was written down of it, and by every hold that there was."""
    facts = _facts(estate)
    for order in _orders(estate):
        tally.looked()
        for what in _wrong(estate, order, facts):
            tally.fail(what, order.disposal_id)
        facts.pop(_uid(order), None)
    for uid in facts:
        tally.fail("persons unlinked without an order", uid)
    grounds.held(estate, tally, "unlink_order", "persons unlinked under a hold")


def found(estate: Estate, tally: Tally) -> None:
    """Look for persons who are still found by a record that they went from."""
    facts = _facts(estate)
    for order in _orders(estate):
        fact = facts.get(_uid(order))
        if fact is not None:
            gone = msgspec.json.decode(fact[1], type=_Fact).data
            for where in _still(estate, order, gone):
                tally.fail("persons found by a record that they went from", f"{where} {order.record_uid}")


def _facts(estate: Estate) -> dict[UUID, tuple[int, bytes]]:
    if not estate.retention.has("unlink_order"):
        return {}
    return {uid: (key, bytes(canonical)) for uid, key, canonical in estate.retention.stream(_FACTS)}


def _orders(estate: Estate) -> list[_Order]:
    rows = estate.retention.rows(_GONE) if estate.retention.has("unlink_order") else []
    return [_Order(*row) for row in rows]


def _uid(order: _Order) -> UUID:
    return named(f"unlinked\n{order.disposal_id}")


def _wrong(estate: Estate, order: _Order, facts: dict[UUID, tuple[int, bytes]]) -> list[str]:
    found, proof = [], order.proof
    until = proof.get("keep_until")
    if not until or order.executed_on <= date.fromisoformat(until) or order.executed_on < order.execute_from:
        found.append("persons unlinked before their last day or the cooling-off was over")
    if not proof.get("holds_checked_at") or proof.get("holds_found") != 0:
        found.append("persons unlinked without a recorded hold check")
    pack = grounds.live(estate, proof.get("pack_executed"))
    if pack is None or not grounds.decided(estate, pack, order.review_id):
        found.append("persons unlinked without an approved decision")
    if facts.get(_uid(order), (None, b""))[0] != order.record_key:
        found.append("persons unlinked without the fact of it")
    return found


def _still(estate: Estate, order: _Order, gone: _Gone) -> list[str]:
    asked = {"uid": order.record_uid, "record": order.record_key, "nominals": gone.nominals, "up_to": gone.up_to}
    found = ["retention"] * bool(estate.retention.rows(_DATES, asked))
    if order.state == "unlinked":
        found += ["intake"] * any(_links(row[0], gone) for row in estate.intake.rows(_SHOWN, asked))
    if order.known_to_review:
        found += ["review"] * bool(estate.review.rows(_CARD, asked))
    return found


def _links(metadata: bytes, gone: _Gone) -> bool:
    links = msgspec.json.decode(metadata).get("links") or ()
    return any(nominal_ref(each["nominal_source"], each["nominal_id"]) in gone.nominals for each in links)
