"""What cannot be in the retention schedule: rules without a start or an end, steps out of order, keys at odds."""

from collections.abc import Iterator

from shared.policy.checks.words import AGE_MAX, Finding, dates, no_part, starts, twice, unknown
from shared.policy.pack import Pack
from shared.policy.rules import Age, Floor, Row

SUPPLIERS = ("class", "case_file", "source", "override")
_SAYS_NOTHING = Row("")
_OF_NO_RULE = (
    "unit", "follows", "notice", "clock", "clock_by", "retain", "permanent", "ends_on_clock", "ages", "cycle",
    "floors", "transfers", "end", "counts_for_person", "statutory", "locked",
)  # fmt: skip


def prevails(pack: Pack) -> Iterator[Finding]:
    """Tell what is wrong with the order of suppliers."""
    yield from twice("prevails", pack.prevails)
    for name in pack.prevails:
        if name not in SUPPLIERS:
            yield f"`prevails` names {name!r}, which supplies no rule", f"use {', '.join(SUPPLIERS)}"


def row(pack: Pack, value: Row) -> Iterator[Finding]:
    """Tell what is wrong with a row."""
    if value.refuses:
        yield from _refuses(pack, value)
        return
    yield from starts(pack, "clock", value.clock)
    yield from dates("notice", value.notice)
    yield from twice("floors", value.floors)
    for name in value.floors:
        yield from unknown("floor", name, pack.floors, "floor")
    for each in value.ages:
        yield from _age("age", each)
    for rule in (_start, _retain, _end, _follows, _unit, _person, _word):
        yield from rule(value)


def _refuses(pack: Pack, value: Row) -> Iterator[Finding]:
    for name in value.refuses:
        if name not in pack.forbidden.types:
            yield f"`refuses` names {name!r}, which the door takes", "add it to `types` of [forbidden]"
    if any(getattr(value, name) != getattr(_SAYS_NOTHING, name) for name in _OF_NO_RULE):
        yield "says what is refused and yet has a rule", "remove `refuses`, or every key of the rule"


def _start(value: Row) -> Iterator[Finding]:
    if value.follows is None and not value.dates_alone:
        yield "says neither how long nor whom it follows", 'give `retain`, or `follows = "mopi"`'
    if (value.retain or value.ends_on_clock) and not value.clock:
        yield "has a period but no start", "list dates or triggers in `clock`"
    if value.clock and not value.dates_alone and not value.as_file:
        yield "has a start but no period", 'give `retain`, or `retain = "none"` where it ends on that day'
    if value.clock_by != "first" and len(value.clock) < len(("one", "two")):
        yield f'has `clock_by = "{value.clock_by}"` and no two starts', "remove `clock_by`, or list more in `clock`"


def _retain(value: Row) -> Iterator[Finding]:
    if value.permanent and value.ages:
        yield "is permanent and yet ends at a birthday", "remove `age`, or give a period"
    if value.ends_on_clock and value.ages:
        yield "ends on its clock's day and yet at a birthday", "remove `age`, or give a period"


def _end(value: Row) -> Iterator[Finding]:
    if value.permanent and value.end in ("dispose", "transfer"):
        yield f"is permanent and yet {value.end}s", "remove `end`, or give a period"
    if value.follows is None and not value.permanent and value.end is None:
        yield "does not say what comes at the end", 'set `end` to "review" or "dispose"'
    if value.end == "transfer" and not value.transfers:
        yield "ends with a transfer to nobody", "say to whom in `transfer`"
    if value.permanent and value.transfers and not value.cycle:
        yield "is permanent, so its transfer is never reached", "give `cycle`: it is offered whenever it is looked at"
    yield from twice("transfer", value.transfers)


def _follows(value: Row) -> Iterator[Finding]:
    if value.is_mopi and not value.notice:
        yield "follows persons but names no notice date", "list dates in `notice`"
    if value.is_mopi and (value.permanent or value.ends_on_clock):
        yield "follows persons and yet has an end of its own for everyone", "remove `retain`, or `follows`"
    if value.is_mopi and value.reaches == "at_next_review":
        told = "follows persons, one review of whom is of all they carry, and yet waits for each record's own"
        yield told, 'set `reaches` to "at_once" or "new_records_only"'
    if value.is_mopi and value.cycle and not value.dates_alone:
        # With a period of its own it is looked at in its cycle while nobody on it is in a group.
        yield "follows persons, who are looked at by their group's `cadence`, and has a `cycle`", "remove `cycle`"
    if value.is_mopi and value.regime != "part3":
        yield "follows persons, whom only law enforcement (part3) groups", 'set `regime` to "part3"'
    if value.as_file and (value.dates_alone or value.clock or value.notice):
        yield "follows its case file and yet has dates of its own", "remove `follows`, or those dates"


def _unit(value: Row) -> Iterator[Finding]:
    if value.unit is None:
        return
    if value.is_mopi and value.unit != "person":
        yield f"follows persons and is a rule for the {value.unit}", 'remove `unit`, or set it to "person"'
    if value.as_file and value.unit != "case_file":
        yield f"follows its case file and is a rule for the {value.unit}", 'remove `unit`, or set it to "case_file"'
    if value.unit == "person" and not value.is_mopi:
        yield "is a rule for the person and follows none, so it fits no record", 'set `follows` to "mopi"'


def _person(value: Row) -> Iterator[Finding]:
    if value.counts_for_person and value.follows:
        yield "follows and yet says that it counts for persons", "remove `counts_for_person`"
    if value.notice and not (value.is_mopi or value.counts_for_person):
        yield "names notice dates and counts for nobody", "remove `notice`, or say whom it follows"


def _word(value: Row) -> Iterator[Finding]:
    for mark, says in ((value.locked, "locked"), (value.statutory, "statutory")):
        if mark and not value.authority:
            yield f"is {says} without an authority", "name the act or code in `authority`"


def _age(key: str, value: Age) -> Iterator[Finding]:
    yield from no_part(key, value.of)
    if not value.of:
        yield f"`{key}` is of nobody", "list roles in `of`"
    if not value.years:
        yield f"`{key}` is a birthday that everybody has had", "give `years`, one or more"
    if value.years > AGE_MAX:
        yield f"`{key}` is a birthday that nobody reaches", f"give `years`, at most {AGE_MAX}"
    if value.under is not None and not 0 < value.under <= value.years:
        yield f"`{key}` is for those under {value.under}, and they are {value.years} then", "give a lower `under`"


def floor(pack: Pack, value: Floor) -> Iterator[Finding]:
    """Tell what is wrong with a floor."""
    yield from dates("from", value.start)
    yield from starts(pack, "latest", tuple(each.start for each in value.latest))
    for each in value.pending:
        yield from starts(pack, "pending", (*each.until, *([each.after] if each.after else [])))
        if not each.until:
            yield "`pending` says not what ends it", "list triggers in `until`"
        if each.after and each.after in each.until:
            yield f"`pending` begins and ends with {each.after.name!r}", "name another in `until`"
    if value.age:
        yield from _age("age", value.age)
    if not (value.start or value.latest or value.pending or value.age):
        yield "has no start", "list dates in `from`"
    if (value.add.months or value.add.days) and not (value.start or value.age):
        yield "has `add` and nothing to add it to", "list dates in `from`, or give `add` to each of `latest`"
    if value.start and not (value.add.months or value.add.days):
        yield "reaches to the day from which it counts", "give `add`"
