"""The floors' part: each that the row names, how far it reaches, and whether it is what binds."""

from collections.abc import Iterator

from services.retention.domain.dates import floors_of
from services.retention.domain.derivation.inputs import Step, Work


def floors(work: Work) -> Iterator[Step]:
    """Tell how far each floor reaches."""
    row, bound = work.history.shown.placed.row, work.schedule.keep_until
    for name, until in floors_of(row.floors if row else (), work.history.shown.dates, work.pack).items():
        if until:
            yield {"code": "floor", "name": name, "until": until.isoformat(), "binds": until == bound}
