"""What cannot be said of the pack as a whole, of those who send, and of those who look."""

from collections.abc import Iterator

from shared.policy.checks.words import Finding, no_role, pointers, unknown
from shared.policy.pack import Pack
from shared.policy.values import Required, Source, View

_APPROVERS_OF_LIVE = 2
# The least and the most that each number can be: beyond, nothing ever happens, or all of it at once.
_PACE = {
    "lead_days": (0, 3_653),
    "cooling_off_days": (1, 366),
    "news_age_minutes_max": (1, 24 * 60),
    "reviews_per_tick_max": (1, 1_000_000),
    "future_days_max": (0, 366),
}
_OF_A_DISCARD_DAYS_MAX = 366
_EPOCH_DAYS = (1, 3_653)


def mode(pack: Pack) -> Iterator[Finding]:
    """Tell what keeps the pack from being in force as it says."""
    approvers = {name.strip().casefold() for name in pack.mode_approved_by if name.strip()}
    if pack.live and len(approvers) < _APPROVERS_OF_LIVE:
        yield "`mode` is live without two people's approval", "name two in `mode_approved_by`, or set `mode` to observe"
    if not pack.groups:
        yield "the pack has no group", "add the [[group]] tables"


def limits(pack: Pack) -> Iterator[Finding]:
    """Tell what is wrong with the pace."""
    for name, (least, most) in _PACE.items():
        yield from _within(name, getattr(pack.limits, name), least, most)
    if pack.limits.stop_ratio is not None and pack.limits.stop_count is None:
        yield "has `stop_ratio` and no `stop_count`, so no run stops itself", "give `stop_count`, or remove it"
    if pack.limits.earliest is not None and pack.limits.earliest > pack.effective_on:
        yield "`earliest` lies after the pack's first day, so what came before it is refused", "give an earlier day"


def quarantine(pack: Pack) -> Iterator[Finding]:
    """Tell what is wrong with the pace of the quarantine."""
    yield from _within("cooling_off_days", pack.quarantine.cooling_off_days, 0, _OF_A_DISCARD_DAYS_MAX)


def vault(pack: Pack) -> Iterator[Finding]:
    """Tell what is wrong with how long an epoch's keys serve."""
    yield from _within("epoch_days", pack.vault.epoch_days, *_EPOCH_DAYS)


def _within(name: str, value: int, least: int, most: int) -> Iterator[Finding]:
    if not least <= value <= most:
        yield f"`{name}` is {value if value <= most else 'more than makes sense'}", f"give {least} to {most}"


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
