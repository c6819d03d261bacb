"""The case files' part: the files that the record is part of, the parts that it has, and which of them bind it."""

from collections.abc import Iterator
from uuid import UUID

from services.retention.domain.casefiles import Share, bound_by, decides, is_whole
from services.retention.domain.derivation.inputs import Step, Work

PARTS_MAX = 20


def files(work: Work) -> Iterator[Step]:
    """Tell of each case file that the record is part of, until when that is kept, and whether the record waits for it.

    Of a case file, how many parts it has, and which of them bind it.
    """
    case, side = work.filed.case, work.record.side
    for file in sorted(case.files, key=lambda each: each.record):
        yield _step("part_of", file.record, file.share)
        if bound_by(side, file, case.on, work.pack) and decides(file.share, work.schedule):
            yield {"code": "bound_by", "record": str(file.record)}
    yield from _parts(work)


def _parts(work: Work) -> Iterator[Step]:
    """Tell how many parts a case file has, and those that bind it: of very many the first."""
    filed = work.filed
    if filed.opened_on:
        yield {"code": "opened_again", "on": filed.opened_on.isoformat()}
    if not filed.parts:
        return
    yield {"code": "parts", "count": filed.parts}
    if not is_whole(work.record.side, work.pack):
        return
    binding = sorted(key for key, share in filed.asked.items() if decides(share, work.schedule))
    for key in binding[:PARTS_MAX]:
        share = filed.asked[key]
        undated: Step = {"code": "bound_by_part", "record": str(key), "undated": True}
        yield undated if share.undated else _step("bound_by_part", key, share)
    if len(binding) > PARTS_MAX:
        yield {"code": "bound_by_more"}
    if not binding:
        yield {"code": "bound_by_none"}


def _step(code: str, record: UUID, share: Share) -> Step:
    until = {"until": share.until.isoformat()} if share.until else {}
    return {"code": code, "record": str(record)} | until | ({"by_age": True} if until and share.by_age else {})
