"""I10: certificates, log rows, leaves, signed heads and published checkpoints are one chain."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from tools.verify.estate import Estate
from tools.verify.findings import Tally
from tools.verify.merkle import Growing
from tools.verify.tables import SERVICES, live

CERTIFICATES = "compliance.certificates.v1"
SIGNATURES_MAX = 20_000  # Some two seconds; the newest are checked, and all that were published.

_LEAVES = """
SELECT e.leaf_index, e.log_id, e.digest, l.digest, sha256(l.salt || l.payload)
FROM leaf e LEFT JOIN log l USING (log_id) ORDER BY e.leaf_index"""
_HEADS = "SELECT tree_size, root, at, signature FROM head ORDER BY tree_size"
_CERTIFICATES = """
SELECT c.disposal_id, c.canonical, l.log_id IS NOT NULL,
    coalesce(position(sha256(c.salt || c.canonical) in l.payload) > 0, false),
    e.leaf_index IS NOT NULL OR c.log_id = ANY(%s)
FROM certificate c LEFT JOIN log l USING (log_id) LEFT JOIN leaf e USING (log_id)"""
_WITHOUT = """
SELECT disposal_id FROM disposal_state s WHERE s.state IN ('shredded', 'disposed')
    AND NOT EXISTS (SELECT FROM certificate c WHERE c.disposal_id = s.disposal_id)
UNION ALL SELECT disposal_id FROM unlink_order u WHERE u.state = 'unlinked'
    AND NOT EXISTS (SELECT FROM certificate c WHERE c.disposal_id = u.disposal_id)"""


class _Head(NamedTuple):
    root: bytes
    at: datetime
    signature: bytes


def check(estate: Estate, tally: Tally) -> None:
    """Grow each service's tree anew from its leaves, and hold it against every head, stored and published."""
    for service in SERVICES:
        heads = {row[0]: _Head(*row[1:]) for row in estate.schemas[service].stream(_HEADS)}
        _grow(estate, tally, service, heads)
        key = estate.public_key(service)
        if key is None:
            tally.note(f"{service}'s signatures were not checked: its key is not in TENURE_KEYS")
        else:
            _signatures(estate, tally, service, heads, key)
        _published(estate, tally, service, heads)
    _certificates(estate, tally)


def _grow(estate: Estate, tally: Tally, service: str, heads: Mapping[int, _Head]) -> None:
    tree, reached = Growing(), {0}
    for index, log_id, digest, logged, worked_out in estate.schemas[service].stream(_LEAVES):
        tally.looked()
        estate.progress.at(f"I10 grows {service}'s tree,", tree.size)
        if index != tree.size:
            tally.fail("leaves that are missing", f"{service} leaf {tree.size}")
            tree.size = index
        if logged is None and not 0 < log_id < estate.dropped_before:
            tally.fail("leaves without their log row", f"{service} log {log_id}")
        elif logged is not None and not digest == logged == worked_out:
            tally.fail("log rows that are not what was sealed", f"{service} log {log_id}")
        tree.add(digest)
        reached.add(tree.size)
        if tree.size in heads and heads[tree.size].root != tree.root():
            tally.fail("heads that their leaves do not give", f"{service} size {tree.size}")
    for size in heads.keys() - reached:
        tally.fail("heads over leaves that are not there", f"{service} size {size}")
    if tree.size and max(heads, default=0) < tree.size:
        tally.fail("leaves that no head covers", f"{service} size {tree.size}")


def _signed(service: str, size: int, head: _Head) -> bytes:
    at = head.at.isoformat()
    return f"tenure-ledger\n{service}\n{size}\n{head.root.hex()}\n{at}\n".encode()


def _signatures(estate: Estate, tally: Tally, service: str, heads: Mapping[int, _Head], key: Ed25519PublicKey) -> None:
    newest = sorted(heads)[-SIGNATURES_MAX:]
    if len(newest) < len(heads):
        tally.note(f"of {service}'s {len(heads):,} heads the newest {len(newest):,} signatures were checked")
    for size in newest:
        tally.looked()
        estate.progress.at(f"I10 checks {service}'s signatures,", size)
        head = heads[size]._replace(at=heads[size].at.astimezone(UTC))
        try:
            key.verify(head.signature, _signed(service, size, head))
        except InvalidSignature:
            tally.fail("heads whose signature is wrong", f"{service} size {size}")


def _published(estate: Estate, tally: Tally, service: str, heads: Mapping[int, _Head]) -> None:
    told = [each for each in estate.published.checkpoints if each.get("service") == service]
    latest = max(heads, default=0)
    for each in told:
        tally.looked()
        size = each["tree_size"]
        if size > latest:
            _later(tally, service, each)
        elif size not in heads or _differs(heads[size], each):
            tally.fail("published heads that the ledger does not have", f"{service} size {size}")


def _differs(head: _Head, told: Mapping[str, Any]) -> bool:
    same = told["root"] == head.root.hex() and told["signature"] == head.signature.hex()
    return not same or datetime.fromisoformat(told["at"]) != head.at


def _later(tally: Tally, service: str, told: Mapping[str, Any]) -> None:
    """Look for a head that was signed after the snapshot in the table as it is now."""
    with live(service) as fresh:
        rows = fresh.rows("SELECT root, at, signature FROM head WHERE tree_size = %s", [told["tree_size"]])
    if not rows or _differs(_Head(*rows[0]), told):
        tally.fail("published heads that the ledger does not have", f"{service} size {told['tree_size']}")


def _certificates(estate: Estate, tally: Tally) -> None:
    if not estate.retention.has("certificate"):
        return
    unsealed = list(estate.queued("retention", "unsealed"))
    told = estate.published.latest[CERTIFICATES]
    known: set[str] = set()
    for disposal, canonical, logged, within, sealed in estate.retention.stream(_CERTIFICATES, [unsealed]):
        tally.looked()
        known.add(str(disposal))
        if not (logged and within and sealed):
            tally.fail("certificates without their ledger entry", disposal)
        version, payload = told.get(str(disposal), (0, b""))
        if version == 1 and payload != bytes(canonical):
            tally.fail("certificates published otherwise than issued", disposal)
    for (disposal,) in estate.retention.stream(_WITHOUT):
        tally.fail("shredded records without a certificate", disposal)
    _unknown(tally, told.keys() - known)


def _unknown(tally: Tally, published: set[str]) -> None:
    if not published:
        return
    with live("retention") as fresh:
        rows = fresh.rows(
            "SELECT disposal_id FROM certificate WHERE disposal_id = ANY(%s)", [[UUID(k) for k in published]]
        )
    for key in published - {str(row[0]) for row in rows}:
        tally.fail("published certificates that were never issued", key)
