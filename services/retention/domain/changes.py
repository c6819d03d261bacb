"""What moved a record's dates, as one code: told with every schedule that changes, and kept with the dates it had."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from services.retention.domain.records import Side
from services.retention.domain.schedule import Schedule


class Before(NamedTuple):
    """What a record's schedule was derived as, and by which pack."""

    schedule: Schedule
    side: Side
    pack: str


Test = Callable[[Before, Before], bool]


def _later(was: Before, now: Before) -> bool:
    before, after = was.schedule.clock_on, now.schedule.clock_on
    return bool(after and (before is None or after > before))


def _alone(_: Before, now: Before) -> bool:
    return now.schedule.group is None


def _by_birth(each: Before) -> bool:
    return each.schedule.by_age or each.schedule.problem == "no_birth_date"


def _differs(read: Callable[[Before], object]) -> Test:
    return lambda was, now: read(was) != read(now)


_clock = _differs(lambda each: each.schedule.clock_on)
_reviewed = _differs(lambda each: (each.side.retained_on, each.side.reviewed_on, each.side.next_on))
_dated_by = _differs(lambda each: (each.schedule.keep_until, each.schedule.problem == "no_birth_date"))

# The first that fits, from what people and facts say outright to what only follows from it.
_CODES: Mapping[str, Test] = {
    "withdrawn": lambda was, now: now.side.withdrawn and not was.side.withdrawn,
    "reinstated": lambda was, now: was.side.withdrawn and not now.side.withdrawn,
    "policy_changed": _differs(lambda each: each.pack),
    "reclassified": _differs(lambda each: (each.side.class_id, each.side.row)),
    "reviewed": _reviewed,
    "regraded": _differs(lambda each: each.schedule.group),
    "birth_date": lambda was, now: _by_birth(was) and _by_birth(now) and _dated_by(was, now),
    "clock_moved": lambda was, now: _clock(was, now) and _alone(was, now),
    "came_to_notice": _later,
    "notice_withdrawn": _clock,
    "completed": lambda was, now: was.schedule.problem is not None and now.schedule.problem is None,
    "contradicted": lambda was, now: now.schedule.problem is not None and was.schedule.problem is None,
    "dates_corrected": _differs(lambda each: (each.side.created_on, each.side.floor_until, each.side.conduct_on)),
    "person_reviewed": _differs(lambda each: (each.schedule.keep_until, each.schedule.review_on)),
}
FIRST, NEW_LINK, UNLINKED, REVISED = "registered", "new_link", "unlinked", "revised"
CODES = frozenset({*_CODES, FIRST, NEW_LINK, UNLINKED, REVISED})


def of_link(was: bool, now: bool) -> str | None:
    """Name what became of a link: whether its nominal offends by it, before and now."""
    return None if was == now else NEW_LINK if now else UNLINKED


def moved_by(was: Before | None, now: Before, link: str | None) -> str:
    """Name what moved a record's schedule; `link` is what became of its offending persons, if anything did."""
    if was is None:
        return FIRST
    outright = (code for code in ("withdrawn", "reinstated") if _CODES[code](was, now))
    said = next(outright, None) or link
    return said or next((code for code, fits in _CODES.items() if fits(was, now)), REVISED)
