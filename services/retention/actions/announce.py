"""What the world is told of a schedule: codes and dates, and of what goes by somebody's age the year alone."""

from services.retention.domain.lifecycle import GONE
from services.retention.domain.schedule import OF_A_PERSON
from services.retention.storage.announce import Unannounced
from shared.events import ScheduleChanged


def shown_state(state: str, lifecycle: str) -> str:
    """Give the one state that is published: an exception or a permanent record shows where its life does not."""
    if lifecycle in GONE or state == "current":
        return lifecycle
    return state if state == "exception" or lifecycle == "current" else lifecycle


def changed(row: Unannounced) -> ScheduleChanged:
    """Make the event that announces a schedule.

    A hundredth birthday is a birth date, and so is the review that opens the day after it.
    """
    state = shown_state(row.state, row.lifecycle)
    by_birthday = row.by_age and row.review_kind == "scheduled"
    year = row.keep_until.year if row.by_age and row.keep_until else None
    return ScheduleChanged(
        record_id=row.record_uid,
        version=row.version,
        state=state,
        group=row.group,
        class_id=row.class_id,
        row=row.row_id,
        pack=row.pack,
        keep_until=None if row.by_age else row.keep_until,
        actionable_from=None if row.by_age else row.actionable_from,
        keep_year=year,
        review_on=None if row.review_kind in OF_A_PERSON or by_birthday else row.review_on,
        reason=row.problem if state == "exception" else row.reason or row.moved_by,
        held=row.held,
        restricted=row.restricted,
        owner=row.owner if state == "exception" else None,
    )
