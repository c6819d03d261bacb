"""The floors' part: each that the row names, how far it reaches, and whether it is what binds."""

from collections.abc import Iterator

from services.retention.domain.derivation.inputs import Step, Work
from services.retention.domain.floors import floors_of
from services.retention.domain.history import inputs_of


def floors(work: Work) -> Iterator[Step]:
    """Tell how far each floor reaches, and what each waits for that is open."""
    for floor in floors_of(work.history.shown.placed.row, inputs_of(work.history, work.pack), work.pack):
        if on := floor.until:
            binds = on == work.schedule.keep_until
            yield {"code": "floor", "name": floor.name, "until": on.isoformat(), "binds": binds}
        if floor.open:
            yield {"code": "pending", "name": floor.name, "for": list(floor.open)}
