"""The oracle: must this record still exist on this day, and for which reason? Asked of one day after the other."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from tests.oracle.days import Day, last_day_of, next_day, walk
from tests.oracle.files import Files, tell
from tests.oracle.identity import one_person
from tests.oracle.lives import Life
from tests.oracle.people import Person
from tests.oracle.rows import Case, Reason
from tests.oracle.supply import Offer, rules_of
from tests.oracle.wholes import Kept, Own, Wholes


@dataclass(frozen=True)
class Verdict:
    """What policy says of one record."""

    state: str
    keep_until: date | None
    group: str | None
    review_on: date


def judge(life: Life) -> dict[str, Verdict]:
    """Say of each record how long it must exist."""
    cases, wholes = asked(life)
    return {record: _judge(its, wholes.kept(record)) for record, its in cases.items()}


def asked(life: Life) -> tuple[dict[str, list[Case]], Wholes]:
    """Read a life's records, ask each of their rules, and put them into their case files."""
    told = tell(life)
    names, doubts = one_person(life, list(told.values()))
    people = {name: Person(life, name, list(told.values()), names[name], doubts.get(name)) for name in life.persons}
    cases = {record: [Case(each, people, rule) for rule in rules_of(each)] for record, each in told.items()}
    own = {record: Own(each, [_offer(case) for case in cases[record]]) for record, each in told.items()}
    return cases, Wholes(own, Files(told))


def _judge(cases: list[Case], kept: Kept) -> Verdict:
    return Verdict(kept.state, day_object(kept.last), kept.prevails.group, day_object(_review(cases, kept)))


def _offer(case: Case) -> Offer:
    """Ask one rule how long it keeps a record."""
    reasons = list(_reasons(case))
    _impossible(case)
    last = must_exist_until(reasons) if reasons else None
    permanent = bool(case.row and case.row.permanent and not case.rule.until)
    return Offer(case.rule, bool(case.missing), permanent, case.waits, last, case.group, _ends_by_time(case))


def must_exist_until(reasons: list[Reason]) -> Day:
    """Walk day by day from the day on which the last reason began, for as long as any still needs the record."""
    day = max(reason.begins for reason in reasons)
    for reason in reasons:
        day = walk(day, reason.ends)
    return day


def _reasons(case: Case) -> Iterator[Reason]:
    retained = case.decisions.until(case.cadence, case.pack.leap)
    # Where persons' own reviews decide about it, one of the record alone only says that they count on it.
    theirs = case.by_persons and case.grouped and not (case.told.withdrawn or case.rule.until)
    if retained and (not theirs or _ends_by_time(case)):
        yield Reason("a review of this record alone", retained, retained)
    if case.rule.until:
        yield Reason("a decision about this record alone", case.rule.until, case.rule.until)
    if case.rule.impossible:
        case.missing.append("a row that fits")
    row = case.row
    if row is None:
        return
    if case.by_persons and not case.told.withdrawn:
        yield from _persons(case)
    elif not case.rule.until:
        # A record in error keeps its last date, as far as its own facts gave it: no other record's, and no contact.
        in_error = case.told.withdrawn and row.follows == "mopi"
        yield from _before_withdrawn(case) if in_error else case.own_clock(row)
    for name in row.floors:
        yield from case.floor(case.pack.floors[name])


def _before_withdrawn(case: Case) -> Iterator[Reason]:
    told, shown, pack = case.told, case.told.shown, case.pack
    if not (shown.offenders and shown.gives and shown.counts_for_person):
        return
    events = [each for name, trigger in pack.triggers.items() if trigger.qualifying for each in told.befell(name)]
    days = shown.noticed + [day for event, day in events if event.person in (None, *shown.offenders)]
    group = pack.groups[shown.gives]
    if days:
        last = last_day_of(max(days), group.clear or group.cadence, pack.leap)
        yield Reason("what it said before it was withdrawn", last, last)


def _persons(case: Case) -> Iterator[Reason]:
    if not case.grouped:
        case.missing.append("nobody on it is in a group")
    for person in case.grouped:
        if person.missing:
            case.missing.append(f"nothing dates {person.name}")
        if person.last_day:
            yield Reason(f"{person.name} is in {person.group}", person.last_day, person.last_day)


def _impossible(case: Case) -> None:
    """Conduct outside a life is impossible; a child's counts only after a review of the record says why."""
    if not case.follows_persons:
        return
    shown = case.told.shown
    case.missing += [f"nobody can say who {person.name} is: {person.doubt}" for person in case.people if person.doubt]
    for person in case.people:
        if not person.counts_on(case.told, shown):
            case.missing.append(f"{person.name} was a child")
        if shown.conduct and not person.born_by(shown.conduct):
            case.missing.append(f"{person.name} was not born then")
        if person.dead_before(shown.happened):
            case.missing.append(f"{person.name} had died by then")


def _review(cases: list[Case], kept: Kept) -> Day:
    """Find the first day on which somebody is to look at it again."""
    case = cases[0]
    # A person's review covers what they carry, and whatever they date.
    carried = case.told.shown.counts_for_person or any(each.follows_persons for each in cases)
    covered = case.people if carried else []
    reviews = [case.decisions, *(person.decisions for person in covered)]
    # A review before there was a record cannot have been of it.
    since = max([case.told.shown.created, *(each.last for each in reviews if each.last)])
    found = [last_day_of(since, case.cadence, case.pack.leap)]
    row = kept.prevails.rule.row
    if row and row.cycle and not kept.prevails.group:
        found.append(last_day_of(since, row.cycle, case.pack.leap))
    found += [case.decisions.ahead] if case.decisions.ahead else []
    found += [day for person in covered if person.group for day in person.looked_at]
    if kept.state == "current" and kept.last and kept.prevails.group:
        found += _own_ends(covered)
    if kept.state == "current" and kept.last and not kept.by_time:
        found.append(next_day(kept.last))
    return min(found)


def _own_ends(covered: list[Person]) -> Iterator[Day]:
    """A shared record stays while another needs it; whose own reason ends is looked at then, not at its end."""
    for person in covered:
        if not person.group or person.missing or person.doubt:
            continue
        end = next_day(person.last_day)
        stays = any(each.group and (each.last_day is None or each.last_day > person.last_day) for each in covered)
        looked = person.decisions.last and person.decisions.last >= person.opens(end)
        if stays and not looked:
            yield end


def _ends_by_time(case: Case) -> bool:
    """Time alone disposes only where the pack is live, every owner has confirmed it, and nothing is in error."""
    row = case.row
    if case.told.withdrawn or row is None:
        return False
    rules = [row, *(person.rule for person in case.grouped)] if case.by_persons else [row]
    ends = [each.end for each in rules if each.end]
    return case.pack.live and all(rule.confirmed for rule in rules) and bool(ends) and set(ends) == {"dispose"}


def day_object(day: Day | None) -> date | None:
    return date(*day) if day else None
