"""Under which policy: the pack, and the row with whoever answers for it."""

from collections.abc import Iterator

from services.retention.domain.derivation.inputs import Step, Work


def pack(work: Work) -> Iterator[Step]:
    """Tell the pack, and since when it is in force."""
    yield {"code": "pack", "id": work.pack.id, "pack": work.pack.hash, "on": work.pack.effective_on.isoformat()}


def row(work: Work) -> Iterator[Step]:
    """Tell the row: its title, its authority, how well it is evidenced, and who confirmed it, or that nobody did."""
    found = work.history.shown.placed.row
    if found is None:
        return
    step: Step = {"code": "row", "row": found.id, "title": found.title or found.id, "evidence": found.evidence}
    step |= {"authority": found.authority} if found.authority else {}
    yield step
    side, former = work.record.side, work.pack.former.get(found.id)
    if former and former.left(side.created_on, side.reviewed_on):
        yield {"code": f"left_{former.reaches}", "row": found.id, "on": former.since.isoformat()}
    if found.confirmed:
        yield {"code": "confirmed", "row": found.id, "name": found.confirmed.by, "on": found.confirmed.on.isoformat()}
    else:
        yield {"code": "unconfirmed", "row": found.id}
