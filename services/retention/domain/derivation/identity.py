"""The identities' part: who is taken for one person with an offender, and by which fact."""

from collections.abc import Iterator

from services.retention.domain.derivation.inputs import Step, Work
from services.retention.domain.identity import Merge


def identity(work: Work) -> Iterator[Step]:
    """Tell of each merge that an offending person's dates follow from, or would if it stood; and of what waits."""
    told = set()
    for linked, _ in work.persons:
        for merge in linked.merges:
            if merge.event_uid not in told:
                told.add(merge.event_uid)
                yield _merge(merge)
        facts = sorted(str(each.event_uid) for each in linked.waiting if each.what != "merged")
        if facts:
            yield {"code": "identity_waits", "nominal": str(linked.nominal_ref), "count": len(facts), "facts": facts}


def _merge(merge: Merge) -> Step:
    whom = {"nominal": str(merge.gone), "into": str(merge.into)}
    if merge.undone_on:
        uids = [str(merge.event_uid), str(merge.undone_by)]
        return {"code": "unmerged", **whom, "on": merge.undone_on.isoformat(), "facts": uids}
    step = {"code": "merged", **whom, "on": merge.told_on.isoformat(), "facts": [str(merge.event_uid)]}
    return step | {"why": merge.why} if merge.why else step
