"""What must fit between the tables of a pack; what does not is a mistake with its mend."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from shared.policy.access import Known, check_screen, check_sensitive, check_watch, known_of
from shared.policy.mistakes import Places
from shared.policy.pack import Pack
from shared.policy.rules import Floor, Row, Start
from shared.policy.scheme import in_circle
from shared.policy.tables import DATES
from shared.policy.timeliness import check_timeliness
from shared.policy.values import Class, Flag, Group, Offence, RecordType, Required, Source, View, When

Finding = tuple[str, str]
Rule = Callable[[Pack, Any], Iterator[Finding]]
_APPROVERS_OF_LIVE = 2


def check(pack: Pack, lists: Mapping[str, list[Any]], found: Places) -> None:
    """Note every mistake between tables."""
    for what, mend in _mode(pack):
        found.note("pack", -1, None, what, mend)
    for table, (rule, name) in _RULES.items():
        for index, value in enumerate(lists[table]):
            for what, mend in rule(pack, value):
                found.note(table, index, getattr(value, name, None), what, mend)


def _mode(pack: Pack) -> Iterator[Finding]:
    if pack.live and len(set(pack.mode_approved_by)) < _APPROVERS_OF_LIVE:
        yield "`mode` is live without two people's approval", "name two in `mode_approved_by`, or set `mode` to observe"
    if not pack.groups:
        yield "the pack has no group", "add the [[group]] tables"
    if not pack.in_order:
        yield "no class has a `when`, so no record would have one", "add [[class]] tables with `when`"


def _unknown(what: str, name: str | None, known: Mapping[str, Any], table: str) -> Iterator[Finding]:
    if name is not None and name not in known:
        yield f"{what} {name!r} is not in this pack", f"add it as [[{table}]] or name one that is there"


def _class(pack: Pack, value: Class) -> Iterator[Finding]:
    yield from _unknown("parent", value.parent, pack.classes, "class")
    yield from _unknown("row", value.row, pack.rows, "row")
    if in_circle(pack.classes, value.id):
        yield "is its own ancestor", "change `parent` so that the line ends"
    if value.when is not None:
        yield from _unknown("record type", value.when.record_type, pack.record_types, "record_type")
        yield from _when(pack, value.when)
        if pack.classes[value.id].row is None:
            yield "records would fall into it without a row", "give it, or an ancestor, a `row`"


def _when(pack: Pack, value: When) -> Iterator[Finding]:
    for code in sorted(value.offence):
        yield from _unknown("offence", code, {each.code: each for each in pack.offences}, "offence")
    for key, _ in value.metadata:
        if key not in pack.metadata_keys:
            yield f"`when` asks for metadata {key!r}, which is not passed on", "add it to `keys` of [metadata]"


def _record_type(pack: Pack, value: RecordType) -> Iterator[Finding]:
    if value.id in pack.forbidden.types:
        yield "is refused at the door", "take it out of `types` of [forbidden], or take this table out"
    yield from _pointers(value.settled)
    if value.when is not None:
        yield from _when(pack, value.when)
        if value.when == When():
            yield "says by nothing when a record is of this type", "give `when` a condition"
    known = pack.evaluation.assessment
    for grade in sorted(value.not_offending_when_assessed - known) if known else ():
        yield f"`not_offending_when_assessed` names {grade!r}, which is no assessment", "add it to [evaluation]"


def _pointers(pointers: tuple[str, ...]) -> Iterator[Finding]:
    for pointer in pointers:
        if not pointer.startswith("/"):
            yield f"{pointer!r} is no JSON Pointer", "begin it with /"


def _dates(key: str, names: tuple[str, ...]) -> Iterator[Finding]:
    for name in names:
        if name not in DATES:
            yield f"`{key}` names {name!r}, which no record has", f"use {', '.join(DATES)}"


def _starts(pack: Pack, key: str, starts: tuple[Start, ...]) -> Iterator[Finding]:
    for each in starts:
        if each.metadata_key is not None:
            if each.metadata_key not in pack.metadata_keys:
                yield f"`{key}` asks for {each.name!r}, which is not passed on", "add it to `keys` of [metadata]"
        elif each.name not in DATES and each.name not in pack.triggers:
            yield f"`{key}` names {each.name!r}, which no record has", f"use {', '.join(DATES)}, or a [[trigger]]"


def _row(pack: Pack, value: Row) -> Iterator[Finding]:
    yield from _starts(pack, "clock", value.clock)
    yield from _dates("notice", value.notice)
    for floor in value.floors:
        yield from _unknown("floor", floor, pack.floors, "floor")
    yield from _row_steps(value)


def _row_steps(value: Row) -> Iterator[Finding]:
    if value.follows is None and not value.dates_alone:
        yield "says neither how long nor whom it follows", 'give `retain`, or `follows = "mopi"`'
    if value.is_mopi and not value.notice:
        yield "follows persons but names no notice date", "list dates in `notice`"
    if value.retain and not value.clock:
        yield "has a period but no start", "list dates in `clock`"
    if value.clock and not value.dates_alone:
        yield "has a start but no period", 'give `retain`, or `retain = "none"` where it ends on that day'
    if value.permanent and value.end == "dispose":
        yield "is permanent and yet disposes", "remove `end`, or give a period"
    if value.follows is None and not value.permanent and value.end is None:
        yield "does not say what comes at the end", 'set `end` to "review" or "dispose"'


def _group(_: Pack, value: Group) -> Iterator[Finding]:
    kept = [value.clear is not None, value.until_age is not None, value.by_record_type]
    if sum(kept) != 1:
        yield "needs exactly one of `clear`, `until_age`, `by_record_type`", "keep one"
    if value.cadence is None and not value.by_record_type:
        yield "has no `cadence`", "say how often a retained person is looked at again"
    if value.end == "dispose" and value.chain:
        yield "disposes by time and yet has a chain of approvals", 'remove `chain`, or set `end` to "review"'


def _offence(pack: Pack, value: Offence) -> Iterator[Finding]:
    yield from _unknown("group", value.group, pack.groups, "group")


def _floor(pack: Pack, value: Floor) -> Iterator[Finding]:
    yield from _dates("from", value.start)
    yield from _starts(pack, "latest", tuple(each.start for each in value.latest))
    for each in value.pending:
        yield from _starts(pack, "pending", (*each.until, *([each.after] if each.after else [])))
    if not (value.start or value.latest or value.pending or value.age):
        yield "has no start", "list dates in `from`"


def _source(pack: Pack, value: Source) -> Iterator[Finding]:
    systems = {source.source_system: source for source in pack.sources.values()}
    for system in sorted(value.reports_on):
        yield from _unknown("source system", system, systems, "source")
    if any(each.source_system == value.source_system and each.source != value.source for each in pack.sources.values()):
        yield f"shares source system {value.source_system!r} with another source", "give each source its own"


def _required(pack: Pack, value: Required) -> Iterator[Finding]:
    systems = {source.source_system: source for source in pack.sources.values()}
    yield from _unknown("source system", value.source_system, systems, "source")
    yield from _unknown("record type", value.record_type, pack.record_types, "record_type")
    yield from _pointers(value.fields)


def _flag(pack: Pack, value: Flag) -> Iterator[Finding]:
    yield from _unknown("group", value.group, pack.ranks, "group")


def _view(pack: Pack, value: View) -> Iterator[Finding]:
    yield from _unknown("purpose", value.purpose, pack.purposes, "purpose")
    for record_type in sorted(value.record_types):
        yield from _unknown("record type", record_type, pack.record_types, "record_type")


def _known(pack: Pack) -> Known:
    return known_of(pack.record_types, pack.flags, {each.code for each in pack.offences})


_RULES: dict[str, tuple[Rule, str]] = {
    "record_type": (_record_type, "id"),
    "class": (_class, "id"),
    "row": (_row, "id"),
    "group": (_group, "id"),
    "offence": (_offence, "code"),
    "floor": (_floor, "id"),
    "source": (_source, "source"),
    "required": (_required, ""),
    "flag": (_flag, "id"),
    "view": (_view, ""),
    "timeliness": (lambda pack, value: check_timeliness(value, pack.record_types, pack.sources), ""),
    "screen": (lambda pack, value: check_screen(value, _known(pack)), "id"),
    "sensitive": (lambda pack, value: check_sensitive(value, _known(pack)), "id"),
    "watch": (lambda pack, value: check_watch(value, _known(pack)), "id"),
}
