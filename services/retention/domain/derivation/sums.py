"""The calendar's part: what an instant or a month was as a civil day, and each start with its period as a sum."""

from collections.abc import Iterator
from datetime import date

from services.retention.domain.derivation.inputs import Step, Work
from shared.calendar_rules import Period, add, day_of

_DAY, _MONTH = len("2022-08-01"), len("2022-08")
LEAP_DAY = (2, 29)


def written(work: Work) -> Iterator[Step]:
    """Tell of each date that the rules read how it became a civil day, where it was not one already."""
    row, body = work.history.shown.placed.row, work.history.shown.body
    if row is None:
        return
    starts = [name for each in row.floors for name in work.pack.floors[each].start]
    for name in dict.fromkeys([*row.notice, *(each.name for each in row.clock), *starts]):
        text = getattr(body, name, None)
        if not isinstance(text, str) or len(text) == _DAY:
            continue
        on = day_of(text, work.pack.zone).isoformat()
        if len(text) == _MONTH:
            yield {"code": "month", "name": name, "month": text, "on": on}
        else:
            yield {"code": "instant", "name": name, "instant": text, "zone": work.pack.zone.key, "on": on}


def sums(work: Work) -> Iterator[Step]:
    """Tell each start, what is counted from it, and the day that gives; and where the calendar lacked that day."""
    told = set()
    for start, period, nominal in _counted(work):
        until = add(start, period, work.pack.leap)
        about = {"from": start.isoformat(), "until": until.isoformat()} | ({"nominal": nominal} if nominal else {})
        if (start, period, nominal) not in told:
            told.add((start, period, nominal))
            yield {"code": "sum", **about, **period.parts()}
            if period.months and until.day != start.day:
                leap = (start.month, start.day) == LEAP_DAY
                rule = work.pack.leap if leap else "last_day_of_the_month"
                yield {"code": "leap" if leap else "short_month", **about, "rule": rule}


def _counted(work: Work) -> Iterator[tuple[date, Period, str | None]]:
    row, side = work.history.shown.placed.row, work.record.side
    if row and row.retain and side.clock_on and not work.schedule.group:
        yield side.clock_on, row.retain, None
    for linked, person in work.persons if work.schedule.group else ():
        rule = work.pack.groups.get(person.group or "")
        if rule and rule.clear and rule.until_age is None and person.clock_on:
            yield person.clock_on, rule.clear, str(linked.nominal_ref)
    for name in row.floors if row else ():
        floor, dates = work.pack.floors[name], work.history.shown.dates
        if start := next((dates[each] for each in floor.start if each in dates), None):
            yield start, floor.add, None
