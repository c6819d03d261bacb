"""The suppliers' part: every rule that applies besides the class's, and which of them prevailed."""

from collections.abc import Iterator

from services.retention.domain.derivation.inputs import Step, Work


def suppliers(work: Work) -> Iterator[Step]:
    """Tell of each supplier of a rule what it gives, and which prevailed; the class alone needs no word."""
    for each in work.record.side.others:
        step: Step = {"code": "supplied", "supplier": each.by, "row": each.row}
        facts = {"facts": [str(each.event_uid)]} if each.event_uid else {}
        yield step | ({"until": each.until.isoformat()} if each.until else {}) | facts
    if work.record.side.others and work.pack.prevails:
        yield {"code": "prevails", "for": list(work.pack.prevails)}
