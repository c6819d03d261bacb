"""Case files in a life: parts of one, of several, of one that never came; files in files, in circles, opened again."""

from typing import Any

from shared.policy import Pack
from tests.oracle.days import CALENDAR, NUMBER, read_civil, written

AWAY = "r99"
"""A case file of which nothing ever comes."""
_IMPOSSIBLE = ("occurred_on", "reported_at", "group", "evaluation")


def _types_of_files(pack: Pack) -> list[str]:
    """List the types whose records are, as a rule, case files with a rule for the whole."""
    whole = {row.id for row in pack.rows.values() if row.unit == "case_file"}
    return [each.when.record_type for each in pack.classes.values() if each.when and each.row in whole]


def _types_of_parts(pack: Pack) -> list[str]:
    as_file = {row.id for row in pack.rows.values() if row.follows == "case_file"}
    return [each.when.record_type for each in pack.classes.values() if each.when and each.row in as_file]


def put_in_files(drawing: Any) -> None:
    """Make some of the records case files, and others parts of them."""
    rng = drawing.rng
    files = drawing.records[: rng.choice((1, 1, 2, 2, 3))]
    whole = rng.choice(_types_of_files(drawing.pack))
    for record in drawing.records:
        states = [each.data for each in drawing.events if each.record == record and each.kind == "state"]
        of = _files_of(drawing, record, files)
        as_file = rng.choice(_types_of_parts(drawing.pack)) if drawing.chance(0.2) else None
        for data in states:
            _tidy(drawing, data)
            data["part_of"] = of if drawing.chance(0.9) else _files_of(drawing, record, files)
            if kind := whole if record in files and drawing.chance(0.8) else as_file:
                data["record_type"] = kind
    for file in files:
        if drawing.chance(0.7):
            _closed(drawing, file)


def _files_of(drawing: Any, record: str, files: list[str]) -> list[str]:
    """Draw what a record is part of: a file mostly of none, or of a file before it; now and then of any."""
    rng = drawing.rng
    before = files[: files.index(record)] if record in files else files
    if drawing.chance(0.04):
        return rng.sample(drawing.records, 1)
    if drawing.chance(0.02):
        return [AWAY, *before[:1]]
    share = 0.4 if record in files else 0.9
    return rng.sample(before, min(len(before), rng.choice((1, 1, 1, 2)))) if drawing.chance(share) else []


def _tidy(drawing: Any, state: dict[str, Any]) -> None:
    """Leave out, of most states, what makes an exception by itself: one in a file makes all of it exceptions."""
    if drawing.chance(0.85):
        for name in _IMPOSSIBLE:
            state.pop(name, None)
        state["created_on"] = state.get("created_on") or drawing.civil()
        state.pop("recorded_at", None)
        state["offences"] = [code for code in state["offences"] if code != "999"] or ["46"]


def _closed(drawing: Any, file: str) -> None:
    """Close a file, and let a part be made on that day or beside it; now and then it is opened again."""
    day = max(drawing.day(), drawing.day())
    drawing.add("trigger", record=file, data={"trigger": "closed", "on": written(day)})
    if drawing.chance(0.3):
        drawing.add("trigger", record=file, data={"trigger": "reopened", "on": drawing.civil()})
    parts = [e.data for e in drawing.events if e.kind == "state" and file in e.data.get("part_of", ())]
    for data in parts:
        if drawing.chance(0.03):
            data |= dict.fromkeys(("created_on", "recorded_at", "reported_at", "occurred_on"))
        elif drawing.chance(0.3):
            data["created_on"] = written(CALENDAR[NUMBER[day] + drawing.rng.choice((-400, -1, 0, 0, 1))])
        elif data.get("created_on") and read_civil(data["created_on"]) > day and drawing.chance(0.7):
            data["created_on"] = written(CALENDAR[NUMBER[day] - drawing.rng.randrange(900)])
