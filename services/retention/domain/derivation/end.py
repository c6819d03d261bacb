"""The end: what is missing, and then the date and the row."""

from collections.abc import Iterator

from services.retention.domain.derivation.inputs import Step, Work
from services.retention.domain.schedule import Schedule


def end(work: Work) -> Iterator[Step]:
    """Tell what is missing, and then the date and the row."""
    side, schedule = work.record.side, work.schedule
    if side.retained_on:
        yield {"code": "retained", "on": side.retained_on.isoformat()}
    if schedule.problem:
        yield {"code": "problem", "problem": schedule.problem, "owner": schedule.owner}
    yield outcome(schedule)


def outcome(schedule: Schedule) -> Step:
    """Tell the date and the row: what all the steps before it come to."""
    row = {"row": schedule.row}
    on = schedule.keep_until.isoformat() if schedule.keep_until else None
    if schedule.state == "permanent":
        return {"code": "permanent", **row}
    if on is None:
        return {"code": "undated", **row}
    return {"code": "at_least_until" if schedule.problem else "keep_until", "on": on, **row}
