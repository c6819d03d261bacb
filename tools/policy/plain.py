"""A row of the schedule as the words of its keys, and as people read it."""

from typing import Any

from shared.calendar_rules import Period
from shared.policy import Age, Floor, Row, Start
from shared.policy.rule_keys import ROW
from shared.sentences import ordinal

_DEFAULTS = {"regime": "part3", "clock_by": "first", "reaches": "at_once"}
_UNITS = ("y", "m", "d")


def length(period: Period) -> str:
    """Write a period as a pack does."""
    if period.days:
        return f"{period.days}d"
    years, months = divmod(period.months, 12)
    return f"{period.months}m" if months else f"{years}y"


def plain(row: Row) -> dict[str, Any]:
    """Give a row's keys with the values that a pack's text would have; what says nothing is left out."""
    found = {name: _value(row, key.name or name) for name, key in ROW.items()}
    return {name: value for name, value in found.items() if value not in (None, "", [], False, _DEFAULTS.get(name))}


def _value(row: Row, name: str) -> Any:
    if name == "retain":
        ends = "none" if row.ends_on_clock else None
        return "permanent" if row.permanent else length(row.retain) if row.retain else ends
    value = getattr(row, name)
    if name == "clock":
        return [_start(each) for each in value]
    if name == "ages":
        return [_age(each) for each in value]
    if name == "confirmed":
        return {"by": value.by, "on": value.on} if value else None
    if isinstance(value, Period):
        return length(value)
    return list(value) if isinstance(value, tuple) else value


def _start(each: Start) -> str | dict[str, Any]:
    return {"trigger": each.name, "values": sorted(each.values)} if each.values else each.name


def _age(each: Age) -> dict[str, Any]:
    under = {} if each.under is None else {"under": each.under}
    return {"of": sorted(each.of), "years": each.years, **under}


def in_words(period: Period) -> str:
    """Write a period for reading."""
    [(unit, count)] = period.parts().items()
    return f"{count} {unit if count != 1 else unit[:-1]}"


def start_in_words(each: Start) -> str:
    """Write what a clock starts at for reading."""
    name = each.metadata_key or each.name
    values = f" ({' or '.join(sorted(each.values))})" if each.values else ""
    return name.replace("_", " ") + values


def starts_in_words(row: Row) -> str:
    """Write when a row's clock starts, for reading."""
    joined = {"first": ", else ", "any": " or ", "all": " and "}[row.clock_by]
    found = joined.join(map(start_in_words, row.clock))
    if row.is_mopi:
        return "last come to notice" + (f"; nobody grouped: {found}" if found else "")
    return found or ("its case file's" if row.as_file else "")


def kept_in_words(row: Row) -> str:
    """Write how long a row keeps, for reading."""
    ages = [_age_in_words(each) for each in row.ages]
    own = "permanent" if row.permanent else "ends that day" if row.ends_on_clock else ""
    own = in_words(row.retain) if row.retain else own
    own = ", or if later ".join([each for each in (own, *ages) if each])
    if row.refuses:
        return "refused at the door"
    if row.is_mopi:
        return "MoPI" + (f"; nobody grouped: {own}" if own else "")
    return "as its case file" if row.as_file else own


def _age_in_words(each: Age) -> str:
    under = f" if under {each.under}" if each.under else ""
    return f"to the {ordinal(each.years)} birthday of {' or '.join(sorted(each.of))}{under}"


def end_in_words(row: Row) -> str:
    """Write what comes at the end, for reading."""
    steps = [f"offered to the {each}" for each in row.transfers]
    return ", then ".join([*steps, *([row.end] if row.end else [])]) or ("the group's" if row.is_mopi else "")


def floor_in_words(floor: Floor) -> list[str]:
    """Write what a floor gives, a line each, for reading."""
    further = f", and {in_words(floor.add)}" if floor.add != Period() else ""
    lines = [f"{', else '.join(floor.start).replace('_', ' ')}{further}"] if floor.start else []
    lines += [_age_in_words(floor.age) + further] if floor.age else []
    for each in floor.latest:
        more = f", and {in_words(each.add)}" if each.add != Period() else ""
        lines.append(start_in_words(each.start) + more)
    for open_ in floor.pending:
        since = f"from {start_in_words(open_.after)} " if open_.after else ""
        lines.append(f"no day {since}until {' or '.join(map(start_in_words, open_.until))}")
    return lines
