"""What cannot be in the scheme: classes that lead nowhere, records that nothing takes."""

from collections.abc import Iterator

from shared.policy.checks.words import Finding, no_part, no_role, pointers, unknown
from shared.policy.pack import Pack
from shared.policy.scheme import in_circle
from shared.policy.values import Class, RecordType, When

_NOT_ACCUSED = {"victim", "witness"}


def whole(pack: Pack) -> Iterator[Finding]:
    """Tell what is wrong with the tree as a whole."""
    if not pack.in_order:
        yield "no class has a `when`, so no record would have one", "add [[class]] tables with `when`"
    yield from no_role("exception_owner", pack.exception_owner)


def klass(pack: Pack, value: Class) -> Iterator[Finding]:
    """Tell what is wrong with a class."""
    yield from unknown("parent", value.parent, pack.classes, "class")
    yield from unknown("row", value.row, pack.rows, "row")
    yield from no_role("exception_owner", value.exception_owner)
    if in_circle(pack.classes, value.id):
        yield "is its own ancestor", "change `parent` so that the line ends"
    if value.row and value.row in pack.rows and pack.rows[value.row].refuses:
        yield f"has row {value.row!r}, which only says what is refused", "give it another row"
    if value.when is None:
        if not any(each.parent == value.id for each in pack.classes.values()):
            yield "takes no record and has no class under it", "give it a `when`, or remove it"
        return
    yield from unknown("record type", value.when.record_type, pack.record_types, "record_type")
    yield from conditions(pack, value.when)
    yield from _reached(pack, value, value.when)
    if pack.classes[value.id].row is None:
        yield "records would fall into it without a row", "give it, or an ancestor, a `row`"


def conditions(pack: Pack, value: When) -> Iterator[Finding]:
    """Tell a condition that no record can meet."""
    codes = {each.code for each in pack.offences}
    for code in sorted(value.offence):
        yield from unknown("offence", code, codes, "offence")
    if value.source_system is not None:
        systems = {each.source_system for each in pack.sources.values()}
        yield from unknown("source system", value.source_system, systems, "source")
    for key, _ in value.metadata:
        if key not in pack.metadata_keys:
            yield f"`when` asks for metadata {key!r}, which is not passed on", "add it to `keys` of [metadata]"


def _reached(pack: Pack, value: Class, when: When) -> Iterator[Finding]:
    """Tell a class all of whose records an earlier one takes."""
    for earlier in pack.in_order:
        if earlier.id == value.id:
            return
        if earlier.when is not None and _takes_all(earlier.when, when):
            yield (
                f"is never reached: all that it would take, {earlier.id!r} takes before it",
                "put it before that class, or narrow that class's `when`",
            )
            return


def _takes_all(earlier: When, later: When) -> bool:
    """Say whether whatever fits the later conditions fits the earlier ones too."""
    names = ("record_type", "source_system", "offending_link", "serious", "part_of")
    return (
        all(getattr(earlier, name) in (None, getattr(later, name)) for name in names)
        and (not earlier.offence or (bool(later.offence) and later.offence <= earlier.offence))
        and set(earlier.metadata) <= set(later.metadata)
    )


def record_type(pack: Pack, value: RecordType) -> Iterator[Finding]:
    """Tell what is wrong with a record type."""
    if value.id in pack.forbidden.types:
        yield "is refused at the door", "take it out of `types` of [forbidden], or take this table out"
    yield from pointers((*value.settled, *value.correctable))
    for pointer in sorted(set(value.settled) & set(value.correctable)):
        yield f"{pointer!r} is both settled and correctable", "keep it in one of the two"
    yield from no_part("offending_roles", value.offending_roles)
    yield from no_part("allegation_roles", value.allegation_roles)
    for role in sorted(value.allegation_roles & _NOT_ACCUSED):
        yield f"`allegation_roles` names {role!r}, who is not accused on a record", "take it out of the list"
    if not any(each.when and each.when.record_type in (None, value.id) for each in pack.in_order):
        yield "no class takes it, so each record of it would be an exception", "add a [[class]] with it in `when`"
    yield from _told(pack, value)


def _told(pack: Pack, value: RecordType) -> Iterator[Finding]:
    if value.when is not None:
        yield from conditions(pack, value.when)
        if value.when == When():
            yield "says by nothing when a record is of this type", "give `when` a condition"
    known = pack.evaluation.assessment
    for grade in sorted(value.not_offending_when_assessed - known) if known else ():
        yield f"`not_offending_when_assessed` names {grade!r}, which is no assessment", "add it to [evaluation]"
