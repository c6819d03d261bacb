"""What cannot be said of the pack as a whole, of those who send, and of those who look."""

from collections.abc import Iterator

from shared.policy.checks.words import Finding, no_role, pointers, unknown
from shared.policy.pack import Pack
from shared.policy.values import Required, Source, View

_APPROVERS_OF_LIVE = 2


def mode(pack: Pack) -> Iterator[Finding]:
    """Tell what keeps the pack from being in force as it says."""
    if pack.live and len(set(pack.mode_approved_by)) < _APPROVERS_OF_LIVE:
        yield "`mode` is live without two people's approval", "name two in `mode_approved_by`, or set `mode` to observe"
    if not pack.groups:
        yield "the pack has no group", "add the [[group]] tables"


def limits(pack: Pack) -> Iterator[Finding]:
    """Tell what is wrong with the pace."""
    if pack.limits.stop_ratio is not None and pack.limits.stop_count is None:
        yield "has `stop_ratio` and no `stop_count`, so no run stops itself", "give `stop_count`, or remove it"


def source(pack: Pack, value: Source) -> Iterator[Finding]:
    """Tell what is wrong with a sender."""
    systems = {each.source_system for each in pack.sources.values()}
    for system in sorted(value.reports_on):
        yield from unknown("source system", system, systems, "source")
    yield from unknown("row", value.row, pack.rows, "row")
    if any(each.source_system == value.source_system and each.source != value.source for each in pack.sources.values()):
        yield f"shares source system {value.source_system!r} with another source", "give each source its own"


def required(pack: Pack, value: Required) -> Iterator[Finding]:
    """Tell what is wrong with the fields that are asked for."""
    systems = {each.source_system for each in pack.sources.values()}
    yield from unknown("source system", value.source_system, systems, "source")
    yield from unknown("record type", value.record_type, pack.record_types, "record_type")
    yield from pointers(value.fields)


def view(pack: Pack, value: View) -> Iterator[Finding]:
    """Tell what is wrong with a row of the table of views."""
    yield from unknown("purpose", value.purpose, pack.purposes, "purpose")
    yield from no_role("role", value.role)
    for record_type in sorted(value.record_types):
        yield from unknown("record type", record_type, pack.record_types, "record_type")
