"""I1: every arrival has its receipt, in the database and on the topic."""

from datetime import timedelta
from uuid import UUID

from shared.ids import receipt_id
from shared.topics import BY_NAME
from tools.verify.estate import Estate
from tools.verify.findings import Tally
from tools.verify.published import ARRIVING, RECEIPTS

_ARRIVALS = "SELECT receipt_id, outcome, received_at FROM arrival"
_FURTHER = "SELECT names, receipt_id, outcome, was FROM further_receipt"
_QUEUED = """
SELECT l.subject FROM unpublished u, unnest(u.log_ids) id JOIN log l ON l.log_id = id WHERE l.topic = %s"""


def check(estate: Estate, tally: Tally) -> None:
    """Follow each offset that was read to its arrival, and each arrival to its receipt on the topic."""
    queued = {subject.bytes for (subject,) in estate.intake.rows(_QUEUED, [RECEIPTS])}
    further = _further(estate, tally, queued)
    expired = estate.now - (BY_NAME[RECEIPTS].retention or timedelta(days=30))
    known: set[bytes] = set()
    for receipt, outcome, received_at in estate.intake.stream(_ARRIVALS):
        tally.looked()
        estate.progress.at("I1 follows arrivals to their receipts,", tally.checked)
        if receipt.bytes in known:
            tally.fail("arrivals share a receipt", receipt)
        known.add(receipt.bytes)
        if received_at >= expired:
            _receipted(estate, tally, receipt, {outcome, *further.get(receipt, ())}, queued)
    _offsets(estate, tally, known)


def _receipted(estate: Estate, tally: Tally, receipt: UUID, outcomes: set[str], queued: set[bytes]) -> None:
    said = estate.published.receipts.get(receipt.bytes)
    if said is None and receipt.bytes in queued:
        tally.wait("receipts wait for the relay")
    elif said is None:
        tally.fail("arrivals without a receipt on the topic", receipt)
    elif said not in outcomes:
        tally.fail("receipts say another outcome than the arrival", receipt)


def _further(estate: Estate, tally: Tally, queued: set[bytes]) -> dict[UUID, set[str]]:
    """Read later receipts, of what waited or had to wait after all; the first one rightly says what it was before."""
    found: dict[UUID, set[str]] = {}
    if not estate.intake.has("further_receipt"):
        return found
    for names, receipt, outcome, was in estate.intake.rows(_FURTHER):
        found.setdefault(names, {"quarantined", "unreadable"}).update((outcome, was))
        _receipted(estate, tally, receipt, {outcome}, queued)
    return found


def _offsets(estate: Estate, tally: Tally, known: set[bytes]) -> None:
    """Work out anew the receipt of every offset below the stored position."""
    published = estate.published
    positions = {topic: estate.positions("intake", topic) for topic in ARRIVING}
    for (topic, part), offsets in published.offsets.items():
        upto, incarnation = positions[topic].get(part, 0), published.incarnations.get(topic, "")
        for offset in offsets:
            if offset >= upto:
                tally.wait("events are published and not read yet")
                continue
            tally.looked()
            estate.progress.at("I1 follows offsets to their arrivals,", tally.checked)
            if receipt_id(published.cluster, topic, incarnation, part, offset).bytes not in known:
                tally.fail("offsets that were read have no arrival", f"{topic}[{part}]@{offset}")
