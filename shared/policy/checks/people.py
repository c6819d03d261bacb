"""What cannot be said of groups, offences, marks, children, working days and those who are told."""

from collections.abc import Iterator
from datetime import date

from shared.calendar_rules import add
from shared.policy.access import WEEKDAYS
from shared.policy.checks.words import AGE_MAX, Finding, no_role, twice, unknown
from shared.policy.pack import Pack
from shared.policy.rules import Escalation
from shared.policy.values import Flag, Group, Offence


def group(_: Pack, value: Group) -> Iterator[Finding]:
    """Tell what is wrong with a group."""
    kept = [value.clear is not None, value.until_age is not None, value.by_record_type]
    if sum(kept) != 1:
        yield "needs exactly one of `clear`, `until_age`, `by_record_type`", "keep one"
    if value.until_age == 0:
        yield "ends at a birthday that everybody has had", "give `until_age`, one or more"
    if value.until_age is not None and value.until_age > AGE_MAX:
        yield f"ends at a birthday that nobody reaches, the {value.until_age}th", f"give at most {AGE_MAX}"
    if value.cadence is None and not value.by_record_type:
        yield "has no `cadence`", "say how often a retained person is looked at again"
    if value.end == "dispose" and value.chain:
        yield "disposes by time and yet has a chain of approvals", 'remove `chain`, or set `end` to "review"'
    for each in value.chain:
        yield from no_role("chain", each.role)


def offence(pack: Pack, value: Offence) -> Iterator[Finding]:
    """Tell what is wrong with an offence, and which other says something else for the same days."""
    yield from unknown("group", value.group, pack.groups, "group")
    if value.since and value.until and value.since > value.until:
        yield "ends before it begins", "exchange `since` and `until`"
    same = [each for each in pack.offences if each.code == value.code]
    before = same[: next(index for index, each in enumerate(same) if each is value)]
    for other in before:
        if _since(value) <= _until(other) and _since(other) <= _until(value):
            yield (
                f"says of {max(_since(value), _since(other))} what another entry of this code says too",
                "give each code's entries `since` and `until` that do not overlap",
            )


def _since(value: Offence) -> date:
    return value.since or date.min


def _until(value: Offence) -> date:
    return value.until or date.max


def flag(pack: Pack, value: Flag) -> Iterator[Finding]:
    """Tell what is wrong with a mark."""
    yield from unknown("group", value.group, pack.ranks, "group")


def children(pack: Pack) -> Iterator[Finding]:
    """Tell what is wrong with what is said of children."""
    value = pack.children
    if value is None:
        return
    if value.under <= pack.limits.responsible_from_age:
        yield "`under` is no older than `responsible_from_age`", "give a later birthday"
    if not all(value.review_at) or list(value.review_at) != sorted(set(value.review_at)):
        yield "`review_at` is not a list of birthdays one after the other", "write them rising, like [18, 25]"
    if max(value.review_at, default=0) > AGE_MAX:
        yield "`review_at` names a birthday that nobody reaches", f"give at most {AGE_MAX}"
    # From the first of days, as a cadence is chosen: months and days together.
    own = add(date.min, value.cadence, pack.leap)
    longer = [each.id for each in pack.groups.values() if each.cadence and add(date.min, each.cadence, pack.leap) < own]
    if longer:
        yield f"`cadence` is longer than that of {', '.join(longer)}", "shorten it"


def calendar(pack: Pack) -> Iterator[Finding]:
    """Tell what is wrong with the working days."""
    yield from twice("weekend", pack.calendar.weekend)
    for name in pack.calendar.weekend:
        if name not in WEEKDAYS:
            yield f"`weekend` names {name!r}, which is no day", f"use {', '.join(WEEKDAYS)}"
    if set(pack.calendar.weekend) >= set(WEEKDAYS):
        yield "leaves no working day", "take a day out of `weekend`"


def escalation(pack: Pack, value: Escalation) -> Iterator[Finding]:
    """Tell what is wrong with whom a task goes to, and when."""
    yield from no_role("role", value.role)
    same = [each.role for each in pack.escalations].count(value.role)
    if same > 1:
        yield "is told more than once", "keep one [[escalation]] of each role"
    at = next(index for index, each in enumerate(pack.escalations) if each is value)
    if at and _length(value) <= _length(pack.escalations[at - 1]):
        yield "is told no later than the one before it", "put the [[escalation]] tables in the order of `after`"


def _length(value: Escalation) -> int:
    return value.after.days + value.after.months * 28
