"""The ages' part: whose birthday keeps the record, in which role, and how long after."""

from collections.abc import Iterator

from services.retention.domain.ages import Aged, birthdays, rules_of
from services.retention.domain.derivation.inputs import Step, Work
from shared.calendar_rules import Period


def ages(work: Work) -> Iterator[Step]:
    """Tell of each birthday that the row or a floor of it names, and whether it is what binds."""
    row = work.history.shown.placed.row
    for linked, person in work.aged:
        for age, further in rules_of(row, work.pack) if row else ():
            found = birthdays([(age, further)], [Aged(linked.aged, person)], work.record.side, work.pack)
            if on := found.until:
                binds = on == work.schedule.keep_until
                step = {"code": "birthday", "nominal": str(linked.nominal_ref), "age": age.years}
                after = further.parts() if further != Period() else {}
                yield step | after | {"until": on.isoformat(), "binds": binds}
