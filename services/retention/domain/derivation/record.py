"""The record's own part: its class, and the clock and period of its row where they give the date."""

from collections.abc import Iterator

from services.retention.domain.clocks import clock_facts, waited_for
from services.retention.domain.derivation.inputs import Step, Work
from services.retention.domain.history import clock_of_record, inputs_of


def placed(work: Work) -> Iterator[Step]:
    """Tell the record's class, and which class supplied the row."""
    klass = work.history.shown.placed.klass
    if klass is None:
        yield {"code": "unclassified"}
        return
    step = {"code": "classified", "class": klass.id}
    row_from = work.history.shown.placed.row_from
    yield step if row_from in (klass.id, None) else step | {"row_from": row_from}
    for move in work.history.moves:
        yield {"code": "moved", "class": move.to, "on": move.on.isoformat()}
    if work.history.withdrawn:
        yield {"code": "withdrawn"}
        row, own = work.history.shown.placed.row, work.record.side.own_until
        if row and row.is_mopi and own:
            yield {"code": "before_withdrawn", "on": own.isoformat()}


def clock(work: Work) -> Iterator[Step]:
    """Tell the row's own clock and period, where they give the date."""
    history, side = work.history, work.record.side
    row = history.shown.placed.row
    if row is None or work.schedule.group or (history.withdrawn and row.is_mopi) or not row.dates_alone:
        return
    inputs = inputs_of(history, work.pack)
    if side.clock_on:
        uids = clock_facts(clock_of_record(history, inputs, work.pack), inputs) or [history.shown.fact.event_uid]
        yield {"code": "clock", "on": side.clock_on.isoformat(), "facts": sorted(map(str, uids))}
        if row.retain:
            yield {"code": "period", "row": row.id, **row.retain.parts()}
    elif side.waits:
        yield {"code": "waits", "for": waited_for(row, inputs, work.pack)}
